"""A world: an isolated environment with its own data, ids, clock, faults, limits and request journal."""

import os
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from audience_mock.core.controls.faults import Faults
from audience_mock.core.controls.journal import Journal
from audience_mock.core.controls.rate_limits import Limits
from audience_mock.core.controls.subscriptions import Subscribers
from audience_mock.core.rules import Rules
from audience_mock.core.steps import let_others_run
from audience_mock.core.store import memory, orphans, space
from audience_mock.core.store.database import IN_MEMORY, Database
from audience_mock.core.store.transaction import SQLiteTransaction, Transaction
from audience_mock.core.worlds import metadata
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.closed_databases import ClosedDatabase, SleepingDatabase
from audience_mock.core.worlds.exclusive import close_beside, copy_beside, is_large, run_beside
from audience_mock.core.worlds.transactions import TransactionRunner

if TYPE_CHECKING:
    from audience_mock.core.worlds.recording import Recording

DEFAULT = "default"
"""The world of requests that name none."""

T = TypeVar("T")


class Quotas(Protocol):
    """What a world asks before it grows, such as `quotas.Ledger`."""

    def check_transaction(self, world: "World") -> None:
        """Before a transaction is committed. Raises QuotaExceededError."""

    def check_bytes(self, name: str, more_bytes: int) -> None:
        """Before a world grows by so much. Raises StorageQuotaExceededError."""

    def measure(self, world: "World") -> None:
        """After a world became another one."""


class World(TransactionRunner):
    """A database, a clock, a source of randomness and the rules, together.

    `settings` are those that differ from the server's, `options` those of each provider, by its name.
    """

    recording: "Recording | None" = None
    """What is kept to replay it; on SQLite only, and if the rules say so."""

    def __init__(self, database: Database, *, name: str = DEFAULT, rules: Rules | None = None) -> None:
        super().__init__(database, rules or Rules())
        self.name = name
        self.settings: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.last_use_s = time.time()
        """When a request last named it, by the system's clock, whatever the time is in this world."""
        self.quotas: Quotas | None = None
        self._secret: str | None = None
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
        self.callers = {}
        self.limits = Limits()
        self.journal = Journal()
        self.faults = Faults()
        self.upload_samples: deque[Any] = deque()
        """The starts of the newest uploads, which `core.users.samples` keeps."""

    def check_reachable(self) -> None:
        """Raises StoreUnavailableError if what is known of it may be wrong, since its database does not
        answer."""

    def _before_commit(self) -> None:
        if self.quotas is not None:
            self.quotas.check_transaction(self)

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

    @asynccontextmanager
    async def frozen_copy(self) -> AsyncIterator[Transaction]:
        """Its rows as they are now, whatever is changed meanwhile."""
        await self.exclusive.wait_to_read()
        if self.exclusive.copy is not None:
            source = self.exclusive.copy
            image = Database(IN_MEMORY, layout=source.layout, image=source)
        else:
            copy = partial(Database, IN_MEMORY, layout=self.database.layout, image=self.database)
            image = await copy_beside(self.exclusive, self.database, copy)
        try:
            yield SQLiteTransaction(image, self.clock.now_ms(), self.rules, {})
        finally:
            await close_beside(image)

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
        """As `load_image`; a large one is copied, or replaced, in a thread."""
        if not (is_large(image) or is_large(self.database)):
            self.load_image(image)
            return
        async with self.exclusive.take(self.database, readable=self.database.file is not None):
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
        return isinstance(self.database, SleepingDatabase)

    def sleep(self, reopen: Callable[[], Database]) -> None:
        """Close the database until its next use. What is in memory stays: journal, faults, limits."""
        awake = self.database
        awake.close()
        self.database = cast(Database, SleepingDatabase(self, awake, reopen))
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
        self.database = cast(Database, ClosedDatabase())
