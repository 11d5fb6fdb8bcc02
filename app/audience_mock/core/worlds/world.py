"""A world: an isolated environment with its own data, ids, clock, faults, limits and request journal."""

import os
import random
import sqlite3
import time
from asyncio import current_task
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy.exc import DBAPIError

from audience_mock.core.controls.faults import Faults
from audience_mock.core.controls.journal import Journal
from audience_mock.core.controls.rate_limits import Limits
from audience_mock.core.controls.subscriptions import Subscribers
from audience_mock.core.errors import StorageFullError, WorldReplacedError
from audience_mock.core.rules import Rules
from audience_mock.core.steps import let_others_run
from audience_mock.core.store import memory, orphans, space
from audience_mock.core.store.database import IN_MEMORY, Database
from audience_mock.core.store.transaction import SQLiteTransaction, Transaction
from audience_mock.core.worlds import metadata
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.exclusive import Exclusive, is_large, run_beside
from audience_mock.core.worlds.long_operations import LongOperation, LongOperations
from audience_mock.core.worlds.moments import begin_transaction

if TYPE_CHECKING:
    from audience_mock.core.worlds.recording import Recording

DEFAULT = "default"
"""The world of requests that name none."""

P = ParamSpec("P")
T = TypeVar("T")


class Quotas(Protocol):
    """What a world asks before it grows, such as `quotas.Ledger`."""

    def check_transaction(self, world: "World") -> None:
        """Before a transaction is committed. Raises QuotaExceededError."""

    def check_bytes(self, name: str, more_bytes: int) -> None:
        """Before a world grows by so much. Raises StorageQuotaExceededError."""

    def measure(self, world: "World") -> None:
        """After a world became another one."""


