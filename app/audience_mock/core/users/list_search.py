"""Customer lists of all accounts of a world, searched, filtered and sorted; their statuses overridden."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, bindparam, case, func, select, update

from audience_mock.core.audiences.lifecycle import PROCESSING, READY, READY_PEOPLE, TOO_SMALL
from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.core.errors import InvalidStatusError, NotFoundError
from audience_mock.core.store.listing import by_text, page_of
from audience_mock.core.store.rows import CustomerListRow
from audience_mock.core.store.tables import CustomerList, table_of
from audience_mock.core.store.transaction import Transaction

STATUSES = (PROCESSING, READY, TOO_SMALL, "UPLOADING")
"""Those that a list can have; only a seed or a test sets UPLOADING."""

_table = table_of(CustomerList)
_c = _table.c
_STATUS = case(
    (_c.held_status.is_not(None), _c.held_status),
    (_c.ready_at_ms > bindparam("now_ms"), PROCESSING),
    (_c.people >= READY_PEOPLE, READY),
    else_=TOO_SMALL,
)
SORTS: dict[str, ColumnElement[Any]] = {
    "created_at": _c.created_at_ms,
    "updated_at": _c.updated_at_ms,
    "ready_at": _c.ready_at_ms,
    "name": func.lower(_c.name),
    "account": _c.account,
    "status": _STATUS,
    "people": _c.people,
}


def search(
    tx: Transaction,
    *,
    text: str | None = None,
    account: str | None = None,
    status: str | None = None,
    sort: str = "created_at",
    descending: bool = True,
    limit: int,
    offset: int = 0,
) -> tuple[Sequence[CustomerListRow], int]:
    """As `audiences.search.search`."""
    criteria: list[ColumnElement[bool]] = []
    if text:
        criteria.append(by_text(text, name=_c.name, number=_c.number, others=[_c.account]))
    for column, value in ((_c.account, account), (_STATUS, status)):
        if value is not None:
            criteria.append(column == value)
    rows, total = page_of(
        tx,
        list(_c),
        criteria,
        sort=SORTS[sort],
        created=_c.number,
        descending=descending,
        limit=limit,
        offset=offset,
    )
    return [CustomerListRow._make(row) for row in rows], total


def count(tx: Transaction) -> int:
    return cast(int, tx.execute(select(func.count()).select_from(_table)).scalar_one())


def find(tx: Transaction, *, number: int) -> CustomerListRow:
    """The customer list `number`, of whatever account. Raises NotFoundError."""
    row = tx.execute(select(_table).where(_c.number == number)).first() if number <= MAX_NUMBER else None
    if row is None:
        raise NotFoundError("customer list", str(number))
    return CustomerListRow._make(row)


def override(
    tx: Transaction,
    *,
    number: int,
    status: str | None = None,
    release: bool = False,
    ready_at_ms: int | None = None,
) -> CustomerListRow:
    """Override what the clock would decide; returns the list as it is then. A `status` stays until `release`,
    or until a time is given. Raises NotFoundError, InvalidStatusError."""
    find(tx, number=number)
    values: dict[str, Any] = {}
    if status is not None:
        if status not in STATUSES:
            raise InvalidStatusError(f"a customer list is one of {', '.join(STATUSES)}, not {status[:100]!r}")
        values = {"held_status": status}
    elif release or ready_at_ms is not None:
        values = {"held_status": None}
    if ready_at_ms is not None:
        values["ready_at_ms"] = ready_at_ms
    if values:
        tx.execute(update(_table).where(_c.number == number).values(values))
    return find(tx, number=number)
