"""What faults may hold at a time, over all worlds of a server: waiting requests, and copies of worlds."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audience_mock.web.request import MockRequest
    from audience_mock.web.request_quotas import RequestQuotas

MAX_WAITING = 1_000
"""Requests that are late or stalled at a time. Chosen: more than a test has; each holds a connection."""

MAX_COPIES = 8
"""Copies of worlds at a time, for lost effects. Chosen: a request with one takes as long as the copy."""

MAX_COPIED_BYTES = 1 << 30
"""Bytes of these copies together, which are in memory. Chosen."""


class TooManyInFlightError(Exception):
    """One more would exceed a bound; the text says which."""


class InFlight:
    """`quotas` are those of tenants, if the server has some."""

    def __init__(self, quotas: "RequestQuotas | None" = None) -> None:
        self._waiting = self._copies = self._copied_bytes = 0
        self._quotas = quotas

    @contextmanager
    def waiting(self, world: str) -> Iterator[None]:
        """While a request waits. Raises TooManyInFlightError, QuotaExceededError."""
        if self._waiting >= MAX_WAITING:
            raise TooManyInFlightError(f"faults keep {MAX_WAITING} requests waiting already")
        with self._quotas.holding("stalls", world, 1) if self._quotas else nullcontext():
            self._waiting += 1
            try:
                yield
            finally:
                self._waiting -= 1

    @contextmanager
    def copying(self, size_bytes: int) -> Iterator[None]:
        """While a request has a copy of its world. Raises TooManyInFlightError."""
        if self._copies >= MAX_COPIES:
            raise TooManyInFlightError(f"faults hold {MAX_COPIES} copies of worlds already")
        if self._copied_bytes + size_bytes > MAX_COPIED_BYTES:
            raise TooManyInFlightError(f"faults copy {MAX_COPIED_BYTES} bytes of worlds at most")
        self._copies += 1
        self._copied_bytes += size_bytes
        try:
            yield
        finally:
            self._copies -= 1
            self._copied_bytes -= size_bytes


@asynccontextmanager
async def in_a_copy(request: "MockRequest") -> AsyncIterator[None]:
    """Within it, the request is to a copy of its world, which is discarded. Raises TooManyInFlightError."""
    world = request.world
    if world.exclusive.blocks_reads:
        await world.exclusive.wait_to_read()
    try:
        with (
            request.context.served.in_flight.copying(world.database.size_bytes()),
            world.dry_run() as request.world,
        ):
            yield
    finally:
        request.world = world
