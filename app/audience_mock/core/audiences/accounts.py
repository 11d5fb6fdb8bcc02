"""Pinterest's ad accounts: found, listed, created.

Any id is an ad account; nothing has to create it first. Those that a seed describes or a call created have a
row. Any other one has the values below, is as old as the first thing in it, and is listed once it holds
something. One changes when something is made in it. All of this is chosen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Select, bindparam, func, insert, literal_column, select, union_all

from audience_mock.core.audiences import directory
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
_FIND: Query[AdAccountRow] = Query(
    AdAccountRow, select(_accounts).where(_accounts.c.id == bindparam("of_account"))
)


class _Made(NamedTuple):
    first_ms: int | None
    last_ms: int | None


def _times_of_content() -> Select[tuple[int | None, int | None]]:
    """When the first and the last thing in an ad account were made, by their numbers: two searches in an
    index for each kind, whatever the ad account holds."""
    times = []
    for table in (table_of(Audience), table_of(CustomerList), table_of(CustomerSegment)):
        # The one API whose ad accounts these are: the index of audiences begins with it.
        of_api = [table.c.api == bindparam("of_api")] if "api" in table.c else []
        made = (
            select(table.c.created_at_ms)
            .where(*of_api, table.c.account == bindparam("of_account"))
            .limit(literal_column("1"))
        )
        first, last = made.order_by(table.c.number), made.order_by(table.c.number.desc())
        times.append(select(first.scalar_subquery().label("first"), last.scalar_subquery().label("last")))
    of_kinds = union_all(*times).subquery().c
    return select(func.min(of_kinds.first).label("first_ms"), func.max(of_kinds.last).label("last_ms"))


_MADE = Query(_Made, _times_of_content())
_INSERT = insert(_accounts)

OF_A_PAGE: Mapping[str, Prepared] = {"directory": directory.PAGE, "find": _FIND, "made": _MADE}
"""For the test of their plans."""


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
    return _find_listed(tx, account) or _account(
        AdAccountRow(account, tx.now_ms, tx.now_ms), _Made(None, None)
    )


def is_listed(tx: Transaction, *, account: str) -> bool:
    """Whether something describes the ad account, or is in it."""
    return _find_listed(tx, account) is not None


def _find_listed(tx: Transaction, account: str) -> Account | None:
    """None if nothing describes the ad account and nothing is in it."""
    row, made = tx.one(_FIND, {"of_account": account}), _made(tx, account)
    if row is None:
        if made.first_ms is None:
            return None
        row = AdAccountRow(account, made.first_ms, made.first_ms)
    return _account(row, made)


def _account(row: AdAccountRow, made: _Made) -> Account:
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
        max(row.updated_at_ms, made.last_ms or 0),
    )


def first_made_ms(tx: Transaction, *, account: str) -> int | None:
    """When the first audience, customer list or segment of an ad account was made; None if it has none."""
    return _made(tx, account).first_ms


def _made(tx: Transaction, account: str) -> _Made:
    return tx.one(_MADE, {"of_api": CUSTOMER_LIST_API, "of_account": account}) or _Made(None, None)


def list_page(
    tx: Transaction, *, only: Iterable[str] | None, cursor: str, limit: int, with_shared: bool = True
) -> tuple[Sequence[Account], str | None]:
    """At most `limit` ad accounts by number, after `cursor` ("" is the start), and the cursor of the next
    page (None: this is the last one): those that are described or hold something, or those of `only`.

    Without `with_shared` only those that the caller owns. Each one that is passed over costs a step, as one
    does that was emptied.
    """
    found = []
    for id in directory.after(tx, cursor, limit + 1) if only is None else _after(only, cursor):
        account = _find_listed(tx, id) if only is None else find(tx, account=id)
        if account is not None and len(id) <= MAX_DIGITS and (with_shared or OWNER in account.permissions):
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
        if _find_listed(tx, id) is None:
            break
    tx.execute(_INSERT, {**values, "id": id, "created_at_ms": tx.now_ms, "updated_at_ms": tx.now_ms})
    directory.enter(tx, id)
    return find(tx, account=id)


def _after(ids: Iterable[str], cursor: str) -> Iterator[str]:
    for digits, id in sorted((len(id), id) for id in ids):
        if (digits, id) > (len(cursor), cursor):
            yield id
