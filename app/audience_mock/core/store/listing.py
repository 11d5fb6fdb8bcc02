"""A page of a table that callers search and sort as they like, and how many rows there are in all."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, func, select

from audience_mock.core.store.transaction import Transaction


def page_of(
    tx: Transaction,
    columns: Sequence[ColumnElement[Any]],
    criteria: Iterable[ColumnElement[bool]],
    *,
    sort: ColumnElement[Any],
    created: ColumnElement[Any],
    descending: bool,
    limit: int,
    offset: int,
) -> tuple[Sequence[Any], int]:
    """The rows that meet all criteria, whose `now_ms` is the time of the transaction. Those that are equal in
    `sort` are in the order of their creation, which the column `created` has."""
    now = {"now_ms": tx.now_ms}
    matching = select(*columns).where(*criteria)
    total = tx.execute(matching.with_only_columns(func.count(), maintain_column_froms=True), now).scalar_one()
    order = (sort.desc(), created.desc()) if descending else (sort, created)
    rows = tx.execute(matching.order_by(*order).limit(limit).offset(offset), now).all()
    return rows, cast(int, total)
