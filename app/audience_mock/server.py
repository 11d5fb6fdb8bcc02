"""A server around the application: binds first, says when it answers, ends cleanly."""

import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn

from audience_mock.application import AudienceMock, create_app
from audience_mock.core.errors import Fact
from audience_mock.settings import Settings

GRACE_S = 1
"""Seconds that requests in flight may take to end after SIGTERM."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn, which calls `when_ready` once it answers."""

    def __init__(self, app: AudienceMock, *, when_ready: Callable[[], None]) -> None:
        # The published answers have neither a Server nor a Date.
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                lifespan="on",
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._when_ready()


def run(settings: Settings, fail: Callable[[object], NoReturn]) -> None:
    """Serve until SIGTERM or Ctrl-C; what stands in the way is told to `fail` in one line."""
    logging.basicConfig(stream=sys.stderr, level=settings.log_level.upper(), format="%(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        fail(f"cannot listen on {settings.host}:{settings.port}: {error.strerror} (try --port 0)")
    try:
        app = create_app(settings)
    except Fact as error:
        fail(error)
    url = base_url(listener)

    def when_ready() -> None:
        if settings.ready_file is not None:
            try:
                _write_whole(settings.ready_file, url + "\n")
            except OSError as error:
                fail(f"cannot write the ready file {settings.ready_file}: {error.strerror}")
        print(f"Audience Mock is ready at {url}", flush=True)  # noqa: T201 - the one line of output
        gc.enable()

    # uvicorn ends in order and then raises the signal again, for whoever was there before it.
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    with listener:
        Server(app, when_ready=when_ready).run(sockets=[listener])


def _exit(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _write_whole(file: Path, text: str) -> None:
    """Nobody ever reads half of it."""
    half = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    half.write_text(text)
    half.replace(file)
