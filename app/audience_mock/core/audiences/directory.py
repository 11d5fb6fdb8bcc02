"""The directory of Pinterest's ad accounts: which there are, in the order in which they are listed.

It follows from what is described and from what was made, and is no part of a state. A page of it costs what
it shows; to find the ad accounts by what is in them would read every audience.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select, tuple_

from audience_mock.core.store.statements import Prepared, Query, insert_missing
from audience_mock.core.store.tables import ListedAccount, table_of
from audience_mock.core.store.transaction import Transaction

MAX_REMEMBERED = 1024
"""Ad accounts of a world that are known to be in the directory. Chosen."""

_table = table_of(ListedAccount)
_ENTER = Prepared(insert_missing(_table), columns=("digits", "id"))


class _Listed(NamedTuple):
    digits: int
    id: str


PAGE = Query(
    _Listed,
    select(_table)
    .where(tuple_(_table.c.digits, _table.c.id) > tuple_(bindparam("of_digits"), bindparam("of_id")))
    .order_by(_table.c.digits, _table.c.id)
    .limit(bindparam("limit")),
)


def enter(tx: Transaction, account: str) -> None:
    """Something is described or made in an ad account. Nearly always it is known already: no statement is
    run."""
    if account not in tx.listed_accounts:
        enter_all(tx, [account])


def enter_all(tx: Transaction, accounts: Iterable[str]) -> None:
    """As `enter`, for many."""
    known = tx.listed_accounts
    for account in accounts:
        if len(known) >= MAX_REMEMBERED:
            known.clear()
        tx.insert(_ENTER, {"digits": len(account), "id": account})
        known.add(account)


def after(tx: Transaction, cursor: str, step: int) -> Iterator[str]:
    """The ad accounts after `cursor` ("" is the start) by number, read `step` at a time."""
    rows: Sequence[_Listed] = [_Listed(len(cursor), cursor)]
    while rows:
        last = rows[-1]
        rows = tx.all(PAGE, {"of_digits": last.digits, "of_id": last.id, "limit": step})
        yield from (row.id for row in rows)
