"""uvicorn with readiness, a quick shutdown, and connections that faults can break.

It depends on uvicorn's internals: its list of connections and tasks, and the object behind `send`. Beside it
only `http_protocol` does.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audience_mock.server.http_protocol import http_protocol
from audience_mock.settings import Settings
from audience_mock.web.faults import CONNECTION

SETTLE_S = (0.004,) * 5
"""Seconds from the shutdown signal until the sockets close, in steps: requests sent before the signal have
arrived by then. The event loop polls its sockets between the steps; a request takes three polls."""

GRACE_S = 0.6
"""Seconds that requests in flight may take to finish; the process exits within one second."""

CUT_OFF_S = 0.1
"""Seconds for the tasks of requests that were cut off."""

ARRIVES_WITHIN_S = 1.0
"""Seconds that a reset waits until the data sent before it has arrived: it would discard the rest."""

LINGER_RST = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER, on, for 0 seconds: closing sends RST."""

ACCEPT_HANDLERS = 8
"""Accept handlers for each socket. In each iteration of its loop libuv accepts one connection from each
handler, then serves all requests that have arrived: with one handler, the last of 32 simultaneous connections
would wait for some 500 responses to the others."""

log = logging.getLogger("audience_mock")


def _nothing() -> None:
    """There is nothing to do."""


class Server(uvicorn.Server):
    """uvicorn, which calls `when_ready` once it accepts requests, and shuts down as soon as it is asked to.
    `when_stopping` is called before it waits for responses: those without an end have to end.

    uvicorn itself polls ten times a second for the request to stop and for the end of all responses, which
    costs every test 0.2 s. Waits are measured by the event loop's clock: a test may have stopped Python's.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        when_ready: Callable[[], object],
        when_stopping: Callable[[], object] | None = None,
        when_draining: Callable[[], object] | None = None,
    ) -> None:
        """`when_draining` is called if the end is to wait for `drain_s`."""
        self._stop_requested = False
        self._wake: Callable[[], object] = _nothing
        self._drain_s = 0.0
        self._connections = _WithConnections(app)
        # The published responses have neither a Server nor a Date header.
        super().__init__(
            uvicorn.Config(
                self._connections,
                http=http_protocol(settings),
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=settings.keep_alive_s,  # type: ignore[arg-type]
                lifespan="on",
                ws="none",
                # The application reads what proxies say, by its own setting: FORWARDED_ALLOW_IPS=* would let
                # any caller claim to be this machine.
                proxy_headers=False,
            )
        )
        self._when_ready = when_ready
        self._when_stopping = when_stopping or _nothing
        self._when_draining = when_draining or _nothing
        self._settings = settings

    def run_at(self, listeners: Sequence[socket.socket]) -> None:
        """Serve on these sockets until asked to stop."""
        others = [each.dup() for each in listeners for _ in range(ACCEPT_HANDLERS - 1)]
        self.run(sockets=[*listeners, *others])

    @property
    def should_exit(self) -> bool:
        """uvicorn's name; its signal handlers and other threads set it."""
        return self._stop_requested

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._stop_requested = value
        if value:
            self._wake()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._when_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's handler of signals. SIGTERM may have to wait; any signal after the first one does not."""
        if self.should_exit:
            self.force_exit = True
            self._wake()
        elif sig == signal.SIGTERM:
            self._drain_s = self._settings.drain_s
        super().handle_exit(sig, frame)

    async def main_loop(self) -> None:
        woken, loop = asyncio.Event(), asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        if not self.should_exit:
            await woken.wait()
        self._wake = _nothing

    async def _drain(self) -> None:
        """Go on for a while: a load balancer sends requests until it has seen that the server is not ready.
        Each connection ends with its next response, so that clients connect to another server."""
        log.info("draining for %g s before the end", self._drain_s)
        self._when_draining()
        self._connections.are_ending = True
        woken, loop = asyncio.Event(), asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        end = loop.time() + self._drain_s
        while not self.force_exit and (left_s := end - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), left_s)
        self._wake = _nothing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, if asked to; finish requests in flight, cutting them off after GRACE_S; then close the
        database. uvicorn skips `main_loop` if the signal came as soon as the server was ready."""
        if self._drain_s:
            await self._drain()
        for step_s in SETTLE_S:
            await asyncio.sleep(step_s)
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        self._when_stopping()
        here = self.server_state
        for connection in list(here.connections):
            connection.shutdown()
        if not await self._is_over(GRACE_S):
            pending = max(len(here.tasks), len(here.connections))
            log.warning("requests cut off at the end, still on their way: %d", pending)
            for connection in list(here.connections):
                connection.transport.abort()
            for task in list(here.tasks):
                task.cancel()
            await self._is_over(CUT_OFF_S)
        await self.lifespan.shutdown()

    async def _is_over(self, within_s: float) -> bool:
        """Wait for the last request and the last connection; a second Ctrl-C ends the wait."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while self.server_state.connections or self.server_state.tasks:
            if self.force_exit or loop.time() >= end:
                return False
            await asyncio.sleep(0.005)
        return True


class _WithConnections:
    """Passes each request its connection as an ASGI extension, if uvicorn has the internals known here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.are_ending = False
        """Whether each is to end with its next response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(send, "__self__", None)
        if scope["type"] != "http" or not hasattr(cycle, "transport"):
            await self._app(scope, receive, send)
            return
        extensions = scope["extensions"] = {CONNECTION: Connection(cycle)}
        if self.are_ending:
            send = _ending(send)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            pass  # cut off at the end of the server
        finally:
            # It refers back to the scope: a reference cycle that only the garbage collector would free.
            extensions.clear()


def _ending(send: Send) -> Send:
    """A `send` whose response is the last one of its connection."""

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [header for header in message["headers"] if header[0].lower() != b"connection"]
            message = {**message, "headers": [*others, (b"connection", b"close")]}
        await send(message)

    return send_last


class Connection:
    """The connection of one request, for faults that break it."""

    __slots__ = ("_cycle", "_transport")

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle
        self._transport: asyncio.Transport = cycle.transport

    async def reset(self) -> None:
        """Reset it once the data sent has arrived."""
        await _wait_until(self._has_arrived, ARRIVES_WITHIN_S)
        if not self._transport.is_closing():
            link = self._transport.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
        self._transport.abort()
        self._mark_disconnected()

    def close(self) -> None:
        """Close it once the data sent has left."""
        self._transport.close()
        self._mark_disconnected()

    def _has_arrived(self) -> bool:
        if self._transport.is_closing():
            return True
        link = self._transport.get_extra_info("socket")
        return self._transport.get_write_buffer_size() == 0 and _unconfirmed_bytes(link) == 0

    def _mark_disconnected(self) -> None:
        """uvicorn accepts an incomplete response if the client has disconnected."""
        self._cycle.disconnected = True


def _unconfirmed_bytes(link: Any) -> int:
    """Bytes that the peer has not acknowledged; only Linux reports them (SIOCOUTQ), elsewhere 0."""
    if sys.platform != "linux":
        return 0
    import fcntl  # noqa: PLC0415 - other systems have none
    import termios  # noqa: PLC0415

    return int.from_bytes(fcntl.ioctl(link.fileno(), termios.TIOCOUTQ, b"\0" * 4), sys.byteorder)


async def _wait_until(is_so: Callable[[], bool], within_s: float) -> None:
    """Wait until `is_so`, for `within_s` seconds at most."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not is_so():
        if loop.time() >= end:
            return
        await asyncio.sleep(0.001)
