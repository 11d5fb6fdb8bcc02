"""A long transaction of a world, beside the event loop.

While one runs, reads see the world as it was before, in a copy, and whatever writes waits until it has ended;
so do reads of a world that is too large to be copied. Other worlds are not concerned.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from audience_mock.core.store.database import IN_MEMORY, Database

T = TypeVar("T")

COPIED_BYTES = 64 << 20
"""Up to here a world is copied for those who read it: 30 ms. Chosen."""

BESIDE_BYTES = 4 << 20
"""Up to here a file is copied at once, in some milliseconds; a thread and a copy for readers take as long.
Chosen."""


class Exclusive:
    """Who has a world's database for a while; `copy` is what others read meanwhile, if there is one."""

    def __init__(self) -> None:
        self.copy: Database | None = None
        self._ended: asyncio.Event | None = None
        self.waiting = 0
        """Those who wait until it is free."""

    @property
    def is_taken(self) -> bool:
        return self._ended is not None

    @property
    def blocks_reads(self) -> bool:
        return self._ended is not None and self.copy is None

    async def wait(self) -> None:
        """Wait until it is free."""
        while self._ended is not None:
            self.waiting += 1
            try:
                await self._ended.wait()
            finally:
                self.waiting -= 1

    @asynccontextmanager
    async def take(self, database: Database) -> AsyncIterator[None]:
        """Have the database alone during the block."""
        await self.wait()
        self._ended = asyncio.Event()
        try:
            if database.size_bytes() <= COPIED_BYTES:
                self.copy = Database(IN_MEMORY, layout=database.layout, image=database)
            yield
        finally:
            copy, self.copy = self.copy, None
            ended, self._ended = self._ended, None
            ended.set()
            if copy is not None:
                copy.close()


def is_large(database: Database) -> bool:
    """Whether a copy of its file takes long enough for a thread of its own."""
    return database.file is not None and database.size_bytes() > BESIDE_BYTES


async def copy_beside(exclusive: Exclusive, database: Database, copy: Callable[[], T]) -> T:
    """Run what copies a database; of a large one in a thread, while whatever writes to it waits."""
    if not is_large(database):
        return copy()
    async with exclusive.take(database):
        return await run_beside(database, copy)


async def run_beside(database: Database, function: Callable[[], T]) -> T:
    """Run a transaction in a thread. If the task is cancelled it is rolled back before this returns."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        # The statement that runs, and each that follows, ends with an error.
        database.driver.set_progress_handler(lambda: 1, 1000)
        try:
            # Cancelled again while it waits, as tasks of anyio are until they end, it waits on.
            while not running.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([running])
            if not running.cancelled():
                running.exception()
        finally:
            database.driver.set_progress_handler(None, 0)
        raise
