"""A world: all that a running mock remembers, behind one door."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar, cast

from sqlalchemy import delete, insert, select

from audience_mock.core.controls.faults import Faults
from audience_mock.core.controls.journal import Journal
from audience_mock.core.controls.rate_limits import Limits
from audience_mock.core.errors import WorldReplacedError
from audience_mock.core.rules import Rules
from audience_mock.core.store.database import Database
from audience_mock.core.store.tables import WorldMetadata, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.clock import Clock

DEFAULT = "default"
"""The world of who names none."""

P = ParamSpec("P")
T = TypeVar("T")


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
        self._interruptible: dict[asyncio.Task[Any], _Steps] = {}
        self._reset_memory()
        self._load_metadata()

    def _reset_memory(self) -> None:
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
        self._reset_memory()
        own = self.settings
        self._load_metadata()
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
        self.save_metadata()

    def advance_clock(self, by_ms: int) -> None:
        """Move the time forward; a restart finds it so."""
        self.clock.advance(by_ms)
        self.save_metadata()

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
            copy.discard()

    def save_metadata(self) -> None:
        """Write down what the database does not know by itself: the clock and the world's own settings."""
        rows = [
            {"name": name, "value": json.dumps(value)}
            for name, value in (("clock", self.clock.state), ("settings", self.settings))
        ]
        with self.database.transaction() as connection:
            connection.execute(delete(WorldMetadata))
            connection.execute(insert(WorldMetadata), rows)

    def _load_metadata(self) -> None:
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
        steps = self._interruptible.setdefault(task, _Steps())
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
                del self._interruptible[task]

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
        """As `transact`, for callers without an event loop."""
        with self.database.transaction():
            return operation(self._transaction(), *args, **kwargs)

    def _transaction(self) -> Transaction:
        return Transaction(self.database, self.clock.now_ms(), self.rules, self.callers)

    def _break_off(self) -> None:
        for task, steps in self._interruptible.items():
            steps.broken_off = True
            task.cancel()

    def close(self) -> None:
        """Put it to rest as it is."""
        self.save_metadata()
        self.database.close()

    def discard(self) -> None:
        """It is to be no more; who still has something to do in it is told so."""
        self._break_off()
        self.database.close()
        self.database = cast(Database, _Ended())


class _Ended:
    """In the place of the database of a world that is no more."""

    def __getattr__(self, name: str) -> NoReturn:
        raise WorldReplacedError("the world was deleted meanwhile; nothing was kept")
