"""A world: all that a running mock remembers, behind one door."""

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar, cast

from sqlalchemy import CursorResult, Executable, bindparam, delete, insert, select, text, update

from audience_mock.core.audiences.readiness import AFTER_DELAY, AT_ONCE
from audience_mock.core.controls.faults import Faults
from audience_mock.core.controls.journal import Journal
from audience_mock.core.controls.rate_limits import Limits
from audience_mock.core.errors import WorldReplacedError
from audience_mock.core.store.database import Database
from audience_mock.core.store.statements import Prepared
from audience_mock.core.store.tables import Sequence, WorldMetadata, table_of
from audience_mock.core.worlds.clock import Clock

DEFAULT = "default"
"""The world of who names none."""

P = ParamSpec("P")
T = TypeVar("T")

_sequences = table_of(Sequence)
_OF_SEQUENCE = _sequences.c.name == bindparam("sequence")
_NEXT_ID = Prepared(select(_sequences.c.next).where(_OF_SEQUENCE))
# SQLite makes a table for what an UPDATE returns, which takes longer than the rest of it.
_TAKE_ID = Prepared(
    update(_sequences)
    .where(_OF_SEQUENCE, _sequences.c.next == bindparam("number"))
    .values(next=_sequences.c.next + text("1"))
)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a world's settings say about time and size, and what its callers may ask for."""

    build_delay_s: float = 5.0
    """Seconds from the making of an audience to READY or TOO_SMALL. Not documented (Pinterest says up to
    24 hours); chosen so that a person sees INITIALIZING and does not wait."""
    audience_ready: str = AFTER_DELAY
    """What decides when an audience is built: one of `core.policies`."""
    match_rate: float = 1.0
    """Share of uploaded users whom the provider knows, 0 to 1; `core.matching` says which. Chosen: all, so
    that an audience has as many people as its file."""
    max_upload_bytes: int = 1 << 30
    """Bytes of one uploaded file. Not documented; chosen as more than any published list."""
    journal_entries: int = 1_000
    """Requests that the journal keeps; 0 keeps none. Chosen: more than a test makes."""
    journal_bytes: int = 10 << 20
    """Bytes that the journal holds. Chosen: a thousand requests of ordinary size with their answers."""

    @property
    def delay_ms(self) -> int:
        """Milliseconds that a build takes which goes by the clock."""
        return round(self.build_delay_s * 1000)

    @property
    def list_delay_ms(self) -> int:
        """As `delay_ms`, for customer lists and their uploads. Chosen: of the policies, they follow `at_once`
        alone."""
        return 0 if self.audience_ready == AT_ONCE else self.delay_ms

    request_faults: bool = True
    """Whether a request may ask for a fault of its own."""


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

    def each(self, statement: Prepared, parameters: Mapping[str, Any]) -> Iterator[Any]:
        """The rows of a prepared statement, one by one."""
        return statement.each(self._database.driver, parameters)

    def add(self, statement: Prepared, row: Mapping[str, Any]) -> int:
        """Run a prepared INSERT; answers the key that the row was given."""
        return statement.add(self._database.cursor, row)

    def many(self, statement: Prepared, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a prepared statement for each of the rows."""
        statement.many(self._database.driver, rows)

    def new_id(self, sequence: str) -> int:
        """The next number of a sequence of `core.ids`; given back if the transaction fails."""
        database = self._database
        number = database.next_id_cache.get(sequence, 0)
        if not _TAKE_ID.change(database.cursor, {"sequence": sequence, "number": number}):
            number = _NEXT_ID.value(database.driver, {"sequence": sequence})
            _TAKE_ID.change(database.cursor, {"sequence": sequence, "number": number})
        database.next_id_cache[sequence] = number + 1
        return number


@dataclass
class _Steps:
    """How deep a task is in what it does in steps, and whether the world it began in is no more."""

    depth: int = 0
    broken_off: bool = False


class World:
    """A database, a clock, a source of chance and the rules, together.

    `settings` are those that differ here from the server's, `options` what they come to for each provider, by
    its name.
    """

    def __init__(self, database: Database, *, name: str = DEFAULT, rules: Rules | None = None) -> None:
        self.name = name
        self.database = database
        self.clock = Clock()
        self.rules = rules or Rules()
        self.settings: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self._in_steps: dict[asyncio.Task[Any], _Steps] = {}
        self._begin_again()
        self._recall()

    def _begin_again(self) -> None:
        """What is not kept in the database is as in a fresh world."""
        # Seeded, so that a fresh world gives the same request ids every time; nothing secret comes from it.
        self.random = random.Random(0)  # noqa: S311
        self.callers: dict[str, Any] = {}
        """Who was let in with what, as the providers keep it: a token is looked up once, not at each call."""
        self.limits = Limits()
        self.journal = Journal()
        self.faults = Faults()

    def load_image(self, image: Database) -> None:
        """Go back, or over, to what `image` holds: its rows, ids and clock, with nothing else remembered of
        what was. The settings stay. What is being done in several steps is broken off."""
        self._break_off()
        self.database.load_image(image)
        self._begin_again()
        own = self.settings
        self._recall()
        self.settings = own

    def set_clock(self, *, now_ms: int | None = None, frozen: bool | None = None) -> None:
        """Set the time, earlier or later, or stop the clock or let it run, or both; a restart finds it so.

        Who goes back in time begins new windows of limits.
        """
        before_ms = self.clock.now_ms()
        if frozen is not None:
            self.clock.freeze() if frozen else self.clock.run()
        if now_ms is not None:
            self.clock.set(now_ms)
        if self.clock.now_ms() < before_ms:
            self.limits = Limits()
        self.keep()

    def advance_clock(self, by_ms: int) -> None:
        """Move the time forward; a restart finds it so."""
        self.clock.advance(by_ms)
        self.keep()

    @contextmanager
    def dry_run(self) -> Iterator["World"]:
        """A world of the same rows, rules, time, chance and limits, of which nothing is kept.

        It is a copy as of now: what others do meanwhile is kept and not seen in it, and what is done in it
        takes no id of this one's.
        """
        copy = World(Database(layout=self.database.layout, image=self.database), name=self.name)
        copy.rules, copy.settings, copy.options = self.rules, self.settings, self.options
        copy.clock, copy.random, copy.limits = self.clock, self.random, self.limits
        try:
            yield copy
        finally:
            copy.end()

    def keep(self) -> None:
        """Write down what the database does not know by itself: the clock and the world's own settings."""
        rows = [
            {"name": name, "value": json.dumps(value)}
            for name, value in (("clock", self.clock.state), ("settings", self.settings))
        ]
        with self.database.transaction() as connection:
            connection.execute(delete(WorldMetadata))
            connection.execute(insert(WorldMetadata), rows)

    def _recall(self) -> None:
        rows = self.database.connection.execute(select(table_of(WorldMetadata))).all()
        remembered = {row.name: json.loads(row.value) for row in rows}
        self.settings = remembered.get("settings", {})
        self.clock.state = remembered.get("clock", Clock().state)

    @contextmanager
    def interruptible(self) -> Iterator["_Steps"]:
        """For what takes several transactions: if the world becomes another one between two of them, this
        raises Interrupted from where it waits."""
        task = asyncio.current_task()
        assert task is not None
        steps = self._in_steps.setdefault(task, _Steps())
        steps.depth += 1
        try:
            yield steps
        except (asyncio.CancelledError, WorldReplacedError):
            if not steps.broken_off:
                raise
            task.uncancel()
            raise WorldReplacedError(
                "the world was reset, restored or deleted meanwhile; nothing was kept"
            ) from None
        finally:
            steps.depth -= 1
            if not steps.depth:
                del self._in_steps[task]

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
        # As `database.transaction`, whose context takes as long as a statement.
        run = self.database.cursor.execute
        run("BEGIN IMMEDIATE")
        try:
            done = operation(self._transaction(), *args, **kwargs)
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")
        return done

    def _transaction(self) -> Transaction:
        return Transaction(self.database, self.clock.now_ms(), self.rules, self.callers)

    def _break_off(self) -> None:
        for task, steps in self._in_steps.items():
            steps.broken_off = True
            task.cancel()

    def close(self) -> None:
        """Put it to rest as it is."""
        self.keep()
        self.database.close()

    def end(self) -> None:
        """It is to be no more; who still has something to do in it is told so."""
        self._break_off()
        self.database.close()
        self.database = cast(Database, _Ended())


class _Ended:
    """In the place of the database of a world that is no more."""

    def __getattr__(self, name: str) -> NoReturn:
        raise WorldReplacedError("the world was deleted meanwhile; nothing was kept")
