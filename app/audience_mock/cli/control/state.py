"""`reset`, `seed`, `state` and `snapshot`: the data of a world."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.control.command import ControlCommand, DefaultGroup, example
from audience_mock.cli.control.output import echo, echo_table
from audience_mock.cli.control.values import grouped
from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.option_groups import ShownChoice

if TYPE_CHECKING:
    from audience_mock.client import MockWorld

STDIN = "-"


@click.command(
    cls=ControlCommand,
    show=lambda done: echo(f"World {done['world']} is reset to {done['to']}"),
    epilog=example("audience-mock reset", "audience-mock reset --to empty --world checkout"),
)
@grouped(
    "Reset",
    "--to",
    type=ShownChoice(["seed", "empty"]),
    default="seed",
    show_default=True,
    help="What the world goes back to: the seed of the server, or no data.",
)
def reset(world: "MockWorld", to: Any) -> dict[str, Any]:
    """Reset a world: data, ids, clock, faults and journal.

    Settings and snapshots stay.
    """
    world.reset(to)
    return {"world": world.name, "to": to}


def _show_added(added: dict[str, Any]) -> None:
    rows = [(section, count) for section, count in added["counts"].items() if count]
    echo_table(("section", "added"), rows, empty="The seed is empty: nothing was added")


@click.command(
    cls=ControlCommand,
    show=_show_added,
    epilog=example("audience-mock seed buyers.json", "audience-mock state --world a | audience-mock seed - "),
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
def seed(world: "MockWorld", file: Path) -> dict[str, Any]:
    """Add what the seed in FILE holds to a world; - reads standard input.

    All is added, or nothing. `audience-mock check` names the line of each error of a file.
    """
    if str(file) == STDIN:
        return world.seed(_read_json(sys.stdin.buffer.read(), "standard input"))
    return world.seed(_read_json(file.read_bytes(), str(file)))


def _read_json(raw: bytes, name: str) -> dict[str, Any]:
    try:
        read = json.loads(raw)
    except (ValueError, RecursionError) as error:
        exit_with_error(f"{name}: not JSON: {error}")
    if not isinstance(read, dict):
        exit_with_error(f"{name}: a seed is a JSON object")
    return read


@click.command(cls=ControlCommand, epilog=example("audience-mock state > seed.json"))
def state(world: "MockWorld") -> dict[str, Any]:
    """Print all that a world holds, as a seed.

    It is JSON. `audience-mock seed` and `serve --seed` take it.
    """
    return world.state()


@click.group(
    cls=DefaultGroup,
    default="list",
    epilog=example("audience-mock snapshot take signed-in", "audience-mock snapshot restore signed-in"),
)
def snapshot() -> None:
    """Take, restore, list and delete snapshots of a world.

    Without a command, it lists them.
    """


@snapshot.command(
    cls=ControlCommand,
    show=lambda done: echo(f"Snapshot {done['snapshot']} is taken"),
    epilog=example("audience-mock snapshot take signed-in"),
)
@click.argument("name")
def take(world: "MockWorld", name: str) -> dict[str, Any]:
    """Save the state of a world under NAME, in the place of an earlier one."""
    world.snapshot(name)
    return {"snapshot": name}


@snapshot.command(
    cls=ControlCommand,
    show=lambda done: echo(f"World {done['world']} is restored from snapshot {done['snapshot']}"),
    epilog=example("audience-mock snapshot restore signed-in"),
)
@click.argument("name")
def restore(world: "MockWorld", name: str) -> dict[str, Any]:
    """Go back to the state of the snapshot NAME."""
    world.restore(name)
    return {"world": world.name, "snapshot": name}


@snapshot.command(
    "list",
    cls=ControlCommand,
    show=lambda found: echo_table(
        ("snapshot",), [(name,) for name in found["snapshots"]], empty="No snapshots"
    ),
    epilog=example("audience-mock snapshot list"),
)
def list_(world: "MockWorld") -> Any:
    """List the snapshots of a world."""
    return world.control("GET", "/snapshots")


@snapshot.command(
    cls=ControlCommand,
    show=lambda done: echo(f"Snapshot {done['snapshot']} is deleted"),
    epilog=example("audience-mock snapshot delete signed-in"),
)
@click.argument("name")
def delete(world: "MockWorld", name: str) -> dict[str, Any]:
    """Delete the snapshot NAME."""
    from urllib.parse import quote

    world.control("DELETE", f"/snapshots/{quote(name, safe='')}")
    return {"snapshot": name}
