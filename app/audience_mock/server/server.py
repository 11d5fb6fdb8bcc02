"""A server around the application: binds first, says when it answers, ends cleanly."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from audience_mock.app import AudienceMock, create_app
from audience_mock.core.errors import DomainError
from audience_mock.settings import Settings
from audience_mock.web.response import CONNECTION

SETTLE_S = (0.004,) * 5
"""Seconds from the word to end until the doors close, in steps: what was sent before it has come in by
then. However late the steps are, the loop looks at its sockets between them; a request takes three looks."""

GRACE_S = 0.6
"""Seconds that requests in flight may take to end; the process is gone within one."""

CUT_OFF_S = 0.1
"""Seconds for the tasks of requests that were cut off."""

ARRIVES_WITHIN_S = 1.0
"""Seconds that a reset waits until what was sent before it has arrived: it takes back what has not."""

LINGER_RST = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER, on, for 0 seconds: closing resets."""

KNOWN_UVICORN = "0.54."
"""Releases whose answers are written in one piece, by what is known of their inside; others write theirs by
themselves."""

ACCEPT_HANDLERS = 8
"""Times that the loop listens at the one socket. libuv takes one connection from each in a turn, and in a
turn everybody is answered who has asked: the last of 32 that come together would wait for some 500 answers
to the others. Each door is one more look when somebody comes."""

LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - said, not listened on
"""Any address is none that every client can call."""

