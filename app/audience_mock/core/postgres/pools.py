"""Pools of connections: one for each event loop that waits for the database."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import asyncpg

from audience_mock.core.postgres.address import Address
from audience_mock.core.postgres.spares import Spares
from audience_mock.core.postgres.waiting import in_greenlet, wait

T = TypeVar("T")

Warm = Callable[[Any], Awaitable[None]]
"""Uses a connection as requests do."""

CLOSE_WITHIN_S = 0.5
"""Seconds that statements under way get at the end. Chosen: the process exits within one second."""


class Pools:
    """A pool ends with its event loop at the latest, even if its owner does not close it: an application that
    is called in process, as by Starlette's test client, may have a loop for each request."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._opened: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Any, AsyncGenerator[Any, None]]] = (
            WeakKeyDictionary()
        )
        self._spares: WeakKeyDictionary[asyncio.AbstractEventLoop, Spares] = WeakKeyDictionary()

    def here(self, warm: Warm | None = None) -> Any:
        """The pool of this event loop, which opens connections in advance and has them warmed, if its first
        caller says by what. For callers in a greenlet."""
        loop = asyncio.get_running_loop()
        found = self._opened.get(loop)
        if found is None:
            until_closed = self._until_closed(loop, warm)
            found = self._opened[loop] = (wait(anext(until_closed)), until_closed)
        return found[0]

    def renew_here(self) -> None:
        """Connections that are open now are not used again."""
        loop = asyncio.get_running_loop()
        if loop in self._opened:
            wait(self._opened[loop][0].expire_connections())
        if loop in self._spares:
            self._spares[loop].drop()

    def close_here(self) -> None:
        """Close the pool of this event loop; who needs another one gets it."""
        found = self._opened.get(asyncio.get_running_loop())
        if found is not None:
            wait(found[1].aclose())

    async def _until_closed(
        self, loop: asyncio.AbstractEventLoop, warm: Warm | None
    ) -> AsyncGenerator[Any, None]:
        """Yields the pool once. An event loop has no other hook for its end than that it closes its
        generators: whatever runs one (`asyncio.run`, uvicorn, the test client) has it do so."""
        options = self._address.options
        open_one = partial(
            asyncpg.connect,
            self._address.dsn,
            timeout=options.connect_s,
            command_timeout=options.answer_s,
            statement_cache_size=options.statement_cache_size,
        )
        spares = None if warm is None else Spares(open_one, warm, options.pool_size)
        pool = await asyncpg.create_pool(
            connect=_connecting(open_one) if spares is None else spares.connect,
            min_size=0,
            max_size=options.pool_size,
            reset=_as_it_is,
        )
        if spares is not None:
            self._spares[loop] = spares
            spares.fill()
        try:
            yield pool
        finally:
            self._opened.pop(loop, None)
            ending = [] if spares is None else spares.end()
            # What is in use then is closed at once: the driver does so when this is cancelled.
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await pool.close()
                    if ending:
                        await asyncio.wait(ending)


def _connecting(open_one: Callable[[], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The pool's own arguments are the driver's defaults."""

    async def connect(*_: Any, **__: Any) -> Any:
        return await open_one()

    return connect


async def _as_it_is(connection: Any) -> None:
    """A transaction leaves nothing behind in its session."""


class Beside:
    """An event loop in a thread, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, function: Callable[[], T]) -> T:
        """Run a function in a greenlet there."""
        with self._lock:
            loop = self._loop
            if loop is None:
                runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
                loop = self._loop = runner.get_loop()
                self._thread = threading.Thread(
                    target=_run_and_close, args=(runner,), name="postgres", daemon=True
                )
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(_awaited(function), loop).result()

    def stop(self, last: Callable[[], None]) -> None:
        if self._loop is not None and self._thread is not None:
            self.run(last)
            loop, self._loop = self._loop, None
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()


def _run_and_close(runner: asyncio.Runner) -> None:
    with runner:
        runner.get_loop().run_forever()


async def _awaited(function: Callable[[], T]) -> T:
    return await in_greenlet(function)
