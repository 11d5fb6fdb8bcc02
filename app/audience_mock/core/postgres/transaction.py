"""A transaction of the core on PostgreSQL."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Executable, Result
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.sql.dml import Insert, Update

from audience_mock.core.errors import DuplicateRowError
from audience_mock.core.postgres import compiled
from audience_mock.core.postgres.database import Session
from audience_mock.core.rules import Rules
from audience_mock.core.store.statements import Prepared, Query, R

T = TypeVar("T")

STEP_ROWS = 500
"""Rows that are inserted in one trip. Chosen."""

ROW_BYTES = 32
"""The head of a row, and its image."""

_TAKE_ID = "UPDATE sequences SET next = next + 1 WHERE name = $1 RETURNING next - 1"


class Callers(dict[str, Any]):
    """A world's cache of callers, as a transaction has it: other servers have caches, too."""

    has_changed = False

    def clear(self) -> None:
        super().clear()
        self.has_changed = True


class PostgresTransaction:
    """A `Transaction` of one image."""

    __slots__ = ("callers", "listed_accounts", "now_ms", "rules", "session", "written_bytes")

    def __init__(self, session: Session, now_ms: int, rules: Rules, listed_accounts: set[str]) -> None:
        self.session = session
        self.now_ms = now_ms
        self.rules = rules
        self.callers = Callers()
        self.listed_accounts = listed_accounts
        self.written_bytes = 0
        """About how much was written; 0 if nothing was."""

    def execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        if isinstance(parameters, list):
            self._insert_all(compiled.of_statement(statement, tuple(parameters[0])), parameters)
            return IteratorResult(SimpleResultMetaData([]), iter(()))
        given: Mapping[str, Any] = parameters or {}
        columns = tuple(given) if given and isinstance(statement, Insert | Update) else None
        found = compiled.of_statement(statement, columns)
        records = self._fetch(found, given)
        if found.rejects_duplicates and not records:
            raise DuplicateRowError
        keys = _keys(statement, records)
        rows = map(compiled.without_decimals if found.sums else tuple, records)
        return IteratorResult(SimpleResultMetaData(keys), rows)

    def one(self, query: Query[R], parameters: Mapping[str, Any]) -> R | None:
        records = self._fetch(compiled.of_prepared(query), parameters)
        return query.row(records[0]) if records else None

    def all(self, query: Query[R], parameters: Mapping[str, Any]) -> list[R]:
        return [*map(query.row, self._fetch(compiled.of_prepared(query), parameters))]

    def each(self, query: Query[R], parameters: Mapping[str, Any]) -> Iterator[R]:
        return map(query.row, self._fetch(compiled.of_prepared(query), parameters))

    def value(self, statement: Prepared, parameters: Mapping[str, Any]) -> Any:
        records = self._fetch(compiled.of_prepared(statement), parameters)
        return records[0][0] if records else None

    def insert(self, statement: Prepared, row: Mapping[str, Any]) -> int:
        found = compiled.of_prepared(statement)
        records = self._fetch(found, row)
        if records:
            key: int = records[0][0]
            return key
        if found.rejects_duplicates:
            raise DuplicateRowError
        return 0

    def change(self, statement: Prepared, parameters: Mapping[str, Any]) -> int:
        text, values = compiled.of_prepared(statement).bind(parameters)
        self.written_bytes += _bytes_of(values)
        return self.session.run(text, *values)

    def for_each(self, statement: Prepared, rows: Iterable[Mapping[str, Any]]) -> None:
        self._insert_all(compiled.of_prepared(statement), rows)

    def require_space(self, more_bytes: int) -> None:
        """Its disk is the database's own."""

    def new_id(self, sequence: str) -> int:
        number: int = self.session.row(_TAKE_ID, sequence)[0]
        return number

    def _fetch(self, statement: compiled.Compiled, parameters: Mapping[str, Any]) -> Any:
        text, values = statement.bind(parameters)
        if statement.writes:
            self.written_bytes += _bytes_of(values)
        return self.session.fetch(text, *values)

    def _insert_all(self, statement: compiled.Compiled, rows: Iterable[Mapping[str, Any]]) -> None:
        """Many rows in a trip; only where one is rejected, one by one to find out which."""
        remaining, done = iter(rows), 0
        while step := [*islice(remaining, STEP_ROWS)]:
            values = [statement.bind(row)[1] for row in step]
            self.written_bytes += sum(map(_bytes_of, values))
            if statement.rejects_duplicates:
                self._insert_step(statement, values, done)
            else:
                self.session.run_for_each(statement.text, values)
            done += len(step)

    def _insert_step(self, statement: compiled.Compiled, rows: list[list[Any]], done: int) -> None:
        self.session.run("SAVEPOINT step")
        try:
            self.session.run_for_each(statement.strict_text, rows)
        except asyncpg.UniqueViolationError:
            self.session.run("ROLLBACK TO SAVEPOINT step")
            for position, row in enumerate(rows, start=done):
                if not self.session.fetch(statement.text, *row):
                    raise DuplicateRowError(position) from None
        self.session.run("RELEASE SAVEPOINT step")


def _bytes_of(values: Iterable[Any]) -> int:
    """About how many bytes a row of these takes, with what PostgreSQL keeps of each."""
    return ROW_BYTES + sum(len(value) if isinstance(value, str | bytes) else 8 for value in values)


def _keys(statement: Any, records: Any) -> list[str]:
    if records:
        return [*records[0].keys()]
    columns = getattr(statement, "exported_columns", None)
    return [] if columns is None else [str(column.key) for column in columns]
