"""The next ids: read and set."""

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, select, update

from audience_mock.core.apis import public_sequences
from audience_mock.core.store import ids
from audience_mock.core.store.tables import NextFacebookId, Sequence, table_of
from audience_mock.core.store.transaction import Transaction

ALLOWED_NUMBERS = range(1, 10**17)
"""Numbers that a sequence may be set to: at most 17 digits, as in a seed, so that later ids stay within the
18 digits that an id may have."""

_table, _named = table_of(Sequence), table_of(NextFacebookId)
_NEXT = select(_table.c.name, _table.c.next)
_SET = update(_table).where(_table.c.name == bindparam("sequence")).values(next=bindparam("number"))
_NAMED = select(_named.c.facebook_id).order_by(_named.c.position).limit(1)


def next_ids(tx: Transaction) -> Mapping[str, str]:
    """The next id of each sequence; ids that are taken are skipped when an id is given.

    Facebook's is the first that a seed names, while there are such.
    """
    found = {row.name: str(row.next) for row in tx.execute(_NEXT).all()}
    named = tx.execute(_NAMED).scalar_one_or_none()
    if named is not None:
        found[ids.FACEBOOK] = named
    return {name: found[name] for name in public_sequences()}


def set_next(tx: Transaction, numbers: Mapping[str, int]) -> Mapping[str, str]:
    """Set the next numbers of sequences, higher or lower; returns the `next_ids`. Setting Facebook's discards
    the ids that a seed names for it."""
    for name, number in numbers.items():
        tx.execute(_SET, {"sequence": name, "number": number})
    if ids.FACEBOOK in numbers:
        tx.execute(delete(_named))
    return next_ids(tx)


def all_numbers(tx: Transaction) -> dict[str, int]:
    """The next number of each sequence, those that no client sees too."""
    return {row.name: row.next for row in tx.execute(_NEXT).all()}