class World:
    """A database, a clock, a source of randomness and the rules, together.

    `settings` are those that differ from the server's, `options` those of each provider, by its name.
    """

    recording: "Recording | None" = None
    """What is kept to replay it; on SQLite only, and if the rules say so."""

    def __init__(self, database: Database, *, name: str = DEFAULT, rules: Rules | None = None) -> None:
        self.name = name
        self.database = database
        self.clock = Clock()
        self.rules = rules or Rules()
        self.settings: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.long_operations = LongOperations()
        self.last_use_s = time.time()
        """When a request last named it, by the system's clock, whatever the time is in this world."""
        self.quotas: Quotas | None = None
        self._secret: str | None = None
        self.exclusive = Exclusive()
        self.subscribers = Subscribers()
        self.incarnation = 0
        """How often it has started afresh: numbers of the journal are unique within one."""
        self._reset_memory()
        self._load_metadata()

    def _reset_memory(self) -> None:
        """Start afresh with all that is not in the database."""
        self._end_recording()
        # Seeded, so that a fresh world gives the same request ids every time; nothing secret comes from it.
        self.random = random.Random(0)  # noqa: S311
        self.callers: dict[str, Any] = {}
        """Authenticated callers, cached by the providers: a token is looked up once, not at each request."""
        self.limits = Limits()
        self.journal = Journal()
        self.faults = Faults()
        self.upload_samples: deque[Any] = deque()
        """The starts of the newest uploads, which `core.users.samples` keeps."""

    def check_reachable(self) -> None:
        """Raises StoreUnavailableError if what is known of it may be wrong, since its database does not
        answer."""

    async def transact(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a synchronous function of the core: all that it writes is committed, or nothing."""
        if self.exclusive.is_taken:
            await self.exclusive.wait()
        return self.transact_now(operation, *args, **kwargs)

    async def read(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a synchronous function of the core that writes nothing and runs one statement."""
        if self.exclusive.blocks_reads:
            await self.exclusive.wait()
        return self.read_now(operation, *args, **kwargs)

    def transact_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `transact`, for synchronous callers."""
        try:
            with self.database.transaction():
                begin_transaction()
                result = operation(self._transaction(), *args, **kwargs)
                if self.quotas is not None:
                    self.quotas.check_transaction(self)
                return result
        except (sqlite3.Error, DBAPIError, StorageFullError) as error:
            self._check_disk(error)
            raise

    def read_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, for synchronous callers: the caller is looked up before the request is read."""
        try:
            return operation(self._transaction(), *args, **kwargs)
        except (sqlite3.Error, DBAPIError, StorageFullError) as error:
            self._check_disk(error)
            raise

    def _check_disk(self, error: Exception) -> None:
        """Raises StorageFullError if the error is that of a full disk; the world can be used afterwards."""
        if isinstance(error, StorageFullError):
            why = str(error)
        elif space.is_full(error):
            why = f"the disk is full ({getattr(error, 'orig', error)})"
        else:
            return
        if space.repaired(self.database):
            self.long_operations.interrupt_all(but=current_task())
            why += ": users and parts of uploads that were in its temporary file are lost"
        raise StorageFullError(why) from None

    def _transaction(self) -> Transaction:
        database = self.exclusive.copy or self.database
        return SQLiteTransaction(database, self.clock.now_ms(), self.rules, self.callers)

    def interruptible(self) -> AbstractContextManager[LongOperation]:
        """For what takes several transactions: raises WorldReplacedError from where the body waits, if the
        world is replaced between two of them."""
        return self.long_operations.running()

    async def give_space_back(self) -> None:
        """Free the disk that something large and unfinished took; other requests run meanwhile."""
        more = True
        while more:
            await self.exclusive.wait()
            more = space.give_back(self.database)
            await let_others_run()
        if self.quotas is not None:
            self.quotas.measure(self)

    def set_clock(self, *, now_ms: int | None = None, frozen: bool | None = None) -> None:
        """Set the time, earlier or later, or stop the clock or let it run, or both. A restart keeps it.

        Going back in time starts new windows of the rate limits.
        """
        before_ms = self.clock.now_ms()
        with self.changing_clock():
            if frozen is not None:
                self.clock.freeze() if frozen else self.clock.run()
            if now_ms is not None:
                self.clock.set(now_ms)
            self.save_metadata()
        if self.clock.now_ms() < before_ms:
            self.reset_limits()

    def reset_limits(self) -> None:
        """Start new windows of the rate limits."""
        self.limits = Limits()

    def advance_clock(self, by_ms: int) -> None:
        """Move the time forward. A restart keeps it."""
        with self.changing_clock():
            self.clock.advance(by_ms)
            self.save_metadata()

    @contextmanager
    def changing_clock(self) -> Iterator[None]:
        """The clock is put back if the block, which saves it, raises."""
        before = self.clock.state
        try:
            yield
        except BaseException:
            self.clock.state = before
            raise

    def with_clock(
        self, tx: Transaction, change: Callable[[Clock], None], operation: Callable[[Transaction], T]
    ) -> T:
        """Change the clock and run an operation at its new time, in one transaction, in `changing_clock`."""
        change(self.clock)
        self.save_metadata(tx)
        tx.now_ms = self.clock.now_ms()
        return operation(tx)

    async def transact_beside(
        self, operation: Callable[[Transaction], T], change: Callable[[Clock], None] | None
    ) -> T:
        """As `transact`, of what takes long: beside the event loop. First the clock is changed, if it is to
        be. Meanwhile the world reads as it was before, and whatever writes to it waits."""
        async with self.exclusive.take(self.database):
            clock = Clock()
            clock.state = self.clock.state
            if change is not None:
                change(clock)
            database, rules = self.database, self.rules

            def run() -> T:
                with database.transaction() as connection:
                    if change is not None:
                        metadata.write(connection, {metadata.CLOCK: clock.state})
                    begin_transaction()
                    # Not the world's own cache of callers: others use it meanwhile.
                    result = operation(SQLiteTransaction(database, clock.now_ms(), rules, {}))
                    if self.quotas is not None:
                        self.quotas.check_transaction(self)
                return result

            result = await run_beside(database, run)
            self.callers.clear()
            if change is not None:
                self.clock.state = clock.state
            return result

    @contextmanager
    def frozen_copy(self) -> Iterator[Transaction]:
        """Its rows as they are now, whatever is changed meanwhile. Not while `exclusive.blocks_reads`."""
        source = self.exclusive.copy or self.database
        image = Database(IN_MEMORY, layout=source.layout, image=source)
        try:
            yield SQLiteTransaction(image, self.clock.now_ms(), self.rules, {})
        finally:
            image.close()

    def set_settings(self, settings: Mapping[str, Any]) -> None:
        """Replace the world's own settings. A restart keeps them."""
        with self.database.transaction() as connection:
            metadata.write(connection, {metadata.SETTINGS: settings})
        self.settings = dict(settings)

    def load_image(self, image: Database) -> None:
        """Become what `image` holds, its rows, ids and clock, with everything else as in a fresh world. The
        settings stay; long operations are interrupted.

        The settings are written to the image first, so that all is replaced in one step: after a kill, a
        restart finds everything as it was before or as it is afterwards.
        """
        self._prepare_image(image)
        self.database.load_image(image)
        self._use_image()

    async def load_image_beside(self, image: Database) -> None:
        """As `load_image`; a large one is copied in a thread."""
        if not is_large(image):
            self.load_image(image)
            return
        async with self.exclusive.take(self.database):
            # Now, not before: the settings may change while this waits for its turn.
            self._prepare_image(image)
            await run_beside(self.database, partial(self.database.load_image, image))
        self._use_image()

    def _prepare_image(self, image: Database) -> None:
        with image.transaction() as connection:
            metadata.write(connection, {metadata.SETTINGS: self.settings})
        if self.quotas is not None:
            self.quotas.check_bytes(self.name, image.size_bytes() - self.database.size_bytes())

    def _use_image(self) -> None:
        self.long_operations.interrupt_all()
        self.incarnation += 1
        self._reset_memory()
        self._load_metadata()
        self.record_if_wanted()
        if self.quotas is not None:
            self.quotas.measure(self)

    def record_if_wanted(self) -> None:
        """Begin to record, or end it, as the rules say. To be repeatable, randomness and the windows of rate
        limits start afresh."""
        if not self.rules.record:
            self._end_recording()
        elif self.recording is None:
            from audience_mock.core.worlds.recording import Recording  # noqa: PLC0415 - few are recorded

            self.random = random.Random(0)  # noqa: S311
            self.limits = Limits()
            self.recording = Recording(
                self.database, self.clock, self._effective_settings(), self.journal.last_number
            )

    def _effective_settings(self) -> dict[str, Any]:
        effective: Callable[[], dict[str, Any]] | None = self.options.get("effective_settings")
        return self.settings if effective is None else effective()

    def _end_recording(self) -> None:
        if self.recording is not None:
            self.recording.close()
            self.recording = None

    def finish_copy(self, copy: Database) -> None:
        """Make a copy of the database one of the world: complete, without what is still being written."""
        with copy.transaction() as connection:
            orphans.delete_from(connection)
            metadata.write(connection, self._metadata())

    @contextmanager
    def dry_run(self) -> Iterator["World"]:
        """A copy of this world, with the same time, randomness and limits, whose rows are discarded.

        What other requests change meanwhile is not seen in it, and it takes no ids of this world.
        """
        image = self.exclusive.copy or self.database
        copy = World(Database(layout=self.database.layout, image=image), name=self.name)
        copy.rules, copy.settings, copy.options = self.rules, self.settings, self.options
        copy.clock, copy.random, copy.limits = self.clock, self.random, self.limits
        try:
            yield copy
        finally:
            copy.discard()

    def secret(self) -> bytes:
        """Random bytes that no client knows, made at the first use. They are a part of the world, as its
        rows are: a restart keeps them, a reset makes others."""
        if self._secret is None:
            secret = os.urandom(32).hex()
            with self.database.transaction() as connection:
                metadata.write(connection, {metadata.SECRET: secret})
            self._secret = secret
        return bytes.fromhex(self._secret)

    def save_metadata(self, tx: Transaction | None = None) -> None:
        """Write the clock and the world's own settings to the database, in this transaction or one of their
        own."""
        if tx is not None:
            metadata.write(tx, self._metadata())
            return
        with self.database.transaction() as connection:
            metadata.write(connection, self._metadata())

    def _metadata(self) -> dict[str, Any]:
        return {metadata.CLOCK: self.clock.state, metadata.SETTINGS: self.settings}

    def _load_metadata(self) -> None:
        kept = metadata.read(self.database.connection)
        self.settings = kept.get(metadata.SETTINGS, {})
        self.clock.state = kept.get(metadata.CLOCK, Clock().state)
        self._secret = kept.get(metadata.SECRET)

    @property
    def is_asleep(self) -> bool:
        return isinstance(self.database, _SleepingDatabase)

    def sleep(self, reopen: Callable[[], Database]) -> None:
        """Close the database until its next use. What is in memory stays: journal, faults, limits."""
        awake = self.database
        awake.close()
        self.database = cast(Database, _SleepingDatabase(self, awake, reopen))
        memory.release()

    def close(self) -> None:
        """Close its database, which has everything that a restart finds again."""
        if not self.is_asleep:
            self.database.close()

    def discard(self) -> None:
        """Close it for good: whatever still uses it gets WorldReplacedError."""
        self.subscribers.end("deleted")
        self._end_recording()
        self.long_operations.interrupt_all()
        self.quotas = None
        if not self.is_asleep:
            self.database.close_unsaved()
        self.database = cast(Database, _ClosedDatabase())


class _SleepingDatabase:
    """Opens the database of its world again when it is used."""

    def __init__(self, world: World, awake: Database, reopen: Callable[[], Database]) -> None:
        self.file, self.url, self.layout = awake.file, awake.url, awake.layout
        self._world = world
        self._reopen = reopen

    def __getattr__(self, name: str) -> Any:
        if self._world.is_asleep:
            self._world.database = self._reopen()
        return getattr(self._world.database, name)


class _ClosedDatabase:
    """Replaces the database of a discarded world."""

    def __getattr__(self, name: str) -> NoReturn:
        raise WorldReplacedError("the world was deleted meanwhile; nothing was kept")
