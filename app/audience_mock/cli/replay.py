"""`audience-mock replay`: a bundle, played against a fresh server."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.errors import exit_with_error

if TYPE_CHECKING:
    from audience_mock.client import MockWorld
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
    from uuid import uuid4

    from audience_mock.cli.control.command import connected
    from audience_mock.client import ControlError
    from audience_mock.replay import BundleError
    from audience_mock.replay import replay as play
    from audience_mock.testing import MockServer

    try:
        bundle = json.loads(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
        with ExitStack() as opened:
            server: MockWorld
            if url is None:
                server = opened.enter_context(MockServer(admin=True, log_level="error"))
            else:
                server = connected(url)
            world = server.in_world(f"replay-{uuid4().hex[:8]}")
            try:
                result = play(bundle, world)
            finally:
                if url is not None:
                    world.delete()
        if output is not None:
            output.write_text(json.dumps(result.bundle, indent=1) + "\n", encoding="utf-8")
    except (BundleError, KeyError) as error:
        exit_with_error(f"{file}: {error}")
    except (ControlError, OSError, ValueError, RecursionError) as error:
        exit_with_error(f"{file}: {error}")
    if as_json:
        click.echo(json.dumps(_as_json(result), indent=2))
    else:
        _print(result, bundle)
    sys.exit(DIFFERS if result.differences else 0)


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
