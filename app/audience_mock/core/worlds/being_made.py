"""The names of worlds that are being made, in steps between which other requests run."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class BeingMade:
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
        """Until nobody makes it."""
        while (ended := self._ended.get(name)) is not None:
            await ended.wait()

    async def wait_for_all(self) -> None:
        for name in [*self._ended]:
            await self.wait(name)
