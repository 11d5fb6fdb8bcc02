"""`bundle`: what a world held at first and everything that was done in it, in one file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.control.command import ControlCommand, example
from audience_mock.cli.control.output import echo, echo_json
from audience_mock.cli.control.values import grouped

if TYPE_CHECKING:
    from audience_mock.client import MockWorld


def _show(done: dict[str, Any]) -> None:
    if "steps" in done:
        echo_json(done)
    else:
        from audience_mock.core.counting import counted

        is_in = "is" if done["requests"] == 1 else "are"
        echo(f"{counted(done['requests'], 'request')} of world {done['world']} {is_in} in {done['file']}")


@click.command(
    cls=ControlCommand,
    show=_show,
    epilog=example("audience-mock bundle bundle.json", "audience-mock bundle --resalt > bundle.json"),
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@grouped("Bundle", "--resalt", is_flag=True, help="Replace each address and hash of a person by another one.")
def bundle(world: "MockWorld", file: Path | None, resalt: bool) -> dict[str, Any]:
    """Write what is needed to play the requests of a world again into FILE, or print it.

    The world has to be recorded: start the server with --record, or set the world's setting record. Tokens
    and other secrets have aliases.
    """
    import secrets

    from audience_mock.bundle_people import resalt as resalted

    found: dict[str, Any] = world.control("GET", "/bundle")
    if resalt:
        found = resalted(found, secrets.token_bytes(32))
    if file is None:
        return found
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    requests = sum("request" in step for step in found["steps"])
    return {"world": world.name, "file": str(file), "requests": requests}
