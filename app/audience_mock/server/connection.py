"""The end of a connection, and the flow of what is read from it."""

import asyncio
from collections.abc import Sized
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.flow_control import FlowControl

from audience_mock.server.coalescing import CoalescingTransport

if TYPE_CHECKING:
    from audience_mock.server.limits import LimitedProtocol

DRAIN_S = 2.0
"""Seconds that a client may go on sending after its final response. Chosen: less than nginx's
`lingering_timeout` of 5 s, since a client on this machine reads at once."""


class ConnectionTransport(CoalescingTransport):
    """A transport that closes when the client has read the last response.

    Closing while the client is sending makes its system discard what it has not read yet: it would see a
    reset connection instead of the response.
    """

    def __init__(self, transport: asyncio.Transport, protocol: "LimitedProtocol") -> None:
        super().__init__(transport)
        self._protocol = protocol

    def close(self) -> None:
        if self._protocol.is_receiving:
            self.drain()
        else:
            super().close()

    def close_now(self) -> None:
        """Close it, though the client is sending."""
        super().close()

    def drain(self) -> None:
        """Send what is held and the end of the stream; then discard what comes until the client closes."""
        if self.is_closing():
            return
        self.flush()
        self._protocol.detach()
        self.is_closing = lambda: True  # type: ignore[method-assign]
        self._transport.write_eof()
        _Drain(self._transport, self._protocol.connections, self._protocol.loop)


class _Drain(asyncio.Protocol):
    """Discards what a client sends, until it closes the connection or DRAIN_S are over."""

    def __init__(
        self, transport: asyncio.Transport, connections: set[Any], loop: asyncio.AbstractEventLoop
    ) -> None:
        self.transport = transport
        self._connections = connections
        connections.add(self)
        self._timer = loop.call_later(DRAIN_S, transport.close)
        transport.set_protocol(self)
        transport.resume_reading()

    def shutdown(self) -> None:
        """What uvicorn's server calls at its end."""
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._connections.discard(self)


FEW_QUEUED = 16
"""Requests that wait for the one that is served, on one connection. Chosen."""


class Flow(FlowControl):
    """Reads nothing more while many requests are queued: a client that pipelines without end would otherwise
    have a segment read for each response. Behind a few it reads on, since that alone tells that the client
    has left."""

    def __init__(self, transport: asyncio.Transport, queued: Sized) -> None:
        super().__init__(transport)
        self._queued = queued

    def resume_reading(self) -> None:
        if self.read_paused and len(self._queued) < FEW_QUEUED:
            super().resume_reading()
