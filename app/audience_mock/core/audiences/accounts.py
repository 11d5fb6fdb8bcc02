"""Pinterest's ad accounts: found, listed, created.

Any id is an ad account; nothing has to create it first. Those that a seed describes or a call created have a
row. Any other one has the values below, is as old as the first thing in it, and is listed once it holds
something. All of this is chosen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ScalarSelect, bindparam, func, insert, select, union_all

from audience_mock.core.store import ids
from audience_mock.core.store.rows import AdAccountRow
from audience_mock.core.store.statements import Prepared, Query
from audience_mock.core.store.tables import (
    CUSTOMER_LIST_API,
    AdAccount,
    Audience,
    CustomerList,
    CustomerSegment,
    table_of,
)
from audience_mock.core.store.transaction import Transaction

UNNAMED = "Ad account {}"
OWNER_ID, OWNER_USERNAME = "549755885100", "audience_mock"
COUNTRY, CURRENCY = "US", "USD"
OWNER = "OWNER"
MAX_DIGITS = 18
"""Of an id that a call can name (described); a seed may have longer ones, which are not listed."""

_accounts = table_of(AdAccount)
_CONTENT = [table_of(model) for model in (Audience, CustomerList, CustomerSegment)]
"""What makes an ad account appear. Each table has an index by account and number."""


def _of_pinterest(table: Any) -> Sequence[Any]:
    """The one API whose ad accounts these are: the index begins with it."""
    return [table.c.api == bindparam("of_api")] if "api" in table.c else []


def _first(column: Any, *where: Any, order: Any) -> ScalarSelect[Any]:
    return select(column).where(*where).order_by(order).limit(1).scalar_subquery()


_CURSOR: Any = bindparam("cursor")
_following = union_all(
    select(_first(_accounts.c.id, _accounts.c.id > _CURSOR, order=_accounts.c.id).label("id")),
    *(
        select(
            _first(table.c.account, *_of_pinterest(table), table.c.account > _CURSOR, order=table.c.account)
        )
        for table in _CONTENT
    ),
).subquery()
_NEXT = Prepared(select(func.min(_following.c.id)))
"""The ad account after another one. Each part is one search in an index, so that a page costs what it shows:
all accounts by their content would be a scan of everything in them."""
_FIND: Query[AdAccountRow] = Query(
    AdAccountRow, select(_accounts).where(_accounts.c.id == bindparam("of_account"))
)
_made: Any = union_all(
    *(
        select(
            _first(
                table.c.created_at_ms,
                *_of_pinterest(table),
                table.c.account == bindparam("of_account"),
                order=table.c.number,
            ).label("at_ms")
        )
        for table in _CONTENT
    )
).subquery()
_FIRST_MADE: Prepared = Prepared(select(func.min(_made.c.at_ms)))
"""When the first thing in an ad account was made, of those with the lowest number of each kind."""
_INSERT = insert(_accounts)

ALL_STATEMENTS: Mapping[str, Prepared] = {"next": _NEXT, "find": _FIND, "first_made": _FIRST_MADE}
"""Those of a page, for the test of their plans."""


class Account(NamedTuple):
    """An ad account; `permissions` are those of the caller, who is its owner unless a seed says otherwise."""

    id: str
    name: str
    owner_id: str
    owner_username: str
    country: str
    currency: str
    time_zone: str | None
    permissions: Sequence[str]
    created_at_ms: int
    updated_at_ms: int


def find(tx: Transaction, *, account: str) -> Account:
    """Any ad account: one that holds nothing and that nothing describes is new, not missing."""
    row = tx.one(_FIND, {"of_account": account})
    if row is None:
        at_ms = first_made_ms(tx, account=account) or tx.now_ms
        row = AdAccountRow(account, at_ms, at_ms)
    return Account(
        row.id,
        row.name or UNNAMED.format(row.id),
        row.owner_id or OWNER_ID,
        row.owner_username or OWNER_USERNAME,
        row.country or COUNTRY,
        row.currency or CURRENCY,
        row.time_zone,
        [OWNER] if row.permissions is None else row.permissions.split(),
        row.created_at_ms,
        row.updated_at_ms,
    )


def first_made_ms(tx: Transaction, *, account: str) -> int | None:
    """When the first audience, customer list or segment of an ad account was made; None if it has none."""
    made: int | None = tx.value(_FIRST_MADE, {"of_api": CUSTOMER_LIST_API, "of_account": account})
    return made


def list_page(
    tx: Transaction, *, only: Iterable[str] | None, cursor: str, limit: int, with_shared: bool = True
) -> tuple[Sequence[Account], str | None]:
    """At most `limit` ad accounts by id, after `cursor` ("" is the start), and the cursor of the next page
    (None: this is the last one): those that are described or hold something, or those of `only`. Without
    `with_shared` only those that the caller owns; each one that is passed over takes a step."""
    found = []
    for id in _all_after(tx, cursor) if only is None else sorted(id for id in only if id > cursor):
        if len(id) <= MAX_DIGITS:
            account = find(tx, account=id)
            if with_shared or OWNER in account.permissions:
                found.append(account)
        if len(found) > limit:
            break
    page = found[:limit]
    return page, page[-1].id if len(found) > limit else None


def create(tx: Transaction, *, values: Mapping[str, str | None]) -> Account:
    """Create an ad account with these columns of its row."""
    while True:
        id = str(tx.new_id(ids.AD_ACCOUNT))
        # A seed may be ahead of the sequence, and something may have been made in an account of any id.
        if tx.one(_FIND, {"of_account": id}) is None and first_made_ms(tx, account=id) is None:
            break
    tx.execute(_INSERT, {**values, "id": id, "created_at_ms": tx.now_ms, "updated_at_ms": tx.now_ms})
    return find(tx, account=id)


def _all_after(tx: Transaction, cursor: str) -> Iterator[str]:
    following: str | None = cursor
    while (following := tx.value(_NEXT, {"of_api": CUSTOMER_LIST_API, "cursor": following})) is not None:
        yield following
