"""A connection of a pool while something uses it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg

from audience_mock.core.postgres.pools import Pools
from audience_mock.core.postgres.waiting import wait

ASK_AGAIN_S = 0.02
"""Until a second attempt to get a connection where none could be opened. Chosen: what a request takes."""

ASK_AGAIN_AT_MOST_S = 0.32
"""Between two later ones. Chosen: PostgreSQL is not asked more often than three times a second."""

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

_NOT_LET_IN = (asyncpg.TooManyConnectionsError, asyncpg.InvalidAuthorizationSpecificationError)
"""PostgreSQL accepts no more connections for now, or none with this password; those that are open stay."""

_WITHOUT_ANSWER = (TimeoutError, asyncpg.InternalClientError)
"""A connection can be neither used again after these, nor closed in an orderly way."""

_OF_A_STANDBY = (asyncpg.ReadOnlySQLTransactionError, asyncpg.FeatureNotSupportedError)
"""The others lead to the same server, and new ones go where the URL leads now."""


class Held:
    """A connection of one's own."""

    __slots__ = ("connection", "has_answered")

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.has_answered = False

    def begin(self, method: str, *arguments: Any) -> Any:
        """Run what a transaction begins with, or what only reads."""
        return self.run(getattr(self.connection, method)(*arguments))

    def run(self, statement: Any) -> Any:
        """The result of a statement on the connection."""
        result = wait(statement)
        self.has_answered = True
        return result


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
            end(self.connection)
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
        end(held.connection)
        raise
    except _OF_A_STANDBY:
        end(held.connection)
        pools.renew_here()
        raise
    finally:
        held.release()


def end(connection: Any) -> None:
    """End one that is of no more use; one that has ended is not the pool's any more."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _acquired(pool: Any, limit_s: float) -> Any:
    """Where no connection can be opened, one of those that are open, once it is free."""
    loop = asyncio.get_running_loop()
    end_s, pause_s = loop.time() + limit_s, ASK_AGAIN_S
    while True:
        try:
            return await pool.acquire(timeout=max(0.0, end_s - loop.time()))
        except _NOT_LET_IN as error:
            may_get_one = pool.get_size() or isinstance(error, asyncpg.TooManyConnectionsError)
            if not may_get_one or loop.time() + pause_s >= end_s:
                raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, ASK_AGAIN_AT_MOST_S)
