"""A connection of a pool while something uses it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from audience_mock.core.postgres.pools import Pools
from audience_mock.core.postgres.waiting import wait

ASK_AGAIN_S = 0.02
"""Between two looks for a connection that came free, where none can be opened. Chosen."""

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the driver's own: the connection is closed
    asyncpg.InternalClientError,  # the same while its end is on its way
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleSessionTimeoutError,
    ConnectionError,
)
"""A connection that was open in the pool is no more."""

_NONE_TO_HAVE = (asyncpg.TooManyConnectionsError, asyncpg.InvalidAuthorizationSpecificationError)
"""PostgreSQL lets nobody in, or not any more with this password; who is in may stay."""

_WITHOUT_ANSWER = (TimeoutError, asyncpg.InternalClientError)
"""A connection can be neither used again after these, nor closed in an orderly way."""

_OF_A_STANDBY = (asyncpg.ReadOnlySQLTransactionError, asyncpg.FeatureNotSupportedError)
"""The others lead to the same server, and new ones go where the URL leads now."""


class Held:
    """A connection of one's own."""

    __slots__ = ("connection",)

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def begin(self, method: str, *arguments: Any) -> Any:
        """Run what a transaction begins with, or what only reads."""
        return wait(getattr(self.connection, method)(*arguments))


class Lease(Held):
    __slots__ = ("_limit_s", "_pool")

    def __init__(self, pool: Any, limit_s: float) -> None:
        self._pool = pool
        self._limit_s = limit_s
        super().__init__(wait(_acquired(pool, limit_s)))

    def begin(self, method: str, *arguments: Any) -> Any:
        """If the connection was lost while nothing used it, which is not known before, it is run on another
        one: nothing had happened."""
        try:
            return super().begin(method, *arguments)
        except _LOST:
            self.connection.terminate()
            self.release()
            self.connection = wait(_acquired(self._pool, self._limit_s))
            return super().begin(method, *arguments)

    def release(self) -> None:
        wait(self._pool.release(self.connection))


@contextmanager
def lease(pools: Pools, limit_s: float) -> Iterator[Lease]:
    """A connection of this event loop, waited for as long as the limit says. For callers in a greenlet."""
    held = Lease(pools.here(), limit_s)
    try:
        yield held
    except _WITHOUT_ANSWER:
        held.connection.terminate()
        raise
    except _OF_A_STANDBY:
        held.connection.terminate()
        pools.renew_here()
        raise
    finally:
        held.release()


async def _acquired(pool: Any, limit_s: float) -> Any:
    """Where no connection can be opened, one of those that are open, once it is free."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limit_s
    while True:
        try:
            return await pool.acquire(timeout=max(0.0, end - loop.time()))
        except _NONE_TO_HAVE:
            if not pool.get_size() or loop.time() + ASK_AGAIN_S >= end:
                raise
            await asyncio.sleep(ASK_AGAIN_S)
