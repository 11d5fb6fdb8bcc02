"""A transaction: what a function of the core may use of the database, the time, the rules and new ids."""

from collections.abc import Iterable, Iterator, Mapping
from sqlite3 import IntegrityError
from typing import Any, Protocol

import sqlalchemy.exc
from sqlalchemy import Executable, Result, bindparam, select, text, update

from audience_mock.core.errors import DuplicateRowError
from audience_mock.core.rules import Rules
from audience_mock.core.store import space
from audience_mock.core.store.database import Database
from audience_mock.core.store.statements import Prepared, Query, R
from audience_mock.core.store.tables import Sequence, table_of

_sequences = table_of(Sequence)
_OF_SEQUENCE = _sequences.c.name == bindparam("sequence")
_NEXT_ID = Prepared(select(_sequences.c.next).where(_OF_SEQUENCE))
# SQLite makes a table for what an UPDATE returns, which takes longer than the rest of it.
_TAKE_ID = Prepared(
    update(_sequences)
    .where(_OF_SEQUENCE, _sequences.c.next == bindparam("number"))
    .values(next=_sequences.c.next + text("1"))
)


class Transaction(Protocol):
    """What a function of the core may use: the database, the time, the rules, new ids. Not valid afterwards.

    `callers` is the world's cache of authenticated callers; whatever writes a token clears it.
    """

    now_ms: int
    rules: Rules
    callers: dict[str, Any]

    @property
    def listed_accounts(self) -> set[str]:
        """Some of the ad accounts that are in the directory."""

    def execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        """Any statement of SQLAlchemy's Core. Raises DuplicateRowError."""

    def one(self, query: Query[R], parameters: Mapping[str, Any]) -> R | None:
        """The first row of a query, or None."""

    def all(self, query: Query[R], parameters: Mapping[str, Any]) -> list[R]:
        """The rows of a query."""

    def each(self, query: Query[R], parameters: Mapping[str, Any]) -> Iterator[R]:
        """The rows of a query, one by one."""

    def value(self, statement: Prepared, parameters: Mapping[str, Any]) -> Any:
        """The first column of the first row of a prepared statement, or None if there is no row."""

    def insert(self, statement: Prepared, row: Mapping[str, Any]) -> int:
        """Run a prepared INSERT; returns the key of the new row. Raises DuplicateRowError."""

    def change(self, statement: Prepared, parameters: Mapping[str, Any]) -> int:
        """Run a prepared UPDATE or DELETE; returns the number of rows."""

    def for_each(self, statement: Prepared, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a prepared INSERT for each of `rows`. Raises DuplicateRowError, which says for which one."""

    def require_space(self, more_bytes: int) -> None:
        """Raises StorageFullError if so many bytes of users or parts may not fit on the disk."""

    def new_id(self, sequence: str) -> int:
        """The next number of a sequence of `store.ids`; not used up if the transaction fails."""


class SQLiteTransaction:
    """A `Transaction` of a SQLite database."""

    __slots__ = ("_database", "callers", "now_ms", "rules")

    def __init__(self, database: Database, now_ms: int, rules: Rules, callers: dict[str, Any]) -> None:
        self._database = database
        self.now_ms = now_ms
        self.rules = rules
        self.callers = callers

    @property
    def listed_accounts(self) -> set[str]:
        return self._database.listed_accounts

    def execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        try:
            return self._database.connection.execute(statement, parameters)
        except sqlalchemy.exc.IntegrityError as error:
            raise DuplicateRowError from error

    def one(self, query: Query[R], parameters: Mapping[str, Any]) -> R | None:
        return query.one(self._database.driver, parameters)

    def all(self, query: Query[R], parameters: Mapping[str, Any]) -> list[R]:
        return query.all(self._database.driver, parameters)

    def each(self, query: Query[R], parameters: Mapping[str, Any]) -> Iterator[R]:
        return query.each(self._database.driver, parameters)

    def value(self, statement: Prepared, parameters: Mapping[str, Any]) -> Any:
        return statement.value(self._database.driver, parameters)

    def insert(self, statement: Prepared, row: Mapping[str, Any]) -> int:
        try:
            return statement.insert(self._database.cursor, row)
        except IntegrityError as error:
            raise DuplicateRowError from error

    def change(self, statement: Prepared, parameters: Mapping[str, Any]) -> int:
        return statement.change(self._database.cursor, parameters)

    def for_each(self, statement: Prepared, rows: Iterable[Mapping[str, Any]]) -> None:
        try:
            statement.for_each(self._database.driver, rows)
        except IntegrityError as error:
            raise DuplicateRowError from error

    def require_space(self, more_bytes: int) -> None:
        space.require(self._database, more_bytes)

    def new_id(self, sequence: str) -> int:
        database = self._database
        number = database.next_id_cache.get(sequence, 0)
        if not _TAKE_ID.change(database.cursor, {"sequence": sequence, "number": number}):
            number = _NEXT_ID.value(database.driver, {"sequence": sequence})
            _TAKE_ID.change(database.cursor, {"sequence": sequence, "number": number})
        database.next_id_cache[sequence] = number + 1
        return number
