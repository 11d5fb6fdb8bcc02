"""A world on PostgreSQL. What its base has in memory is in the database: any server answers for it."""

import asyncio
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from audience_mock.core.errors import WorldReplacedError
from audience_mock.core.postgres import head as heads
from audience_mock.core.postgres.clock import PostgresClock
from audience_mock.core.postgres.database import READ_ONE_STATE, PostgresDatabase, Session
from audience_mock.core.postgres.faults import PostgresFaults
from audience_mock.core.postgres.head import Head
from audience_mock.core.postgres.journal import PostgresJournal
from audience_mock.core.postgres.limits import PostgresLimits
from audience_mock.core.postgres.rows_of_image import RowsOfImage
from audience_mock.core.postgres.samples import PostgresSamples
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.core.postgres.subscriptions import PostgresSubscribers
from audience_mock.core.postgres.transaction import PostgresTransaction
from audience_mock.core.postgres.waiting import in_greenlet, wait
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds import metadata
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.long_operations import LongOperation
from audience_mock.core.worlds.moments import begin_transaction
from audience_mock.core.worlds.world import World
from audience_mock.core.worlds.worlds import Configure

if TYPE_CHECKING:
    from audience_mock.core.postgres.quotas import PostgresLedger
    from audience_mock.core.store.database import Database


class Copies(Protocol):
    """What copies worlds."""

    def hidden_copy(self, world: "PostgresWorld") -> AbstractContextManager["PostgresWorld"]:
        """A copy that no request can name, deleted afterwards."""


P = ParamSpec("P")
T = TypeVar("T")

LOOK_AGAIN_S = 0.5
"""How often a long operation looks whether another server has replaced its world. Chosen."""

_SAVE = """UPDATE worlds SET ahead_ms = $2, frozen_at_ms = $3, settings = $4, version = version + 1
    WHERE name = $1"""
_RAISE_VERSION = "UPDATE worlds SET version = version + 1 WHERE name = $1"
_DELETE_WINDOWS = f"DELETE FROM {SCHEMA}.windows WHERE image = $1"


