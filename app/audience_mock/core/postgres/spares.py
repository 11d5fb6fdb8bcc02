"""Connections that are opened before a request needs them.

To open one, and what PostgreSQL does at its first statements (it reads its catalogue, plans, compiles
functions), takes longer than most requests.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

SPARE = 2
"""Connections that are kept ready, as long as there are fewer than the pool may have. Chosen: one is opened
while the other is taken."""

REPLACE_AFTER_S = 0.1
"""Until one that was taken is replaced. Chosen: the request that took it is answered by then, and does not
share the processor with what is opened."""

log = logging.getLogger("audience_mock")


class Spares:
    """What a pool connects by. Each connection that it takes is replaced in the background. All together are
    never more than the pool may have: one that is ready, or is being opened, is taken before another is
    opened."""

    def __init__(
        self,
        open_one: Callable[[], Awaitable[Any]],
        warm: Callable[[Any], Awaitable[None]],
        most: int,
    ) -> None:
        """`warm` uses a connection as requests do; `most` is the size of the pool."""
        self._open_one = open_one
        self._warm = warm
        self._most = most
        self._taken: set[Any] = set()
        self._connecting = 0
        self._spare: list[asyncio.Task[Any]] = []
        """Oldest first."""
        self._later: asyncio.TimerHandle | None = None
        self._closed = False

    async def connect(self, *_: Any, **__: Any) -> Any:
        """A connection for the pool."""
        self._connecting += 1
        try:
            connection = await self._ready() or await self._open_one()
        finally:
            self._connecting -= 1
        self._taken.add(connection)
        self._fill_later()
        return connection

    def fill(self) -> None:
        """Open what is lacking, in the background."""
        self._later = None
        self._taken = {connection for connection in self._taken if not connection.is_closed()}
        while (
            not self._closed
            and len(self._spare) < SPARE
            and len(self._taken) + self._connecting + len(self._spare) < self._most
        ):
            opening = asyncio.get_running_loop().create_task(self._open_warm())
            opening.add_done_callback(self._look_at)
            self._spare.append(opening)

    def drop(self) -> None:
        """Use none of those that are ready; others are opened."""
        for opening in self._spare:
            _abandon(opening)
        self._spare.clear()
        self._fill_later()

    def _fill_later(self) -> None:
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(REPLACE_AFTER_S, self.fill)

    def end(self) -> "list[asyncio.Task[Any]]":
        """Open no more, and end those that are ready. The result are those on their way, which end soon."""
        self._closed = True
        if self._later is not None:
            self._later.cancel()
        spare, self._spare = self._spare, []
        for opening in spare:
            _abandon(opening)
        return [opening for opening in spare if not opening.done()]

    async def _ready(self) -> Any:
        """The first that is ready, or None. Who stops waiting for one ends it."""
        while self._spare:
            opening = self._spare.pop(0)
            try:
                connection = await opening
            except asyncio.CancelledError:
                # It may be open by now.
                _abandon(opening)
                raise
            except Exception:  # noqa: BLE001, S112 - the caller tries it itself, and has the error
                continue
            if not connection.is_closed():
                return connection
        return None

    async def _open_warm(self) -> Any:
        connection = await self._open_one()
        try:
            await self._warm(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _look_at(self, opened: "asyncio.Task[Any]") -> None:
        """Forget one that failed: there is no next attempt before a request needs a connection."""
        if opened.cancelled() or (error := opened.exception()) is None:
            return
        log.debug("no connection could be opened in advance: %s", error)
        if opened in self._spare:
            self._spare.remove(opened)


def _abandon(opening: "asyncio.Task[Any]") -> None:
    if opening.done():
        _terminate(opening)
    else:
        opening.cancel()
        opening.add_done_callback(_terminate)


def _terminate(opened: "asyncio.Task[Any]") -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().terminate()
