"""Ad accounts: any id is one; nothing has to create it first."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, literal, select, tuple_, union_all

from audience_mock.core.store.tables import CUSTOMER_LIST_API, Audience, CustomerList, table_of
from audience_mock.core.store.transaction import Transaction

_AUDIENCES, _LISTS = table_of(Audience).c, table_of(CustomerList).c
_c = (
    union_all(
        select(_AUDIENCES.api, _AUDIENCES.account, _AUDIENCES.created_at_ms, _AUDIENCES.updated_at_ms),
        select(
            literal(CUSTOMER_LIST_API, literal_execute=True),
            _LISTS.account,
            _LISTS.created_at_ms,
            _LISTS.updated_at_ms,
        ),
    )
    .subquery()
    .c
)
_BY_NUMBER = tuple_(func.length(_c.account), _c.account)
_ACCOUNTS = select(_c.account, func.min(_c.created_at_ms), func.max(_c.updated_at_ms)).group_by(_c.account)
_OF_API = _ACCOUNTS.where(_c.api == bindparam("of_api"))
_ONE = _OF_API.where(_c.account == bindparam("of_account"))
_PAGE = (
    _OF_API.where(tuple_(bindparam("of_length"), bindparam("cursor")) < _BY_NUMBER)
    .order_by(func.length(_c.account), _c.account)
    .limit(bindparam("limit"))
)


class Account(NamedTuple):
    """An ad account, created with its first audience or customer list; an empty one is new."""

    id: str
    created_at_ms: int
    updated_at_ms: int


def find(tx: Transaction, *, api: str, account: str) -> Account:
    """Any ad account: without content it is empty, not missing."""
    row = tx.execute(_ONE, {"of_api": api, "of_account": account}).first()
    return Account(account, tx.now_ms, tx.now_ms) if row is None else Account._make(row)


def list_page(
    tx: Transaction, *, api: str, only: Iterable[str] | None, cursor: str, limit: int
) -> tuple[Sequence[Account], str | None]:
    """At most `limit` ad accounts by number, after `cursor` ("" is the start), and the cursor of the next
    page (None: this is the last one): those with audiences or customer lists, or those of `only`."""
    if only is None:
        which = {"of_api": api, "of_length": len(cursor), "cursor": cursor, "limit": limit + 1}
        found = [Account._make(row) for row in tx.execute(_PAGE, which).all()]
    else:
        rest = sorted((len(id), id) for id in only if (len(id), id) > (len(cursor), cursor))
        found = [find(tx, api=api, account=id) for _, id in rest[: limit + 1]]
    page = found[:limit]
    return page, page[-1].id if len(found) > limit else None
