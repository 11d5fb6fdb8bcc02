"""Audiences found, listed and counted."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import bindparam, case, func, select, true

from audience_mock.core.audiences.lifecycle import INITIALIZING
from audience_mock.core.errors import NotFoundError
from audience_mock.core.readiness import FAILS
from audience_mock.core.store.rows import AudiencePageRow, AudienceRow
from audience_mock.core.store.statements import Query
from audience_mock.core.store.tables import Audience, CustomerList, table_of
from audience_mock.core.store.transaction import Transaction

MAX_NUMBER = (1 << 63) - 1
"""The largest id that a column keeps; a larger one names no audience."""

_table = table_of(Audience)
_c = _table.c
_lists = table_of(CustomerList).c

# The people of a customer list as they are now; any other audience has its own.
PEOPLE = case(
    (_c.customer_list.is_(None), _c.people),
    else_=select(_lists.people).where(_lists.number == _c.customer_list).scalar_subquery(),
).label("people")
COLUMNS = tuple(PEOPLE if column is _c.people else column for column in _c)
"""The columns of an AudienceRow."""
PAGE_COLUMNS = tuple(PEOPLE if name == "people" else _c[name] for name in AudiencePageRow._fields)
"""The columns of an AudiencePageRow."""

# Built once: a statement costs more to build than to run.
_SELECT = select(*COLUMNS)
_OF_NUMBER = (_c.api == bindparam("of_api")) & (_c.number == bindparam("of_number"))
_IN_ACCOUNT = (_c.api == bindparam("of_api")) & (_c.account == bindparam("of_account"))
_OF_ACCOUNT = _SELECT.where(_IN_ACCOUNT)
FIND = Query(AudienceRow, _SELECT.where(_OF_NUMBER, _c.account == bindparam("of_account")))
_BY_KEY = Query(AudienceRow, _SELECT.where(_c.key == bindparam("of_key")))
_BY_NUMBER = Query(AudienceRow, _SELECT.where(_OF_NUMBER))
_BY_FACEBOOK_ID = Query(
    AudienceRow,
    _SELECT.where(_c.api == bindparam("of_api"), _c.facebook_id == bindparam("of_facebook_id")),
)
_PAGE = select(*PAGE_COLUMNS).where(_IN_ACCOUNT).limit(bindparam("limit"))
PAGE_ASCENDING = Query(AudiencePageRow, _PAGE.where(_c.number > bindparam("cursor")).order_by(_c.number))
PAGE_DESCENDING = Query(
    AudiencePageRow, _PAGE.where(_c.number < bindparam("cursor")).order_by(_c.number.desc())
)
_COUNT = select(func.count()).select_from(_table)
# As `lifecycle.size_at`, for all of an account in one statement.
_PEOPLE_OF_ACCOUNT = select(func.coalesce(func.sum(PEOPLE), 0)).where(
    _IN_ACCOUNT,
    case(
        (
            _c.held_status.is_(None),
            (_c.ready_at_ms <= bindparam("now_ms")) & func.coalesce(_c.policy != FAILS, true()),
        ),
        else_=_c.held_status.not_like(f"%{INITIALIZING}"),
    ),
)


def find(tx: Transaction, *, api: str, account: str, number: int) -> AudienceRow:
    """The audience `number` of an ad account. Raises NotFoundError."""
    if number <= MAX_NUMBER:
        row = tx.one(FIND, {"of_api": api, "of_account": account, "of_number": number})
        if row is not None:
            return row
    raise NotFoundError("audience", str(number))


def find_by_key(tx: Transaction, *, key: int) -> AudienceRow:
    """The audience with this key of the table. Raises NotFoundError."""
    row = tx.one(_BY_KEY, {"of_key": key})
    if row is None:
        raise NotFoundError("audience", str(key))
    return row


def find_by_any_id(tx: Transaction, *, api: str, id: str) -> AudienceRow:
    """The audience that has `id` as its Facebook id, or else as its number. Raises NotFoundError."""
    if id.isascii() and id.isdigit():
        row = tx.one(_BY_FACEBOOK_ID, {"of_api": api, "of_facebook_id": id})
        if row is None and int(id) <= MAX_NUMBER:
            row = tx.one(_BY_NUMBER, {"of_api": api, "of_number": int(id)})
        if row is not None:
            return row
    raise NotFoundError("audience", id)


def find_with_origin(tx: Transaction, *, api: str, id: str) -> tuple[AudienceRow, AudienceRow | None]:
    """An audience by either id, and the one it is a lookalike of, if this world has that. Raises
    NotFoundError."""
    audience = find_by_any_id(tx, api=api, id=id)
    return audience, _origin_of(tx, audience)


def list_page(
    tx: Transaction, *, api: str, account: str, cursor: int | None, limit: int, descending: bool = False
) -> tuple[Sequence[AudiencePageRow], int | None]:
    """At most `limit` audiences of an ad account by number, after `cursor`, and the cursor of the next page
    (None: this is the last one). Each page costs the same.
    """
    start = cursor if cursor is not None else MAX_NUMBER if descending else -1
    rows = tx.all(
        PAGE_DESCENDING if descending else PAGE_ASCENDING,
        {"of_api": api, "of_account": account, "cursor": start, "limit": limit + 1},
    )
    page = rows[:limit]
    return page, page[-1].number if len(rows) > limit else None


def list_by_offset(
    tx: Transaction, *, api: str, account: str, kind: str | None, offset: int, limit: int
) -> tuple[Sequence[AudienceRow], int]:
    """A page of an ad account's audiences by number, of one kind or any, and how many there are in all."""
    of_kind = () if kind is None else (_c.kind == kind,)
    which = {"of_api": api, "of_account": account}
    page = _OF_ACCOUNT.where(*of_kind).order_by(_c.number).limit(limit).offset(offset)
    total = tx.execute(_OF_ACCOUNT.where(*of_kind).with_only_columns(func.count()), which).scalar_one()
    return [AudienceRow._make(row) for row in tx.execute(page, which)], total


def list_with_origins(
    tx: Transaction, *, api: str, account: str
) -> Sequence[tuple[AudienceRow, AudienceRow | None]]:
    """The audiences of an ad account that Facebook has, by number, each with the one it is a lookalike of."""
    known = _OF_ACCOUNT.where(_c.facebook_id.is_not(None)).order_by(_c.number)
    rows = tx.execute(known, {"of_api": api, "of_account": account}).all()
    return [(row, _origin_of(tx, row)) for row in map(AudienceRow._make, rows)]


def count(tx: Transaction) -> int:
    """How many audiences of both APIs the world holds."""
    return cast(int, tx.execute(_COUNT).scalar_one())


def people_reached(tx: Transaction, *, api: str, account: str) -> int:
    """The sum of the sizes that an ad account's own audiences have now, as `lifecycle.size_at` says."""
    which = {"of_api": api, "of_account": account, "now_ms": tx.now_ms}
    return cast(int, tx.execute(_PEOPLE_OF_ACCOUNT, which).scalar_one())


def _origin_of(tx: Transaction, audience: AudienceRow) -> AudienceRow | None:
    if audience.origin_id is None:
        return None
    try:
        return find_by_any_id(tx, api=audience.api, id=audience.origin_id.strip('"'))
    except NotFoundError:
        return None
