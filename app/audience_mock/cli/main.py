"""The command. Flags become Settings; what a command needs is imported where it is used."""

import gc
import json
import signal
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from audience_mock import __version__

if TYPE_CHECKING:
    from audience_mock.settings import Settings


class SettingsCommand(click.Command):
    """A command with a flag for each field of Settings; they are read only when it is run."""

    without: Collection[str] = ()
    """Settings that the command has a way of its own for."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        if not any(isinstance(parameter, click.Option) for parameter in self.params):
            # What is imported from here to the first answer makes no garbage worth collecting: 80 ms.
            gc.disable()
            self.params += _flags(self.without)
        return super().get_params(ctx)


class ExecCommand(SettingsCommand):
    without = ("port", "ready_file")


def _flags(without: Collection[str]) -> Iterator[click.Option]:
    """A flag for each field of Settings, with its text, its default and its variable."""
    from audience_mock.settings import ENVIRONMENT_PREFIX, Settings

    for name, field in Settings.model_fields.items():
        if name in without:
            continue
        default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        shown = "none" if default is None else "true" if default is True else default
        text = f"{field.description} [default: {shown}; {ENVIRONMENT_PREFIX}{name.upper()}]"
        flag = f"--{name.replace('_', '-')}"
        if field.annotation is bool:
            # None if it is not given, so that the variable is looked at.
            yield click.Option([f"{flag}/--no-{flag[2:]}", name], is_flag=True, default=None, help=text)
        else:
            yield click.Option([flag, name], metavar=name.rsplit("_", 1)[-1].upper(), help=text)


def fail(message: object) -> NoReturn:
    """One line on stderr, exit status 2, whatever the message holds."""
    click.echo(f"audience-mock: {' '.join(str(message).split())}", err=True)
    sys.exit(2)


class OneLineGroup(click.Group):
    """Says in one line what is wrong with a command line; click takes four."""

    def main(self, *args: Any, **more: Any) -> NoReturn:
        try:
            status = super().main(*args, **{**more, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.UsageError as error:
            asked = error.ctx.command_path if error.ctx else "audience-mock"
            fail(f"{error.format_message()} ({asked} --help says what there is)")
        except click.ClickException as error:
            fail(error.format_message())
        except click.Abort:
            sys.exit(130)
        sys.exit(status if isinstance(status, int) else 0)


@click.group(
    cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="audience-mock")
def main() -> None:
    """A double of Pinterest's audience API and of PitchTarget's Audience API."""


@main.command(cls=SettingsCommand)
def serve(**flags: Any) -> None:
    """Run the server until Ctrl-C or SIGTERM."""
    # From the first moment: the imports take most of the start. uvicorn puts its own handlers in front
    # while it serves, ends in order, and then raises the signal again for these.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    given = {name: value for name, value in flags.items() if value is not None}
    settings = _settings(given)
    from audience_mock.server.run import run

    run(settings, fail)


def _settings(given: Mapping[str, Any]) -> "Settings":
    """As the flags and the environment have them; fails where they are not right."""
    from pydantic import ValidationError

    from audience_mock.settings import ENVIRONMENT_PREFIX, Settings

    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        source = f"--{name.replace('_', '-')}" if name in given else f"{ENVIRONMENT_PREFIX}{name.upper()}"
        fail(f"{source}: {first['msg']} (given: {first['input']!r})")


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


@main.command("exec", cls=ExecCommand, context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def exec_(command: tuple[str, ...], **flags: Any) -> None:
    """Run COMMAND beside a server of its own, on a free port, and end with its exit status.

    COMMAND finds the server in its environment: AUDIENCE_MOCK_URL, AUDIENCE_MOCK_PINTEREST_URL,
    AUDIENCE_MOCK_PITCHTARGET_URL, AUDIENCE_MOCK_CONTROL_URL, and PINTEREST_API_URI, which Pinterest's own
    client for Python reads. What is said to this process by signals is said to COMMAND.
    """
    from audience_mock.cli.exec import run

    given = {name: value for name, value in flags.items() if value is not None}
    _settings({"port": 0, **given})
    sys.exit(run(command, given, fail))


@main.command()
@click.argument("url")
@click.option("--timeout-s", default=10.0, show_default=True, help="Seconds to wait at most.")
def wait(url: str, timeout_s: float) -> None:
    """Wait until the server at URL is ready: exit status 0 once it is, 1 if it is not in time."""
    if not timeout_s >= 0:
        fail(f"--timeout-s: {timeout_s:g} is not a number of seconds")
    host, port = _server_of(url)
    end = time.monotonic() + timeout_s
    while (why := _why_not_ready(host, port, end - time.monotonic())) is not None:
        if time.monotonic() >= end:
            click.echo(f"audience-mock: {url} is not ready after {timeout_s:g} s: {why}", err=True)
            sys.exit(1)
        time.sleep(0.02)


def _server_of(url: str) -> tuple[str, int]:
    """Host and port; the path does not matter, so that any base URL will do."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        host, port = parts.hostname, 80 if parts.port is None else parts.port
        if parts.scheme == "http" and host and port and " " not in host and host.encode("idna"):
            return host, port
    except ValueError:
        pass
    fail(f"not the URL of a server: {url!r} (try http://127.0.0.1:8000)")


def _why_not_ready(host: str, port: int, left_s: float) -> str | None:
    """Nothing, if the server is ready."""
    import http.client

    connection = http.client.HTTPConnection(host, port, timeout=max(0.05, min(left_s, 1.0)))
    try:
        connection.request("GET", "/__admin/health")
        response = connection.getresponse()
        health = json.loads(response.read(1 << 16))
        if response.status == 200 and isinstance(health, dict) and health.get("status") == "ready":
            return None
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    except (http.client.HTTPException, ValueError):
        pass
    finally:
        connection.close()
    return "what answers there is not Audience Mock"


@main.command("export-openapi")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def export_openapi(directory: Path) -> None:
    """Write the descriptions of what is served into DIRECTORY, a JSON file for each API,
    and EVIDENCE.md, which says what each rule rests on."""
    from audience_mock.app import describe

    try:
        for file in describe(directory):
            click.echo(file)
    except OSError as error:
        fail(f"cannot write to {directory}: {error.strerror}")


@main.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Say what is wrong with seed files, each as FILE:LINE:COLUMN: FIELD: WHY; exit status 1 if any is."""
    from audience_mock.core.errors import InvalidSeedError
    from audience_mock.core.seeds.loader import check

    wrong = False
    for file in files:
        try:
            seed, faults = check(file)
        except InvalidSeedError as error:
            click.echo(error)
            wrong = True
            continue
        for fault in faults:
            click.echo(fault)
        if seed is not None:
            click.echo(f"{file}: right, {len(seed.audiences)} audiences")
        wrong = wrong or bool(faults)
    sys.exit(1 if wrong else 0)


@main.command()
def schema() -> None:
    """Print the JSON Schema of seed files, for editors."""
    from audience_mock.core.seeds import schemas

    click.echo(json.dumps(schemas.json_schema(), indent=2, ensure_ascii=False))
