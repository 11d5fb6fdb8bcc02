"""Statements that take as long as they need, such as copies, while PostgreSQL goes on at all."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg

from audience_mock.core.postgres.address import Address

T = TypeVar("T")


class LongStatements:
    """How long one takes says nothing of a PostgreSQL that hangs. So where one takes longer than others may,
    a new connection is opened from time to time: a server that does not answer that will not end the
    statement either. Raises TimeoutError then."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def result(self, statement: Coroutine[Any, Any, T]) -> T:
        running = asyncio.ensure_future(statement)
        try:
            while not (await asyncio.wait({running}, timeout=self._address.options.answer_s))[0]:
                await self._ask()
            return await running
        finally:
            running.cancel()

    async def _ask(self) -> None:
        # Another error is an answer, too; if it concerns the statement, that will have it.
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
            connection = await asyncpg.connect(self._address.dsn, timeout=self._address.options.connect_s)
            connection.terminate()
