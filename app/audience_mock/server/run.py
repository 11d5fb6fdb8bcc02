"""What `audience-mock serve` runs: logging, the socket, the ready line and the ready file."""

import contextlib
import gc
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from audience_mock.app import create_app
from audience_mock.core.errors import DomainError
from audience_mock.server.listener import base_url, listen, why_not_listening
from audience_mock.server.uvicorn_server import Server
from audience_mock.settings import Settings

log = logging.getLogger("audience_mock")


def run(settings: Settings, fail: Callable[[object], NoReturn]) -> None:
    """Serve until SIGTERM or Ctrl-C; an error at the start goes to `fail`, in one line."""
    log_to_stderr(settings)
    try:
        listener = listen(settings.host, settings.port)
    except (OSError, UnicodeError) as error:
        fail(why_not_listening(settings.host, settings.port, error))
    _raise_open_file_limit()
    url = base_url(listener)
    ready_file_error: OSError | None = None

    def when_ready() -> None:
        nonlocal ready_file_error
        try:
            if settings.ready_file is not None:
                _write_atomically(settings.ready_file, url + "\n")
        except OSError as error:
            ready_file_error, server.should_exit = error, True
            return
        print(f"Audience Mock is ready at {url}", flush=True)  # noqa: T201 - the one line of output
        gc.freeze()  # imported objects live until the end: later collections need not traverse them
        gc.enable()

    with listener:
        if settings.ready_file is not None:
            # Left by an earlier run: it must not be taken for this one's.
            with contextlib.suppress(OSError):
                settings.ready_file.unlink()
        try:
            app = create_app(settings)
            server = Server(app, when_ready=when_ready, when_stopping=app.state.worlds.end_subscriptions)
        except DomainError as error:
            fail(error)
        server.run_at(listener)
    if ready_file_error is not None:
        fail(f"cannot write the ready file {settings.ready_file}: {ready_file_error.strerror}")


def _raise_open_file_limit() -> None:
    """A world in a file takes three files, and many systems start at 1024; Windows has no such limit."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - Windows has none

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        # macOS reports no limit, but accepts no more than its kernel's.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def log_to_stderr(settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    # The debug messages of libraries, such as one for each piece of a form, are no help here.
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING), format="%(message)s")
    if settings.log_format == "json":
        from audience_mock.web.logs import JsonFormatter  # noqa: PLC0415 - most logs are text

        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonFormatter())
    log.setLevel(level)


def _write_atomically(file: Path, text: str) -> None:
    """A reader never sees an incomplete file."""
    half = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        half.write_text(text, encoding="ascii")
        half.replace(file)
    except OSError:
        half.unlink(missing_ok=True)
        raise
