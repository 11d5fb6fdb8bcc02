"""Statements of SQLAlchemy's Core in the driver's own words, for where each microsecond counts.

SQLAlchemy takes 40 to 100 microseconds to run a statement that is built and cached; SQLite takes five. So the
statements of the requests that clients make most are compiled once and handed to the driver.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ReturnsRows

_DIALECT = SQLiteDialect(paramstyle="qmark")  # the driver looks up each named one, which takes as long again


class Prepared:
    """A statement that is compiled when it is first run. `columns` are those that an INSERT fills.

    Rows have the names of the columns as attributes, and the values as SQLite has them.
    """

    def __init__(self, statement: ReturnsRows | Insert, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns

    @cached_property
    def text(self) -> str:
        return str(self._compiled)

    def values(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """Those of the text's marks, in their order."""
        return self._pick({**self._fixed, **parameters} if self._fixed else parameters)

    @cached_property
    def _compiled(self) -> SQLCompiler:
        keys = None if self._columns is None else list(self._columns)
        return self._statement.compile(dialect=_DIALECT, column_keys=keys)

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        """The values that stand in the statement itself."""
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

    @cached_property
    def _row(self) -> Any:
        columns: Any = self._statement.exported_columns
        names: list[str] = [column.key for column in columns]
        # As `_make`, which is a function in Python.
        return partial(tuple.__new__, namedtuple("Row", names))

    def all(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> list[Any]:
        return [*map(self._row, driver.execute(self.text, self.values(parameters)).fetchall())]

    def one(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> Any:
        """The first row, or None."""
        row = driver.execute(self.text, self.values(parameters)).fetchone()
        return None if row is None else self._row(row)

    def value(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> Any:
        """The first column of the first row, which there has to be."""
        return driver.execute(self.text, self.values(parameters)).fetchone()[0]

    def each(self, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> Iterator[Any]:
        """The rows one by one, as SQLite finds them."""
        return map(self._row, driver.execute(self.text, self.values(parameters)))

    def add(self, cursor: sqlite3.Cursor, parameters: Mapping[str, Any]) -> int:
        """Run an INSERT; answers the key that the row was given."""
        return cursor.execute(self.text, self.values(parameters)).lastrowid or 0

    def change(self, cursor: sqlite3.Cursor, parameters: Mapping[str, Any]) -> int:
        """Run an UPDATE or DELETE; answers how many rows it was for."""
        return cursor.execute(self.text, self.values(parameters)).rowcount

    def many(self, driver: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each of the rows, which are made one by one."""
        driver.executemany(self.text, map(self.values, rows))
