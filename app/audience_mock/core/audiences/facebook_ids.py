"""The ids that Facebook gives to pixels and to PitchTarget's audiences."""

from collections.abc import Callable
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy import bindparam, exists, func, or_, select, text

from audience_mock.core.store import ids
from audience_mock.core.store.statements import Prepared, Query
from audience_mock.core.store.tables import WAITING, Audience, NextFacebookId, Pixel, Sequence, table_of
from audience_mock.core.store.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")

_audiences, _pixels = table_of(Audience), table_of(Pixel)
_c = _audiences.c
_seeded = table_of(NextFacebookId)
_sequences = table_of(Sequence)


class _NextNumber(NamedTuple):
    facebook_id: str
    taken: bool


DUE = Prepared(select(_c.key).where(text(WAITING), _c.ready_at_ms <= bindparam("now_ms")).limit(1))
"""Whether an audience is due, without waiting for the others."""
_TAKE_SEEDED = Prepared(
    sa.delete(_seeded)
    .where(_seeded.c.position == select(func.min(_seeded.c.position)).scalar_subquery())
    .returning(_seeded.c.facebook_id)
)
_TAKEN_NUMBER = sa.cast(_sequences.c.next - 1, sa.String)
# One statement also tells whether the id is in use: a seed or a test may have set the sequence to any number.
_TAKE_NUMBER = Query(
    _NextNumber,
    sa.update(_sequences)
    .where(_sequences.c.name == ids.FACEBOOK)
    .values(next=_sequences.c.next + 1)
    .returning(
        _TAKEN_NUMBER.label("facebook_id"),
        or_(
            exists().where(_c.facebook_id == _TAKEN_NUMBER),
            exists().where(_pixels.c.facebook_id == _TAKEN_NUMBER),
        ).label("taken"),
    ),
)


def take_next(tx: Transaction) -> str:
    """The next id of Facebook's: one that a seed names, or else of the sequence."""
    seeded: str | None = tx.value(_TAKE_SEEDED, {})
    if seeded is not None:
        return seeded
    while (number := tx.one(_TAKE_NUMBER, {})) is not None and number.taken:
        pass
    assert number is not None, "a database has a row for each sequence"
    return number.facebook_id


def assign_due(tx: Transaction) -> None:
    """Facebook takes the audiences that are due, and gives them ids in the order of their numbers."""
    if tx.value(DUE, {"now_ms": tx.now_ms}) is not None:
        _assign(tx, _c.ready_at_ms <= tx.now_ms)


def assign_to_account(tx: Transaction, *, account: str) -> None:
    """Facebook takes all audiences of an ad account at once."""
    _assign(tx, _c.account == account)


def assign_due_then(
    tx: Transaction,
    operation: Callable[Concatenate[Transaction, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run `operation` after Facebook has taken what is due."""
    assign_due(tx)
    return operation(tx, *args, **kwargs)


def _assign(tx: Transaction, which: sa.ColumnElement[bool]) -> None:
    waiting = select(_c.key).where(text(WAITING), which).order_by(_c.number)
    for key in tx.execute(waiting).scalars().all():
        tx.execute(sa.update(_audiences).where(_c.key == key).values(facebook_id=take_next(tx)))
