"""What `audience-mock serve` runs: logging, the socket, the ready line and the ready file."""

import contextlib
import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from fastapi import FastAPI

from audience_mock.app import create_app
from audience_mock.core.errors import DomainError
from audience_mock.core.store.files import is_special
from audience_mock.server.deleted_files import DeletedFiles
from audience_mock.server.listener import base_url, families, listen, why_not_listening
from audience_mock.server.log_output import LogHandler
from audience_mock.server.uvicorn_server import Server
from audience_mock.settings import Settings

log = logging.getLogger("audience_mock")


def run(settings: Settings, fail: Callable[[object], NoReturn], is_stopped: Callable[[], bool]) -> None:
    """Serve until SIGTERM or Ctrl-C, which `is_stopped` says of the time before; an error at the start goes
    to `fail`, in one line."""
    log_to_stderr(settings)
    try:
        listeners = listen(settings.host, settings.port)
    except (OSError, UnicodeError) as error:
        fail(why_not_listening(settings.host, settings.port, error))
    if settings.ready_file is not None and is_special(settings.ready_file):
        fail(f"cannot write the ready file {settings.ready_file}: it is a device or a pipe")
    _raise_open_file_limit()
    url = base_url(listeners[0])
    if (said := families(listeners[0])) is not None:
        log.info(said)
    unwritten: str | None = None

    def when_ready() -> None:
        nonlocal unwritten
        if is_stopped():
            server.should_exit = True
            return
        output = f"the ready file {settings.ready_file}"
        try:
            if settings.ready_file is not None:
                _write_atomically(settings.ready_file, url + "\n")
            output = "to stdout"
            print(_ready_text(app, settings, url), flush=True)  # noqa: T201 - the only output
        except OSError as error:
            unwritten, server.should_exit = f"cannot write {output}: {error.strerror}", True
            return
        deleted_files.watch()
        if app.state.when_hung_up:
            _call_on_hangup(app.state.when_hung_up)
        gc.freeze()  # imported objects live until the end: later collections need not traverse them
        gc.enable()

    with contextlib.ExitStack() as opened:
        for listener in listeners:
            opened.enter_context(listener)
        if settings.ready_file is not None:
            # Left by an earlier run: it must not be taken for this one's.
            with contextlib.suppress(OSError):
                settings.ready_file.unlink()
            opened.callback(_remove, settings.ready_file, url + "\n")
        try:
            app = create_app(settings)
            deleted_files = DeletedFiles(app.state.worlds)

            def when_stopping() -> None:
                deleted_files.check()
                app.state.worlds.end_subscriptions()

            server = Server(
                app,
                settings=settings,
                when_ready=when_ready,
                when_stopping=when_stopping,
                when_draining=app.state.probes.drain,
            )
        except DomainError as error:
            fail(error)
        if is_stopped():
            app.state.worlds.close()
            return
        server.run_at(listeners)
    if unwritten is not None:
        fail(unwritten)


def _call_on_hangup(each: Sequence[Callable[[], None]]) -> None:
    """Windows has no SIGHUP: there, a restart does it."""
    if sys.platform != "win32":
        import asyncio  # noqa: PLC0415 - imported by uvicorn anyway
        import signal  # noqa: PLC0415

        def hung_up() -> None:
            for call in each:
                call()

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)


def _ready_text(app: FastAPI, settings: Settings, url: str) -> str:
    """One line, which scripts read; on a terminal a page for people."""
    if not sys.stdout.isatty():
        return f"Audience Mock is ready at {url}"
    from audience_mock.server.banner import banner  # noqa: PLC0415 - most servers have no terminal

    return banner(app, settings, url)


def _raise_open_file_limit() -> None:
    """A world in a file takes two open files, and many systems start at 1024; Windows has no such limit."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - Windows has none

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        # macOS reports no limit, but accepts no more than its kernel's.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def log_to_stderr(settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    # The debug messages of libraries, such as one for each piece of a form, are no help here.
    handler = LogHandler(sys.stderr)
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), format="%(message)s")
    if settings.log_format == "json":
        from audience_mock.web.logs import JsonFormatter  # noqa: PLC0415 - most logs are text

        handler.setFormatter(JsonFormatter())
    log.setLevel(level)


def _remove(ready_file: Path, text: str) -> None:
    """Remove the ready file at the end, unless another server has written it since."""
    with contextlib.suppress(OSError):
        if ready_file.read_text(encoding="ascii", errors="replace") == text:
            ready_file.unlink()


def _write_atomically(file: Path, text: str) -> None:
    """A reader never sees an incomplete file."""
    half = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        half.write_text(text, encoding="ascii")
        half.replace(file)
    except OSError:
        half.unlink(missing_ok=True)
        raise
