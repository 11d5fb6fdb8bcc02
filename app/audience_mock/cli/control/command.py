"""What the commands for a running server share: which server it is, exit statuses, and --json."""

import re
import sys
from collections.abc import Callable, Mapping
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.control.output import echo, echo_json
from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.option_groups import GroupedCommand, GroupedOption
from audience_mock.cli.wait import parse_url

if TYPE_CHECKING:
    from audience_mock.client import MockWorld

CHECK_FAILED = 1
"""The exit status of a check that was made and failed; whatever keeps a command from its work is 2."""

SERVER = "Server"
OUTPUT = "Output"
TOKEN_VARIABLE = "AUDIENCE_MOCK_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE_VARIABLE = "AUDIENCE_MOCK_ADMIN_TOKEN_FILE"  # noqa: S105

Show = Callable[[Any], None]


class FailedCheckError(Exception):
    """A check that was made and failed: the text says why, `found` is the JSON of it. With `is_shown`, people
    see that, too."""

    def __init__(self, why: str, found: Any, *, is_shown: bool = False) -> None:
        super().__init__(why)
        self.found = found
        self.is_shown = is_shown


class ControlCommand(GroupedCommand):
    """A command that calls the control API of a running server.

    Its function gets the world as the first argument, and its options; it returns the JSON that --json
    prints. `show` prints that for people; without it, it is JSON anyway. With `takes_world`, --world chooses
    the world; otherwise it is the default one.
    """

    def __init__(
        self, *arguments: Any, show: Show | None = None, takes_world: bool = True, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._show = show
        self._takes_world = takes_world
        self.params += _server_options(takes_world=takes_world)

    def invoke(self, ctx: click.Context) -> None:
        from http.client import HTTPException

        from audience_mock.client import DEFAULT_WORLD, ControlError

        as_json = ctx.params.pop("as_json") or self._show is None
        params = ctx.params
        world = connected(params.pop("url"), params.pop("world", None), params.pop("admin_token_file"))
        if not self._takes_world:
            world = world.in_world(DEFAULT_WORLD)
        assert self.callback is not None
        try:
            check_server(world)
            found = ctx.invoke(self.callback, world, **ctx.params)
        except FailedCheckError as error:
            if as_json or self._show is None:
                echo_json(error.found)
            elif error.is_shown:
                self._show(error.found)
            for line in str(error).splitlines():
                echo(line, colour="red", error=True)
            sys.exit(CHECK_FAILED)
        except ControlError as error:
            exit_with_error(error)
        except (HTTPException, NotAudienceMockError):
            exit_with_error(f"the server at {world.url} is not Audience Mock")
        except OSError as error:
            exit_with_error(why_unreachable(error, world.url))
        if as_json or self._show is None:
            echo_json(found)
        else:
            self._show(found)


class DefaultGroup(click.Group):
    """A group that runs its command `default` where none is named: `clock` is `clock show`."""

    def __init__(self, *arguments: Any, default: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Completion parses the words before the one that is completed: that may be the command's name.
        return super().parse_args(ctx, args if ctx.resilient_parsing else self.with_default(ctx, args))

    def with_default(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments with the name of a command first."""
        is_named = args and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        return args if is_named else [self.default, *args]


class NotAudienceMockError(Exception):
    """Another server answers at the URL."""


def example(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(["\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)])


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given: neither None nor an empty list."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != ()
    }


def _server_options(*, takes_world: bool) -> list[click.Parameter]:
    return [
        GroupedOption(
            ["--url"],
            group=SERVER,
            metavar="URL",
            envvar="AUDIENCE_MOCK_URL",
            default="http://127.0.0.1:8000",
            show_envvar=True,
            show_default=True,
            help="Base URL of the server, or of a world of it.",
        ),
        *(
            [GroupedOption(["--world"], group=SERVER, metavar="NAME", help="World to act on.")]
            if takes_world
            else ()
        ),
        GroupedOption(
            ["--admin-token-file"],
            group=SERVER,
            metavar="FILE",
            type=click.Path(path_type=Path),
            help=(
                f"File whose first token opens the control API. Otherwise {TOKEN_VARIABLE} is the token, or"
                f" {TOKEN_FILE_VARIABLE} the file."
            ),
        ),
        GroupedOption(["--json", "as_json"], group=OUTPUT, is_flag=True, help="Print JSON."),
    ]


def connected(url: str, world: str | None = None, token_file: Path | None = None) -> "MockWorld":
    """The world that options choose; exits where one is invalid. Nothing is sent yet."""
    from audience_mock.client import DEFAULT_WORLD, MockWorld
    from audience_mock.client_http import split_world

    parts = parse_url(url)
    if parts is None:
        exit_with_error(f"--url: not the URL of a server: {url!r} (try http://127.0.0.1:8000)")
    server, of_url = split_world(parts._replace(query="", fragment="").geturl())
    return MockWorld(server, world=world or of_url or DEFAULT_WORLD, admin_token=_token(token_file))


def _token(file: Path | None) -> str | None:
    if file is None and (token := environ.get(TOKEN_VARIABLE, "")):
        if not re.fullmatch(r"[!-~]+", token):
            exit_with_error(f"{TOKEN_VARIABLE}: must be ASCII characters without spaces")
        return token
    named = file or environ.get(TOKEN_FILE_VARIABLE)
    if not named:
        return None
    from audience_mock.control import read_tokens
    from audience_mock.core.errors import InvalidSettingsError

    try:
        return read_tokens(Path(named))[0]
    except InvalidSettingsError as error:
        exit_with_error(f"{'--admin-token-file' if file else TOKEN_FILE_VARIABLE}: {error.why}")


def why_unreachable(error: OSError, url: str) -> str:
    """Why a server cannot be called, in a line."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    reason = getattr(error, "verify_message", None) or error.strerror or str(error) or type(error).__name__
    return f"cannot reach {url}: {reason} (--url or AUDIENCE_MOCK_URL names the server)"


def check_server(world: "MockWorld") -> None:
    """Raises NotAudienceMockError for another server: one that answers 200 to anything would seem to obey."""
    from audience_mock.client import DEFAULT_WORLD, ControlError

    try:
        health = world.in_world(DEFAULT_WORLD).control("GET", "/health")
    except (ControlError, ValueError):
        raise NotAudienceMockError from None
    if not isinstance(health, dict) or health.get("status") != "ready":
        raise NotAudienceMockError
