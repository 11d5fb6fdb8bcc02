"""`audience-mock serve`."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import click

from audience_mock.cli.quick_start import import_fastapi, skip_pydantic_plugins
from audience_mock.cli.settings_command import (
    SettingsCommand,
    exit_for_setting,
    given_flags,
    read_settings,
    without_collector,
)


class ServeCommand(SettingsCommand):
    """Its flags are made of pydantic's fields, so this is where pydantic is imported first."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        skip_pydantic_plugins()
        return super().get_params(ctx)


@click.command(
    cls=ServeCommand,
    epilog="""
    \b
    Example:
      audience-mock serve --port 0 --seed demo --build-delay-s 0 --ready-file mock.url
    """,
)
def serve(**flags: Any) -> None:
    """Run the server until Ctrl-C or SIGTERM.

    Prints one line once the server is ready: "Audience Mock is ready at URL". On a terminal, the base URLs of
    the APIs, the store and the like follow it.
    """
    # Before the imports, which take most of the start.
    _handle_signals(_exit_at_once)
    with without_collector():
        given = given_flags(flags)
        settings = read_settings(given)
        import_fastapi()
        from audience_mock.server.run import run

        # While it serves, uvicorn has handlers of its own, and raises the signal again for these at the end.
        stop = _Stop()
        _handle_signals(stop)
        # Turns the collector on once the server is ready.
        run(settings, partial(exit_for_setting, flags=given), is_stopped=lambda: stop.is_requested)


class _Stop:
    """Remembers that the process is to end: an exception from a signal handler would be lost, or reported, by
    whatever reads a seed or builds a model. A second signal ends it at once."""

    is_requested = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self.is_requested:
            sys.exit(0)
        self.is_requested = True


def _handle_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, handler)


def _exit_at_once(signum: int, frame: FrameType | None) -> None:
    """Nothing was opened or written yet. An exception might be raised within pydantic, which builds the
    settings in Rust: it turns a SystemExit into an error of its own, or drops it."""
    os._exit(0)
