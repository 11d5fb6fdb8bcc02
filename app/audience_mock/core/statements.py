"""Statements of SQLAlchemy's Core in the driver's own words, for where each microsecond counts.

SQLAlchemy takes 40 to 100 microseconds to run a statement that is built and cached; SQLite takes five. So the
statements of the requests that clients make most are compiled once and handed to the driver.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.sql.expression import ReturnsRows

_DIALECT = SQLiteDialect(paramstyle="named")


class Prepared:
    """A statement that is compiled when it is first run. `columns` are those that an INSERT fills.

    Rows have the names of the columns as attributes, and the values as SQLite has them.
    """

    def __init__(self, statement: ReturnsRows, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns

    @cached_property
    def _compiled(self) -> tuple[str, dict[str, Any]]:
        """The text, and the values that stand in the statement itself."""
        keys = None if self._columns is None else list(self._columns)
        compiled = self._statement.compile(dialect=_DIALECT, column_keys=keys)
        return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}

    @cached_property
    def _row(self) -> Any:
        return namedtuple("Row", [column.key for column in self._statement.exported_columns])

    def all(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> list[Any]:
        text, fixed = self._compiled
        rows = driver.execute(text, {**fixed, **parameters} if fixed else parameters).fetchall()
        return [*map(self._row._make, rows)]

    def one(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> Any:
        """The first row, or None."""
        text, fixed = self._compiled
        row = driver.execute(text, {**fixed, **parameters} if fixed else parameters).fetchone()
        return None if row is None else self._row._make(row)

    def each(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> Iterator[Any]:
        """The rows one by one, as SQLite finds them."""
        text, fixed = self._compiled
        return map(self._row._make, driver.execute(text, {**fixed, **parameters}))

    def many(self, driver: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each of the rows, which are made one by one."""
        driver.executemany(self._compiled[0], rows)