class PostgresWorld(World):
    """`image` are its rows, as the head that was seen last says."""

    def __init__(
        self, server: PostgresDatabase, name: str, head: Head, configure: Configure, copies: "Copies"
    ) -> None:
        self.server = server
        self.copies = copies
        self._configure = configure
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
        self._watcher: asyncio.Task[None] | None = None
        self.image = self.version = 0
        super().__init__(cast("Database", RowsOfImage(self)), name=name)
        self.clock = PostgresClock(server.time)
        self.subscribers = PostgresSubscribers(self)
        self.see(head)

    def _reset_memory(self) -> None:
        # As the base; chance differs between servers, which each have their own.
        self.random = random.Random(0 if not self.image else f"{os.getpid()} {self.image}")  # noqa: S311
        self.callers = {}
        self.limits = PostgresLimits(self)
        self.journal = PostgresJournal(self)
        self.faults = PostgresFaults(self)
        self.upload_samples = PostgresSamples(self)  # type: ignore[assignment]
        self.listed_accounts: set[str] = set()
        self._secret = None

    def _load_metadata(self) -> None:
        """The head has it."""

    def see(self, head: Head) -> None:
        """Follow what another server may have changed."""
        self.server.time.observe(head.now_ms)
        if (head.image, head.version) < (self.image, self.version):
            return  # it was read before one that was seen
        if head.image != self.image:
            is_first = self.image == 0
            self.image, self.incarnation = head.image, head.incarnation
            self._reset_memory()
            if not is_first:
                self.long_operations.interrupt_all(but=_current_task())
        self.faults.has_some = head.has_faults  # type: ignore[attr-defined]
        if head.version != self.version:
            self.version = head.version
            self.clock.state = {"ahead_ms": head.ahead_ms, "frozen_at_ms": head.frozen_at_ms}
            self.settings = json.loads(head.settings)
            self.rules, self.options = self._configure(self.settings)
            # Another one, not emptied: who is about to enter a caller looked it up before.
            self.callers = {}

    def refresh(self) -> None:
        """See the head as it is now."""
        head = heads.head_of(self.server.read_row(heads.READ, self.name))
        if head is None:
            self.discard()
        else:
            self.see(head)

    def check_reachable(self) -> None:
        self.server.check_reachable()

    def transact_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self.server.run(lambda: self._transact(lambda tx: operation(tx, *args, **kwargs)))

    def _transact(self, operation: Callable[[Transaction], T]) -> T:
        def locked(session: Session) -> T:
            head = heads.lock(session, self.name)
            if head is None:
                raise WorldReplacedError("the world was deleted meanwhile; nothing was kept")
            self.see(head)
            self._check_replaced()
            begin_transaction()
            tx = PostgresTransaction(session, self.clock.now_ms(), self.rules, self.listed_accounts)
            try:
                result = operation(cast(Transaction, tx))
                if self.quotas is not None and tx.written_bytes:
                    cast("PostgresLedger", self.quotas).check_growth(session, self.name, tx.written_bytes)
            except BaseException:
                self.listed_accounts.clear()
                raise
            if tx.callers.has_changed:
                self.callers = {}
                session.run(_RAISE_VERSION, self.name)
            return result

        # One of this process at a time: a busy world takes one connection, and none overtakes another.
        turn = self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        wait(self._take(turn))
        try:
            return self.server.transact(locked)
        finally:
            turn.release()

    def read_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self._check_replaced()

        def read(session: Session) -> T:
            tx = PostgresTransaction(session, self.clock.now_ms(), self.rules, self.listed_accounts)
            return operation(cast(Transaction, tx), *args, **kwargs)

        return self.server.transact(read, image=self.image, mode=READ_ONE_STATE)

    async def _take(self, turn: asyncio.Lock) -> None:
        """Waits as long as for the lock of the world. Raises StoreUnavailableError."""
        try:
            async with asyncio.timeout(self.server.address.options.lock_timeout_ms / 1000):
                await turn.acquire()
        except TimeoutError:
            raise self.server.availability.took_too_long("other changes of this world are first") from None

    def _check_replaced(self) -> None:
        """Raises WorldReplacedError in a long operation whose world became another one."""
        operation = self.long_operations.of_task(_current_task())
        if operation is not None and operation.image not in (None, self.image):
            operation.interrupted = True
            raise WorldReplacedError("the world was reset, restored or deleted meanwhile; nothing was kept")

    @contextmanager
    def interruptible(self) -> Iterator[LongOperation]:
        with self.long_operations.running() as operation:
            if operation.image is None:
                operation.image = self.image
            if self._watcher is None or self._watcher.done():
                self._watcher = asyncio.create_task(self._watch())
            yield operation

    async def _watch(self) -> None:
        while len(self.long_operations):
            await asyncio.sleep(LOOK_AGAIN_S)
            try:
                await in_greenlet(self.refresh)
            except Exception:  # noqa: BLE001, S112 - the operation itself will see it
                continue

    async def transact_beside(
        self, operation: Callable[[Transaction], T], change: Callable[[Clock], None] | None
    ) -> T:
        if change is None:
            return self.transact_now(operation)
        with self.changing_clock():
            return self.transact_now(lambda tx: self.with_clock(tx, change, operation))

    @contextmanager
    def dry_run(self) -> Iterator[World]:
        """A copy of this world, with the same time, randomness and limits, whose rows are discarded."""
        with self.copies.hidden_copy(self) as copy:
            copy.clock, copy.random, copy.limits = self.clock, self.random, self.limits
            yield copy

    @contextmanager
    def frozen_copy(self) -> Iterator[Transaction]:
        """Its rows as they are now, whatever is changed meanwhile: a transaction that reads one state."""
        with self.server.session(image=self.image, mode=READ_ONE_STATE) as session:
            yield cast(
                Transaction,
                PostgresTransaction(session, self.clock.now_ms(), self.rules, self.listed_accounts),
            )

    async def give_space_back(self) -> None:
        """PostgreSQL itself does."""

    def reset_limits(self) -> None:
        self.server.transact(lambda session: session.run(_DELETE_WINDOWS, self.image))

    def set_clock(self, *, now_ms: int | None = None, frozen: bool | None = None) -> None:
        def change(clock: Clock) -> None:
            if frozen is not None:
                clock.freeze() if frozen else clock.run()
            if now_ms is not None:
                clock.set(now_ms)

        self._change_clock(change)

    def advance_clock(self, by_ms: int) -> None:
        self._change_clock(lambda clock: clock.advance(by_ms))

    def _change_clock(self, change: Callable[[Clock], None]) -> None:
        def changed(tx: Transaction) -> None:
            before_ms = self.clock.now_ms()
            self.with_clock(tx, change, lambda tx: None)
            if self.clock.now_ms() < before_ms:
                _session(tx).run(_DELETE_WINDOWS, self.image)

        with self.changing_clock():
            self.transact_now(changed)

    def set_settings(self, settings: Mapping[str, Any]) -> None:
        def changed(tx: Transaction) -> None:
            self.settings = dict(settings)
            self.save_metadata(tx)

        self.transact_now(changed)
        self.refresh()

    def save_metadata(self, tx: Transaction | None = None) -> None:
        if tx is None:
            self.transact_now(self.save_metadata)
            return
        state = self.clock.state
        _session(tx).run(
            _SAVE, self.name, state["ahead_ms"] or 0, state["frozen_at_ms"], json.dumps(self.settings)
        )

    def secret(self) -> bytes:
        if self._secret is None:
            self._secret = self.transact_now(_secret)
        return bytes.fromhex(self._secret)

    @property
    def is_asleep(self) -> bool:
        return False

    def close(self) -> None:
        """It has nothing open of its own."""

    def discard(self) -> None:
        """It was deleted: whatever still uses it gets WorldReplacedError."""
        self.subscribers.end("deleted")
        self.long_operations.interrupt_all(but=_current_task())


def _secret(tx: Transaction) -> str:
    found: str | None = metadata.read(tx).get(metadata.SECRET)
    if found is None:
        found = os.urandom(32).hex()
        metadata.write(tx, {metadata.SECRET: found})
    return found


def _session(tx: Transaction) -> Session:
    return cast(PostgresTransaction, tx).session


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
