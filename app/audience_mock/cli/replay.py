"""`audience-mock replay`: a bundle, played against a fresh server."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.errors import exit_with_error

if TYPE_CHECKING:
    from audience_mock.replay import Difference, Replay

DIFFERS = 1
SHOWN = 10
VALUE_CHARACTERS = 200


@click.command(
    short_help="Play a bundle again, and compare the answers.",
    epilog="""
    \b
    Examples:
      audience-mock replay bundle.json
      audience-mock replay bundle.json --output again.json
    """,
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--url",
    metavar="URL",
    help="A running server to use; by default one is started. The replay gets a world of its own there.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the replay's own bundle."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(*, file: Path, url: str | None, output: Path | None, as_json: bool) -> None:
    """Play the bundle in FILE again, and say where the first answer differs.

    The exit status is 1 if an answer differs otherwise than lawfully, and 2 if the bundle cannot be played.
    """
    from audience_mock.bundle_form import check
    from audience_mock.client import ControlError
    from audience_mock.web.bundling import BundleError

    try:
        bundle = json.loads(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
        # Before a server is started, or asked for a world.
        check(bundle)
        result = _played(bundle, url)
    except OSError as error:
        exit_with_error(f"{file}: {error.strerror or error}")
    except (BundleError, ControlError, ValueError, RecursionError) as error:
        exit_with_error(f"{file}: {error}")
    if output is not None:
        try:
            output.write_text(json.dumps(result.bundle, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            exit_with_error(f"{output}: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps(_as_json(result), indent=2))
    else:
        _print(result, bundle)
    sys.exit(DIFFERS if result.differences else 0)


def _played(bundle: dict[str, Any], url: str | None) -> "Replay":
    """Play it in a world of its own, of a new server or of the one at `url`, where nothing is left of it."""
    from http.client import HTTPException
    from uuid import uuid4

    from audience_mock.cli.control.command import (
        NotAudienceMockError,
        check_server,
        connected,
        why_unreachable,
    )
    from audience_mock.client import ControlError
    from audience_mock.replay import replay as play
    from audience_mock.testing import MockServer

    name = f"replay-{uuid4().hex[:8]}"
    if url is None:
        with MockServer(admin=True, log_level="error") as server:
            return play(bundle, server.in_world(name))
    world = connected(url).in_world(name)
    try:
        check_server(world)
        try:
            return play(bundle, world)
        finally:
            # It is not there if its settings were rejected, and that is what has to be said then.
            with suppress(ControlError, OSError):
                world.delete()
    except (HTTPException, NotAudienceMockError):
        exit_with_error(f"the server at {url} is not Audience Mock")
    except OSError as error:
        exit_with_error(why_unreachable(error, url))


def _as_json(result: "Replay") -> dict[str, Any]:
    return {
        "requests": result.requests,
        "differences": [vars(one) for one in result.differences],
        "lawful": [vars(one) for one in result.lawful],
        "stopped": result.stopped,
    }


def _print(result: "Replay", bundle: dict[str, Any]) -> None:
    from audience_mock.cli.control.output import echo

    versions, now = bundle["versions"], result.bundle["versions"]
    if versions != now:
        recorded = ", ".join(f"{name} {version}" for name, version in versions.items())
        echo(
            f"recorded with {recorded}; now {', '.join(f'{name} {version}' for name, version in now.items())}"
        )
    requests = f"{result.requests} {'request' if result.requests == 1 else 'requests'}"
    if result.differences:
        echo(f"{requests} replayed; the first difference:", colour="red")
        for one in result.differences[:SHOWN]:
            echo(f"  {_in_words(one)}")
        if len(result.differences) > SHOWN:
            echo(f"  and {len(result.differences) - SHOWN} more")
    else:
        echo(f"{requests} replayed: every answer is the same")
    reasons = sorted({(one.field, one.lawful or "") for one in result.lawful})
    for name, why in reasons[:SHOWN]:
        echo(f"lawful: {name} ({why})")
    if result.stopped:
        echo(f"stopped: {result.stopped}", colour="yellow")


def _in_words(one: "Difference") -> str:
    was, now = (json.dumps(value, ensure_ascii=False)[:VALUE_CHARACTERS] for value in (one.was, one.now))
    return f"request {one.number}, {one.operation or 'no operation'}, {one.field}: {was} then, {now} now"
