"""Statements of SQLAlchemy's Core as SQL text for the driver, for where each microsecond counts.

SQLAlchemy takes 40 to 100 microseconds to run a statement that is built and cached; SQLite takes five. So the
statements of the most frequent requests are compiled once and passed to the driver.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Insert, Table, insert
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ReturnsRows

# The driver looks up each named parameter, which takes as long as running a small statement.
_DIALECT = SQLiteDialect(paramstyle="qmark")

R = TypeVar("R", bound=NamedTuple)

IGNORE_DUPLICATES = "ignore_duplicates"
"""An execution option of an INSERT: rows that there are already are left out."""


def insert_missing(table: Table) -> Insert:
    """An INSERT of the rows that there are not yet."""
    inserted = insert(table).prefix_with("OR IGNORE", dialect="sqlite")
    return inserted.execution_options(**{IGNORE_DUPLICATES: True})


class Prepared:
    """A statement that is compiled when it is first run. `columns` are those that an INSERT fills."""

    def __init__(self, statement: ReturnsRows | Insert, columns: Sequence[str] | None = None) -> None:
        self.statement = statement
        self.columns = columns

    @cached_property
    def text(self) -> str:
        return str(self._compiled)

    def values(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values of the text's placeholders, in order."""
        return self._pick({**self._constants, **parameters} if self._constants else parameters)

    @cached_property
    def _compiled(self) -> SQLCompiler:
        keys = None if self.columns is None else list(self.columns)
        return self.statement.compile(dialect=_DIALECT, column_keys=keys)

    @cached_property
    def _constants(self) -> dict[str, Any]:
        """The values that the statement itself contains."""
        return {name: value for name, value in self._compiled.params.items() if value is not None}

    @cached_property
    def _pick(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        names = self._compiled.positiontup or []
        if len(names) > 1:
            return itemgetter(*names)
        if names:
            only = names[0]
            return lambda parameters: (parameters[only],)
        return lambda parameters: ()

    def value(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> Any:
        """The first column of the first row, or None if there is no row."""
        row = driver.execute(self.text, self.values(parameters)).fetchone()
        return None if row is None else row[0]

    def insert(self, cursor: sqlite3.Cursor, parameters: Mapping[str, Any]) -> int:
        """Run an INSERT; returns the key of the new row."""
        return cursor.execute(self.text, self.values(parameters)).lastrowid or 0

    def change(self, cursor: sqlite3.Cursor, parameters: Mapping[str, Any]) -> int:
        """Run an UPDATE or DELETE; returns the number of rows."""
        return cursor.execute(self.text, self.values(parameters)).rowcount

    def for_each(self, driver: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each of `rows`, which may be an iterator."""
        driver.executemany(self.text, map(self.values, rows))


class Query(Prepared, Generic[R]):
    """A prepared statement whose rows have the type `row`; values are as SQLite stores them."""

    def __init__(self, row: type[R], statement: ReturnsRows) -> None:
        super().__init__(statement)
        self.row_type = row

    @cached_property
    def row(self) -> Callable[[Any], R]:
        """Makes a row of what a driver returns."""
        names = tuple(str(column.key) for column in self.statement.exported_columns)
        if names != self.row_type._fields:
            raise TypeError(f"{self.row_type.__name__} does not have the columns {', '.join(names)}")
        # As `_make`, which is a function in Python.
        return partial(tuple.__new__, self.row_type)

    def all(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> list[R]:
        return [*map(self.row, driver.execute(self.text, self.values(parameters)).fetchall())]

    def one(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> R | None:
        """The first row, or None."""
        row = driver.execute(self.text, self.values(parameters)).fetchone()
        return None if row is None else self.row(row)

    def each(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> Iterator[R]:
        """The rows one by one, as SQLite finds them."""
        return map(self.row, driver.execute(self.text, self.values(parameters)))
