"""A page of a table that callers search and sort as they like, and how many rows there are in all."""

from collections.abc import Iterable, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any, cast

from sqlalchemy import ColumnElement, String, func, or_, select
from sqlalchemy import cast as sql_cast

from audience_mock.core.store.transaction import Transaction

_LOWERED = str.maketrans(ascii_uppercase, ascii_lowercase)
"""Of ASCII's letters alone, as `lower` of a column: that of a parameter follows the locale of a database."""


def lowered(text: str) -> str:
    """A text for `contains`."""
    return text.translate(_LOWERED)


def contains(column: ColumnElement[Any], part: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Whether a text contains a part, which is `lowered`, in either case of ASCII's letters.

    `instr` compares all of it. In the pattern of a LIKE, SQLite reads nothing behind a U+0000, and some
    characters are wildcards.
    """
    return func.instr(func.lower(column), part) > 0


def by_text(
    text: str, *, name: ColumnElement[Any], number: ColumnElement[Any], others: Iterable[ColumnElement[Any]]
) -> ColumnElement[bool]:
    """Whether a text is a part of the name, the beginning of the number, or one of the others."""
    found = [contains(name, lowered(text)), *(other == text for other in others)]
    if text.isascii() and text.isdigit():
        found.append(sql_cast(number, String).startswith(text))
    return or_(*found)


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
