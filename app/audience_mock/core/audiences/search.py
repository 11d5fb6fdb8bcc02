"""Audiences of all accounts of a world, searched, filtered, sorted and counted in the database.

What a status or a size is at a time is said once more here, in SQL: `lifecycle.status_and_size_at` says it
for one row.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, literal, select

from audience_mock.core.audiences.lifecycle import INITIALIZING, READY, READY_PEOPLE, TOO_SMALL
from audience_mock.core.audiences.queries import COLUMNS, PEOPLE
from audience_mock.core.readiness import FAILS
from audience_mock.core.store.listing import by_text, page_of
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.tables import Audience, table_of
from audience_mock.core.store.transaction import Transaction

_table = table_of(Audience)
_c = _table.c
_NOW: ColumnElement[int] = bindparam("now_ms")
_FAILED = func.coalesce(_c.policy == FAILS, literal(False))
_STATUS = case(
    (_c.held_status.is_not(None), _c.held_status),
    (_c.ready_at_ms > _NOW, INITIALIZING),
    (_FAILED, TOO_SMALL),
    (PEOPLE >= READY_PEOPLE, READY),
    else_=TOO_SMALL,
)
_SIZE = case(
    (_STATUS.like(f"%{INITIALIZING}"), 0),
    (and_(_c.held_status.is_(None), _FAILED), 0),
    else_=PEOPLE,
)
SORTS: dict[str, ColumnElement[Any]] = {
    "created_at": _c.created_at_ms,
    "updated_at": _c.updated_at_ms,
    "ready_at": _c.ready_at_ms,
    "name": func.lower(_c.name),
    "kind": _c.kind,
    "account": _c.account,
    "status": _STATUS,
    "size": _SIZE,
}


def search(
    tx: Transaction,
    *,
    text: str | None = None,
    api: str | None = None,
    account: str | None = None,
    kind: str | None = None,
    status: str | None = None,
    sort: str = "created_at",
    descending: bool = True,
    limit: int,
    offset: int = 0,
) -> tuple[Sequence[AudienceRow], int]:
    """A page of the audiences that meet all criteria, and how many there are in all.

    `text` is a part of the name in any case, the beginning of an id, a Facebook id or an account. `sort` is
    one of SORTS; rows that are equal in it are in the order of their creation.
    """
    criteria: list[ColumnElement[bool]] = []
    if text:
        criteria.append(by_text(text, name=_c.name, number=_c.number, others=(_c.facebook_id, _c.account)))
    for column, value in ((_c.api, api), (_c.account, account), (_c.kind, kind), (_STATUS, status)):
        if value is not None:
            criteria.append(column == value)
    rows, total = page_of(
        tx,
        COLUMNS,
        criteria,
        sort=SORTS[sort],
        created=_c.key,
        descending=descending,
        limit=limit,
        offset=offset,
    )
    return [AudienceRow._make(row) for row in rows], total


def count_by_status(tx: Transaction) -> dict[str, dict[str, int]]:
    """How many audiences there are, by API and current status."""
    counted: dict[str, dict[str, int]] = {}
    grouped = select(_c.api, _STATUS.label("status"), func.count()).group_by(_c.api, "status")
    rows: Any = tx.execute(grouped.order_by(_c.api, "status"), {"now_ms": tx.now_ms})
    for row in rows:
        counted.setdefault(row[0], {})[row[1]] = row[2]
    return counted


def kinds(tx: Transaction) -> dict[str, list[str]]:
    """The kinds of audiences that there are, by API."""
    found: dict[str, list[str]] = {}
    rows: Any = tx.execute(select(_c.api, _c.kind).distinct().order_by(_c.api, _c.kind))
    for row in rows:
        found.setdefault(row[0], []).append(row[1])
    return found
