"""Runs functions of the core in transactions: at once, or beside the event loop."""

import sqlite3
from asyncio import current_task
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

from audience_mock.core.errors import StorageFullError
from audience_mock.core.rules import Rules
from audience_mock.core.store import space
from audience_mock.core.store.database import Database
from audience_mock.core.store.transaction import SQLiteTransaction, Transaction
from audience_mock.core.worlds import metadata
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.exclusive import Exclusive, run_beside
from audience_mock.core.worlds.long_operations import LongOperation, LongOperations
from audience_mock.core.worlds.moments import begin_transaction

P = ParamSpec("P")
T = TypeVar("T")


class TransactionRunner:
    """What runs transactions of a world, and what they need: its database, its time, its rules."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self.database = database
        self.clock = Clock()
        self.rules = rules
        self.callers: dict[str, Any] = {}
        """Authenticated callers, cached by the providers: a token is looked up once, not at each request."""
        self.long_operations = LongOperations()
        self.exclusive = Exclusive()

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
            await self.exclusive.wait_to_read()
        return self.read_now(operation, *args, **kwargs)

    def transact_now(
        self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `transact`, for synchronous callers."""
        try:
            with self.database.transaction():
                begin_transaction()
                result = operation(self._transaction(), *args, **kwargs)
                self._before_commit()
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
                    self._before_commit()
                return result

            result = await run_beside(database, run)
            self.callers.clear()
            if change is not None:
                self.clock.state = clock.state
            return result

    def interruptible(self) -> AbstractContextManager[LongOperation]:
        """For what takes several transactions: raises WorldReplacedError from where the body waits, if the
        world is replaced between two of them."""
        return self.long_operations.running()

    def _before_commit(self) -> None:
        """Raises what rejects the transaction as a whole."""

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
