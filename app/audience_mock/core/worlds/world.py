"""A world: an isolated environment with its own data, ids, clock, faults, limits and request journal."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar, cast

from sqlalchemy import delete, insert, select

from audience_mock.core.controls.faults import Faults
from audience_mock.core.controls.journal import Journal
from audience_mock.core.controls.rate_limits import Limits
from audience_mock.core.controls.subscriptions import Subscribers
from audience_mock.core.errors import WorldReplacedError
from audience_mock.core.rules import Rules
from audience_mock.core.store.database import Database
from audience_mock.core.store.tables import WorldMetadata, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.long_operations import LongOperation, LongOperations

DEFAULT = "default"
"""The world of requests that name none."""

P = ParamSpec("P")
T = TypeVar("T")


class World:
    """A database, a clock, a source of randomness and the rules, together.

    `settings` are those that differ from the server's, `options` those of each provider, by its name.
    """

    def __init__(self, database: Database, *, name: str = DEFAULT, rules: Rules | None = None) -> None:
        self.name = name
        self.database = database
        self.clock = Clock()
        self.rules = rules or Rules()
        self.settings: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.long_operations = LongOperations()
        self.subscribers = Subscribers()
        self.incarnation = 0
        """How often it has started afresh: numbers of the journal are unique within one."""
        self._reset_memory()
        self._load_metadata()

    def _reset_memory(self) -> None:
        """Start afresh with all that is not in the database."""
        # Seeded, so that a fresh world gives the same request ids every time; nothing secret comes from it.
        self.random = random.Random(0)  # noqa: S311
        self.callers: dict[str, Any] = {}
        """Authenticated callers, cached by the providers: a token is looked up once, not at each request."""
        self.limits = Limits()
        self.journal = Journal()
        self.faults = Faults()

    async def transact(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a synchronous function of the core: all that it writes is committed, or nothing."""
        return self.transact_now(operation, *args, **kwargs)

    async def read(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a synchronous function of the core that writes nothing and runs one statement."""
        return self.read_now(operation, *args, **kwargs)

    def transact_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `transact`, for synchronous callers."""
        with self.database.transaction():
            return operation(self._transaction(), *args, **kwargs)

    def read_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, for synchronous callers: the caller is looked up before the request is read."""
        return operation(self._transaction(), *args, **kwargs)

    def _transaction(self) -> Transaction:
        return Transaction(self.database, self.clock.now_ms(), self.rules, self.callers)

    def interruptible(self) -> AbstractContextManager[LongOperation]:
        """For what takes several transactions: raises WorldReplacedError from where the body waits, if the
        world is replaced between two of them."""
        return self.long_operations.running()

    def set_clock(self, *, now_ms: int | None = None, frozen: bool | None = None) -> None:
        """Set the time, earlier or later, or stop the clock or let it run, or both. A restart keeps it.

        Going back in time starts new windows of the rate limits.
        """
        before_ms = self.clock.now_ms()
        if frozen is not None:
            self.clock.freeze() if frozen else self.clock.run()
        if now_ms is not None:
            self.clock.set(now_ms)
        if self.clock.now_ms() < before_ms:
            self.limits = Limits()
        self.save_metadata()

    def advance_clock(self, by_ms: int) -> None:
        """Move the time forward. A restart keeps it."""
        self.clock.advance(by_ms)
        self.save_metadata()

    def load_image(self, image: Database) -> None:
        """Become what `image` holds, its rows, ids and clock, with everything else as in a fresh world. The
        settings stay; long operations are interrupted."""
        self.long_operations.interrupt_all()
        self.database.load_image(image)
        self.incarnation += 1
        self._reset_memory()
        settings = self.settings
        self._load_metadata()
        self.settings = settings

    @contextmanager
    def dry_run(self) -> Iterator["World"]:
        """A copy of this world, with the same time, randomness and limits, whose rows are discarded.

        What other requests change meanwhile is not seen in it, and it takes no ids of this world.
        """
        copy = World(Database(layout=self.database.layout, image=self.database), name=self.name)
        copy.rules, copy.settings, copy.options = self.rules, self.settings, self.options
        copy.clock, copy.random, copy.limits = self.clock, self.random, self.limits
        try:
            yield copy
        finally:
            copy.discard()

    def save_metadata(self) -> None:
        """Write what is not in rows yet to the database: the clock and the world's own settings."""
        rows = [
            {"name": name, "value": json.dumps(value)}
            for name, value in (("clock", self.clock.state), ("settings", self.settings))
        ]
        with self.database.transaction() as connection:
            connection.execute(delete(WorldMetadata))
            connection.execute(insert(WorldMetadata), rows)

    def _load_metadata(self) -> None:
        rows = self.database.connection.execute(select(table_of(WorldMetadata))).all()
        metadata = {row.name: json.loads(row.value) for row in rows}
        self.settings = metadata.get("settings", {})
        self.clock.state = metadata.get("clock", Clock().state)

    def close(self) -> None:
        """Save it and close its database."""
        self.save_metadata()
        self.database.close()

    def discard(self) -> None:
        """Close it for good: whatever still uses it gets WorldReplacedError."""
        self.subscribers.end("deleted")
        self.long_operations.interrupt_all()
        self.database.close()
        self.database = cast(Database, _ClosedDatabase())


class _ClosedDatabase:
    """Replaces the database of a discarded world."""

    def __getattr__(self, name: str) -> NoReturn:
        raise WorldReplacedError("the world was deleted meanwhile; nothing was kept")
