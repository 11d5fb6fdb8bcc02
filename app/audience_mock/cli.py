"""The command. Flags become Settings; what a command needs is imported where it is used."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from audience_mock import __version__


class SettingsCommand(click.Command):
    """A command with a flag for each field of Settings; they are read only when it is run."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        if not self.params:
            self.params = list(_flags())
        return super().get_params(ctx)


def _flags() -> Iterator[click.Option]:
    """A flag for each field of Settings, with its text, its default and its variable."""
    from audience_mock.settings import ENVIRONMENT_PREFIX, Settings

    for name, field in Settings.model_fields.items():
        default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        shown = "none" if default is None else default
        yield click.Option(
            [f"--{name.replace('_', '-')}", name],
            metavar=name.rsplit("_", 1)[-1].upper(),
            help=f"{field.description} [default: {shown}; {ENVIRONMENT_PREFIX}{name.upper()}]",
        )


def fail(message: object) -> NoReturn:
    """One line on stderr, exit status 2, as for a wrong flag."""
    click.echo(f"audience-mock: {message}", err=True)
    sys.exit(2)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="audience-mock")
def main() -> None:
    """A double of Pinterest's audience API and of PitchTarget's Audience API."""


@main.command(cls=SettingsCommand)
def serve(**flags: Any) -> None:
    """Run the server until Ctrl-C or SIGTERM."""
    import gc

    gc.disable()  # importing makes no garbage worth collecting; 80 ms of the start
    from pydantic import ValidationError

    from audience_mock.settings import Settings

    try:
        settings = Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']} (given: {first['input']!r})")
    from audience_mock.server import run

    run(settings, fail)


@main.command()
@click.argument("url")
@click.option("--timeout-s", default=10.0, show_default=True, help="Seconds to wait at most.")
def wait(url: str, timeout_s: float) -> None:
    """Wait until the server at URL is ready: exit status 0 once it is, 1 if it is not in time."""
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url if "//" in url else f"http://{url}")
    try:
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if parts.scheme != "http" or not host:
        fail(f"not the URL of a server: {url!r} (try http://127.0.0.1:8000)")
    end = time.monotonic() + timeout_s
    while True:
        left = end - time.monotonic()
        try:
            connection = http.client.HTTPConnection(host, port, timeout=max(0.05, min(left, 1.0)))
            connection.request("GET", "/__admin/health")
            answer = connection.getresponse()
            if answer.status == 200 and json.loads(answer.read()).get("status") == "ready":
                return
            why = f"it answers {answer.status}, not as Audience Mock does"
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = str(error) or type(error).__name__
        finally:
            connection.close()
        if time.monotonic() >= end:
            click.echo(f"audience-mock: {url} is not ready after {timeout_s:g} s: {why}", err=True)
            sys.exit(1)
        time.sleep(0.02)


@main.command("export-openapi")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def export_openapi(directory: Path) -> None:
    """Write the descriptions of what is served into DIRECTORY, a JSON file for each API."""
    from audience_mock.application import describe

    try:
        for file in describe(directory):
            click.echo(file)
    except OSError as error:
        fail(f"cannot write to {directory}: {error.strerror}")
