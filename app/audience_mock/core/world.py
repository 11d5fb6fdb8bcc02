"""A world: all that a running mock remembers, behind one door."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import CursorResult, Executable, bindparam, update

from audience_mock.core.clock import Clock
from audience_mock.core.database import Database
from audience_mock.core.limits import Limits
from audience_mock.core.statements import Prepared
from audience_mock.core.tables import Sequence, table_of

P = ParamSpec("P")
T = TypeVar("T")

_sequences = table_of(Sequence)
_TAKE_ID = Prepared(
    update(_sequences)
    .where(_sequences.c.name == bindparam("sequence"))
    .values(next=_sequences.c.next + 1)
    .returning((_sequences.c.next - 1).label("taken"))
)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a world's settings say about time and size."""

    build_delay_s: float = 5.0
    """Seconds from the making of an audience to READY or TOO_SMALL. Not documented (Pinterest says up to
    24 hours); chosen so that a person sees INITIALIZING and does not wait."""
    match_rate: float = 1.0
    """Share of uploaded users whom the provider knows, 0 to 1; `core.matching` says which. Chosen: all, so
    that an audience has as many people as its file."""
    max_upload_bytes: int = 1 << 30
    """Bytes of one uploaded file. Not documented; chosen as more than any published list."""


class Transaction:
    """What a function of the core may use: the database, the time, new ids. Valid within its transaction.

    `callers` is the world's: who writes a token empties it.
    """

    __slots__ = ("_database", "callers", "now_ms", "rules")

    def __init__(self, database: Database, now_ms: int, rules: Rules, callers: dict[str, Any]) -> None:
        self._database = database
        self.now_ms = now_ms
        self.rules = rules
        self.callers = callers

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Any statement of SQLAlchemy's Core."""
        return self._database.connection.execute(statement, parameters)

    def one(self, statement: Prepared, parameters: Mapping[str, Any]) -> Any:
        """The first row of a prepared statement, or None."""
        return statement.one(self._database.driver, parameters)

    def all(self, statement: Prepared, parameters: Mapping[str, Any]) -> list[Any]:
        """The rows of a prepared statement."""
        return statement.all(self._database.driver, parameters)

    def new_id(self, sequence: str) -> int:
        """The next number of a sequence of `core.ids`; given back if the transaction fails."""
        taken: int = self.one(_TAKE_ID, {"sequence": sequence}).taken
        return taken


class World:
    """A database, a clock, a source of chance and the rules, together."""

    def __init__(self, database: Database, *, clock: Clock | None = None, rules: Rules | None = None) -> None:
        self.database = database
        self.clock = clock or Clock()
        self.rules = rules or Rules()
        # Seeded, so that a fresh world gives the same request ids every time; nothing secret comes from it.
        self.random = random.Random(0)  # noqa: S311
        self.callers: dict[str, Any] = {}
        """Who was let in with what, as the dialects keep it: a token is looked up once, not at each call."""
        self.limits = Limits()

    async def transact(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a synchronous function of the core: all that it writes is kept, or nothing."""
        return self.transact_now(operation, *args, **kwargs)

    async def read(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a synchronous function of the core that writes nothing and makes one statement."""
        return self.read_now(operation, *args, **kwargs)

    def read_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, where nothing waits: who calls is looked up before the request is read."""
        return operation(self._transaction(), *args, **kwargs)

    def transact_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `transact`, for a caller that has no event loop: the start of the world."""
        with self.database.transaction():
            return operation(self._transaction(), *args, **kwargs)

    def _transaction(self) -> Transaction:
        return Transaction(self.database, self.clock.now_ms(), self.rules, self.callers)

    def close(self) -> None:
        self.database.close()
