"""A long transaction of a world, beside the event loop.

While one runs, reads see the world as it was before, in a copy, and whatever writes waits until it has ended;
so do reads of a world that is too large to be copied. Other worlds are not concerned.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TypeVar

from audience_mock.core.steps import beside
from audience_mock.core.store.database import IN_MEMORY, Database

T = TypeVar("T")

COPIED_BYTES = 64 << 20
"""Up to here a world is copied for those who read it: 30 ms. Chosen."""

BESIDE_BYTES = 4 << 20
"""Up to here a database is copied at once, in some milliseconds; a thread and a copy for readers take as
long. Chosen."""


class Exclusive:
    """Who has a world's database for a while; `copy` is what others read meanwhile, if there is one."""

    def __init__(self) -> None:
        self.copy: Database | None = None
        self._ended: asyncio.Event | None = None
        self._readable = asyncio.Event()
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

    async def wait_to_read(self) -> None:
        """Wait until there is a copy, or it is free."""
        while self.blocks_reads:
            self.waiting += 1
            try:
                await self._readable.wait()
            finally:
                self.waiting -= 1

    @asynccontextmanager
    async def take(self, database: Database, *, readable: bool = True) -> AsyncIterator[None]:
        """Have the database alone during the block; others have a copy to read if it is to be `readable`."""
        await self.wait()
        self._ended = asyncio.Event()
        self._readable.clear()
        try:
            if readable and database.size_bytes() <= COPIED_BYTES:
                make = partial(Database, IN_MEMORY, layout=database.layout, image=database)
                self.copy = await beside(make) if is_large(database) else make()
                self._readable.set()
            yield
        finally:
            copy, self.copy = self.copy, None
            ended, self._ended = self._ended, None
            ended.set()
            self._readable.set()
            if copy is not None:
                await close_beside(copy)


class BeingMade:
    """The names of worlds that are being made, in steps between which other requests run."""

    def __init__(self) -> None:
        self._ended: dict[str, asyncio.Event] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._ended

    @contextmanager
    def making(self, name: str) -> Iterator[None]:
        """While it is made, its name is taken."""
        ended = self._ended[name] = asyncio.Event()
        try:
            yield
        finally:
            del self._ended[name]
            ended.set()

    async def wait(self, name: str) -> None:
        """While it is being made."""
        while (ended := self._ended.get(name)) is not None:
            await ended.wait()

    async def wait_for_all(self) -> None:
        for name in [*self._ended]:
            await self.wait(name)


def is_large(database: Database) -> bool:
    """Whether a copy of it takes long enough for a thread of its own."""
    return database.size_bytes() > BESIDE_BYTES


async def close_beside(copy: Database) -> None:
    """Close a copy that is no longer needed; a large one in a thread, which gives its memory back."""
    if is_large(copy):
        await beside(copy.close_unsaved)
    else:
        copy.close()


async def copy_beside(exclusive: Exclusive, database: Database, copy: Callable[[], T]) -> T:
    """Run what copies a database; of a large one in a thread, while whatever writes to it waits."""
    if not is_large(database):
        return copy()
    # In memory, a copy for others takes as long as this one.
    async with exclusive.take(database, readable=database.file is not None):
        return await run_beside(database, copy)


async def run_beside(database: Database, function: Callable[[], T]) -> T:
    """Run a transaction in a thread. If the task is cancelled it is rolled back before this returns."""

    def stop() -> None:
        # The statement that runs, and each that follows, ends with an error.
        database.driver.set_progress_handler(lambda: 1, 1000)

    try:
        return await beside(function, stop)
    finally:
        database.driver.set_progress_handler(None, 0)
