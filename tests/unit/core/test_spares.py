"""Connections to PostgreSQL that are opened in advance: whoever stops waiting, and whenever it ends, none
stays open."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

pytest.importorskip("asyncpg", reason="the extra [postgres] is not installed")

from audience_mock.core.postgres.spares import SPARE, Spares

LIMIT_S = 60


class Connection:
    def __init__(self) -> None:
        self.open = True

    def is_closed(self) -> bool:
        return not self.open

    def terminate(self) -> None:
        self.open = False


class Database:
    """Connections that it was asked for, and events that opening and warming one wait for."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.may_open, self.may_warm = asyncio.Event(), asyncio.Event()
        self.spares = Spares(self.open_one, self.warm, most=10)

    async def open_one(self) -> Connection:
        await self.may_open.wait()
        self.connections.append(Connection())
        return self.connections[-1]

    async def warm(self, connection: Any) -> None:
        assert connection.open
        await self.may_warm.wait()

    @property
    def left(self) -> int:
        return sum(connection.open for connection in self.connections)


def run(function: Callable[[Database], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(LIMIT_S):
            await function(Database())

    asyncio.run(limited())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def ended(waiting: "asyncio.Task[Any] | list[asyncio.Task[Any]]") -> None:
    tasks = waiting if isinstance(waiting, list) else [waiting]
    if tasks:
        await asyncio.wait(tasks)
    await asyncio.sleep(0)


@pytest.mark.parametrize("turns", range(6))
def test_one_who_stops_waiting_leaves_none_open(turns: int) -> None:
    """In whichever turn of the event loop it is: also when the connection has just been made."""

    async def leave(database: Database) -> None:
        database.may_warm.set()
        database.spares.fill()
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(database.spares.connect())
        await asyncio.sleep(0)
        database.may_open.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        was_ready = waiting.done()
        waiting.cancel()
        await ended(waiting)
        taken = 1 if was_ready else 0
        await ended(database.spares.end())
        assert database.left == taken

    run(leave)


async def opening(database: Database) -> None:
    """None is open yet."""


async def warming(database: Database) -> None:
    database.may_open.set()
    await until(lambda: database.left == SPARE)


async def ready(database: Database) -> None:
    database.may_warm.set()
    await warming(database)
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("state", [opening, warming, ready])
@pytest.mark.parametrize("how", ["end", "drop"])
def test_all_are_closed_at_the_end(state: Callable[[Database], Awaitable[None]], how: str) -> None:
    """Those that are opened, warmed or ready then, and those that were dropped before, because the database
    had changed; none is opened afterwards."""

    async def close(database: Database) -> None:
        database.spares.fill()
        await asyncio.sleep(0)
        await state(database)
        if how == "drop":
            database.spares.drop()
        await ended(database.spares.end())
        for _ in range(5):
            await asyncio.sleep(0)
        assert database.left == 0
        database.may_open.set()
        database.spares.fill()
        await asyncio.sleep(0)
        assert database.left == 0

    run(close)


def test_one_that_is_ready_is_taken() -> None:
    """Another is opened only if none is on its way."""

    async def take(database: Database) -> None:
        database.may_open.set()
        database.may_warm.set()
        database.spares.fill()
        first = await database.spares.connect()
        second = await database.spares.connect()
        third = await database.spares.connect()
        assert database.connections == [first, second, third]
        await ended(database.spares.end())
        assert database.left == 3

    run(take)
