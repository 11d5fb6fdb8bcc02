"""`world`: the worlds of a server."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from audience_mock.cli.control.command import ControlCommand, DefaultGroup, example
from audience_mock.cli.control.output import assignments, echo, echo_fields, echo_table
from audience_mock.cli.control.values import assignment

if TYPE_CHECKING:
    from audience_mock.client import MockWorld


class WorldCommand(ControlCommand):
    """A command whose argument names the world."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, takes_world=False, **more)


@click.group(
    cls=DefaultGroup,
    default="list",
    epilog=example(
        "audience-mock world create checkout build_delay_s=0", "audience-mock world delete checkout"
    ),
)
def world() -> None:
    """List, create, fork, compare and delete worlds, and change their settings.

    A world is an isolated environment with its own data, ids, clock, faults, limits and request journal.
    Without a command, it lists them.
    """


def _show_world(found: dict[str, Any]) -> None:
    echo_fields(
        {
            "name": found["name"],
            "audiences": found["audiences"],
            "settings": assignments(found["settings"]) or None,
            "snapshots": " ".join(found["snapshots"]) or None,
        }
    )


@world.command(
    "list",
    cls=WorldCommand,
    show=lambda found: echo_table(("world",), [(name,) for name in found["worlds"]], empty="No worlds"),
    epilog=example("audience-mock world list"),
)
def list_(default: "MockWorld") -> Any:
    """List the worlds of the server."""
    return default.control("GET", "/worlds")


@world.command(cls=WorldCommand, show=_show_world, epilog=example("audience-mock world show checkout"))
@click.argument("name")
def show(default: "MockWorld", name: str) -> Any:
    """Show the world NAME: its size, settings and snapshots."""
    # Through the default world: a path through another one creates that.
    return default.control("GET", _path(name))


@world.command(
    cls=WorldCommand, show=_show_world, epilog=example("audience-mock world create checkout build_delay_s=0")
)
@click.argument("name")
@click.argument("settings", metavar="[NAME=VALUE]...", nargs=-1)
def create(default: "MockWorld", name: str, settings: tuple[str, ...]) -> dict[str, Any]:
    """Create the world NAME from the seed of the server, with settings of its own.

    A world of this name gets these settings and no others; its data stays.
    """
    return default.in_world(name).replace_settings(**_settings(settings))


@world.command(
    "set",
    cls=WorldCommand,
    show=_show_world,
    epilog=example("audience-mock world set checkout match_rate=0.5"),
)
@click.argument("name")
@click.argument("settings", metavar="NAME=VALUE...", nargs=-1, required=True)
def set_(default: "MockWorld", name: str, settings: tuple[str, ...]) -> dict[str, Any]:
    """Set settings of the world NAME; it keeps the others that it has."""
    return default.in_world(name).configure(**_settings(settings))


@world.command(
    cls=WorldCommand,
    show=lambda done: echo(f"World {done['name']} is forked from {done['from']}"),
    epilog=example("audience-mock world fork checkout checkout-2"),
)
@click.argument("name")
@click.argument("new")
def fork(default: "MockWorld", name: str, new: str) -> dict[str, Any]:
    """Create the world NEW with a copy of the data, ids, clock and settings of NAME."""
    default.control("GET", _path(name))
    return {"name": default.in_world(name).fork(new).name, "from": name}


@world.command(cls=WorldCommand, epilog=example("audience-mock world diff default checkout"))
@click.argument("name")
@click.argument("other")
def diff(default: "MockWorld", name: str, other: str) -> Any:
    """Print, as JSON, what OTHER has more than NAME, less, or otherwise."""
    return default.control("GET", f"{_path(name)}/diff/{quote(other, safe='')}")


@world.command(
    cls=WorldCommand,
    show=lambda done: echo(f"World {done['name']} is deleted"),
    epilog=example("audience-mock world delete checkout"),
)
@click.argument("name")
def delete(default: "MockWorld", name: str) -> dict[str, Any]:
    """Delete the world NAME and its snapshots."""
    default.in_world(name).delete()
    return {"name": name}


def _path(name: str) -> str:
    return f"/worlds/{quote(name, safe='')}"


def _settings(given: tuple[str, ...]) -> dict[str, Any]:
    return dict(map(assignment, given))
