"""Audiences: made, found, listed, changed and removed, each by one function within a transaction."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import ColumnDefault, bindparam, delete, func, insert, select, update

from audience_mock.core import ids
from audience_mock.core.errors import NotFound
from audience_mock.core.tables import PINTEREST, PITCHTARGET, Audience, UserBlock, table_of
from audience_mock.core.world import Transaction

_table = table_of(Audience)
_blocks = table_of(UserBlock)
_c = _table.c

SEQUENCE_OF = {PITCHTARGET: ids.PITCHTARGET_AUDIENCE, PINTEREST: ids.PINTEREST_AUDIENCE}

# Built once: a statement costs more to build than to run. A column that is not given takes its default.
_INSERT = insert(_table)
_ONE = (_c.api == bindparam("of_api")) & (_c.number == bindparam("of_number"))
_THIS = _ONE & (_c.account == bindparam("of_account"))
_FIND = select(_table).where(_THIS)
_CHANGE = update(_table).where(_THIS)
_REMOVE = delete(_table).where(_THIS)
_OF_ACCOUNT = select(_table).where(_c.api == bindparam("of_api"), _c.account == bindparam("of_account"))
_RISING = _OF_ACCOUNT.where(_c.number > bindparam("beyond")).order_by(_c.number).limit(bindparam("at_most"))
_FALLING = (
    _OF_ACCOUNT.where(_c.number < bindparam("beyond")).order_by(_c.number.desc()).limit(bindparam("at_most"))
)
_COUNT = select(func.count()).select_from(_table)
_BLANK: dict[str, Any] = {
    column.name: column.default.arg if isinstance(column.default, ColumnDefault) else None
    for column in _c
    if column.name != "key"
}

MAX_NUMBER = (1 << 63) - 1
"""The largest id that a column keeps; a larger one names no audience."""


def create(
    tx: Transaction,
    *,
    api: str,
    account: str,
    kind: str,
    name: str,
    people: int = 0,
    facebook: bool = False,
    columns: Mapping[str, Any] | None = None,
) -> Audience:
    """Make an audience in the ad account `account` and answer it.

    `people` are those it will hold once built; `facebook` gives it a Facebook id at once. `columns` are
    the others of Audience, where they differ from their defaults.
    """
    given = columns or {}
    row = _BLANK | {
        "api": api,
        "number": given["number"] if "number" in given else tx.new_id(SEQUENCE_OF[api]),
        "account": account,
        "kind": kind,
        "name": name,
        "people": people,
        "facebook_id": str(tx.new_id(ids.FACEBOOK)) if facebook else None,
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "ready_at_ms": tx.now_ms + round(tx.rules.build_delay_s * 1000),
        **given,
    }
    row["key"] = tx.execute(_INSERT, row).inserted_primary_key[0]  # type: ignore[index]
    return cast(Audience, SimpleNamespace(**row))


def find(tx: Transaction, *, api: str, account: str, number: int) -> Audience:
    """The audience `number` of an ad account. Raises NotFound."""
    if number <= MAX_NUMBER:
        row = tx.execute(_FIND, _this(api, account, number)).first()
        if row is not None:
            return cast(Audience, row)
    raise NotFound("audience", str(number))


def list_page(
    tx: Transaction, *, api: str, account: str, after: int | None, at_most: int, falling: bool = False
) -> tuple[Sequence[Audience], int | None]:
    """At most `at_most` audiences of an ad account by number, from behind `after`, and where the next
    page continues (None: there is none). Costs the same on each page.
    """
    beyond = after if after is not None else MAX_NUMBER if falling else -1
    rows = tx.execute(
        _FALLING if falling else _RISING,
        {"of_api": api, "of_account": account, "beyond": beyond, "at_most": at_most + 1},
    ).all()
    page = cast(Sequence[Audience], rows[:at_most])
    return page, page[-1].number if len(rows) > at_most else None


def change(tx: Transaction, *, api: str, account: str, number: int, values: Mapping[str, Any]) -> Audience:
    """Set columns of an audience and its time of change; answers it as it is then. Raises NotFound."""
    find(tx, api=api, account=account, number=number)
    tx.execute(_CHANGE, {**values, "updated_at_ms": tx.now_ms, **_this(api, account, number)})
    return find(tx, api=api, account=account, number=number)


def remove(tx: Transaction, *, api: str, account: str, number: int) -> Audience:
    """Take an audience and its users out of the world; answers it as it last was. Raises NotFound."""
    audience = find(tx, api=api, account=account, number=number)
    tx.execute(_REMOVE, _this(api, account, number))
    if audience.user_set is not None:
        tx.execute(delete(_blocks).where(_blocks.c.user_set == audience.user_set))
    return audience


def count(tx: Transaction) -> int:
    """How many audiences of both APIs the world holds."""
    return cast(int, tx.execute(_COUNT).scalar_one())


def _this(api: str, account: str, number: int) -> dict[str, Any]:
    return {"of_api": api, "of_account": account, "of_number": number}