log = logging.getLogger("audience_mock")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises OSError, and UnicodeError for what is no name."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def base_url(listener: socket.socket) -> str:
    """Where a client on this machine finds it."""
    host, port = listener.getsockname()[:2]
    host = LOOPBACK_OF.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn, which calls `when_ready` once it answers, and ends as soon as it is told to.

    By itself, uvicorn looks ten times a second whether it shall end and whether all is answered: 0.2 s at
    the end of every test.
    """

    def __init__(self, app: AudienceMock, *, when_ready: Callable[[], None]) -> None:
        async def quiet_when_cut_off(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await app(scope, receive, send)
                return
            scope[CONNECTION] = Connection(send)
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                pass
            finally:
                # It leads back to the scope: a circle that only the garbage collector would find.
                del scope[CONNECTION]

        self._told_to_end = False
        self._wake: Callable[[], object] = _nobody
        # The published answers have neither a Server nor a Date.
        super().__init__(
            uvicorn.Config(
                quiet_when_cut_off,
                http=Protocol,
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                lifespan="on",
                ws="none",
                # Whose word counts on who called: of the environment's FORWARDED_ALLOW_IPS, `*` would let any
                # caller say that it is this machine.
                forwarded_allow_ips=["127.0.0.1", "::1"],
            )
        )
        self._when_ready = when_ready

    def run_at(self, listener: socket.socket) -> None:
        """Serve at this socket until it is told to end."""
        self.run(sockets=[listener, *(listener.dup() for _ in range(ACCEPT_HANDLERS - 1))])

    @property
    def should_exit(self) -> bool:
        """uvicorn's word for it; its signal handlers and other threads set it."""
        return self._told_to_end

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._told_to_end = value
        if value:
            self._wake()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._when_ready()

    async def main_loop(self) -> None:
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(told.set)
        if not self.should_exit:
            await told.wait()
        self._wake = _nobody
        for step_s in SETTLE_S:
            await asyncio.sleep(step_s)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What is in flight is answered; after GRACE_S it is cut off. Then the store is closed."""
        for door in (*self.servers, *(sockets or ())):
            door.close()
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
        end = time.monotonic() + within_s
        while self.server_state.connections or self.server_state.tasks:
            if self.force_exit or time.monotonic() >= end:
                return False
            await asyncio.sleep(0.005)
        return True


class Protocol(HttpToolsProtocol):
    """uvicorn's, which hands on a large piece of a body as it came, instead of two copies later.

    A piece above the limit of what may wait makes the client wait by itself, so hardly anything is added.
    """

    def on_body(self, body: bytes) -> None:
        waiting = self.cycle.body
        if len(body) > HIGH_WATER_LIMIT and not waiting:
            # Added to nothing, bytes are not copied.
            self.cycle.body = b""  # type: ignore[assignment]
        elif isinstance(waiting, bytes):
            self.cycle.body = bytearray(waiting)
        super().on_body(body)


class Connection:
    """The connection of the request that `send` answers, for who has a whole answer or wants to break it."""

    __slots__ = ("_cycle", "_transport")
    whole = uvicorn.__version__.startswith(KNOWN_UVICORN)

    def __init__(self, send: Any) -> None:
        self._cycle = send.__self__
        self._transport: asyncio.Transport = self._cycle.transport

    async def response(self, status: int, head: bytes, body: bytes) -> None:
        """Write an answer at once, as uvicorn does message by message: it looks twice at each header by
        regular expression, which costs more than to look an audience up. Names stay as they are written."""
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        if cycle.scope["method"] == "HEAD":
            body = b""
        elif len(body) <= HIGH_WATER_LIMIT:
            end += body
            body = b""
        self._transport.write(STATUS_LINE[status] + head + end)
        if body:
            self._transport.write(body)
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._transport.close()
        cycle.on_response()

    async def reset(self) -> None:
        """End it with a reset, once what was sent has arrived."""
        await _soon(self._has_arrived, ARRIVES_WITHIN_S)
        if not self._transport.is_closing():
            link = self._transport.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
        self._transport.abort()
        self._say_so()

    def close(self) -> None:
        """End it in order, once what was sent has left."""
        self._transport.close()
        self._say_so()

    def _has_arrived(self) -> bool:
        if self._transport.is_closing():
            return True
        link = self._transport.get_extra_info("socket")
        return self._transport.get_write_buffer_size() == 0 and _unconfirmed_bytes(link) == 0

    def _say_so(self) -> None:
        """uvicorn finds nothing odd in half an answer to a client that is gone."""
        self._cycle.disconnected = True


def _unconfirmed_bytes(link: Any) -> int:
    """What the other end has not confirmed yet; Linux tells (SIOCOUTQ), of others 0 is said."""
    if sys.platform != "linux":
        return 0
    import fcntl  # noqa: PLC0415 - other systems have none
    import termios  # noqa: PLC0415

    return int.from_bytes(fcntl.ioctl(link.fileno(), termios.TIOCOUTQ, b"\0" * 4), sys.byteorder)


async def _soon(is_so: Callable[[], bool], within_s: float) -> None:
    """Wait until it is so."""
    end = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() >= end:
            return
        await asyncio.sleep(0.001)


def _nobody() -> None:
    """There is no loop to wake."""


def run(settings: Settings, fail: Callable[[object], NoReturn]) -> None:
    """Serve until SIGTERM or Ctrl-C; what stands in the way is told to `fail` in one line."""
    log_to_stderr(settings)
    try:
        listener = listen(settings.host, settings.port)
    except (OSError, UnicodeError) as error:
        fail(why_not_listening(settings, error))
    _open_as_many_files_as_may_be()
    url = base_url(listener)
    not_told: OSError | None = None

    def when_ready() -> None:
        nonlocal not_told
        try:
            if settings.ready_file is not None:
                _write_whole(settings.ready_file, url + "\n")
        except OSError as error:
            not_told, server.should_exit = error, True
            return
        print(f"Audience Mock is ready at {url}", flush=True)  # noqa: T201 - the one line of output
        gc.freeze()  # what was imported stays; the end of the process need not look through it
        gc.enable()

    with listener:
        if settings.ready_file is not None:
            # An earlier run's; nobody shall take it for this one's.
            with contextlib.suppress(OSError):
                settings.ready_file.unlink()
        try:
            server = Server(create_app(settings), when_ready=when_ready)
        except DomainError as error:
            fail(error)
        server.run_at(listener)
    if not_told is not None:
        fail(f"cannot write the ready file {settings.ready_file}: {not_told.strerror}")


def _open_as_many_files_as_may_be() -> None:
    """A world in a file takes three, and many systems begin at 1024; Windows has no such bound."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - Windows has none

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        # macOS says that there is no bound, and takes no more than its kernel's.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def log_to_stderr(settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    # What libraries have to say at debug, every piece of a form for one, helps nobody here.
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING), format="%(message)s")
    log.setLevel(level)


def why_not_listening(settings: Settings, error: OSError | UnicodeError) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    # Python adds the address to the system's words for some of these errors.
    why = (getattr(error, "strerror", None) or "not the name of a host").partition(" (while")[0]
    hint = " (try --port 0)" if getattr(error, "errno", None) == errno.EADDRINUSE else ""
    return f"cannot listen on {host}:{settings.port}: {why}{hint}"


def _write_whole(file: Path, text: str) -> None:
    """Nobody ever reads half of it."""
    half = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        half.write_text(text, encoding="ascii")
        half.replace(file)
    except OSError:
        half.unlink(missing_ok=True)
        raise
