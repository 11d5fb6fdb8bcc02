"""`fault`: the faults planned in a world."""

from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.control.command import ControlCommand, DefaultGroup, FailedCheckError, example, given
from audience_mock.cli.control.output import assignments, echo, echo_table
from audience_mock.cli.control.values import Json, MillisecondsOrRange, grouped
from audience_mock.cli.option_groups import ShownChoice

if TYPE_CHECKING:
    from audience_mock.client import MockWorld

_CALLS, _ANSWERS, _CONNECTIONS = "Calls", "Responses", "Connections"
_COUNTS = ("id", "operation", "seen", "fired", "left", "used", "window_left_s")


@click.group(
    cls=DefaultGroup,
    default="list",
    epilog=example(
        "audience-mock fault add audiences/create --status 503 --first 2",
        "audience-mock fault unused",
    ),
)
def fault() -> None:
    """Plan faults: calls that fail, are slow or are cut off.

    Without a command, it lists them.
    """


@fault.command(
    cls=ControlCommand,
    show=lambda done: echo(done["id"]),
    epilog=example(
        "audience-mock fault add audiences/create --status 503 --first 2",
        "audience-mock fault add '*' --latency-ms 100-800",
        """audience-mock fault add audiences/list --match '{"query": {"page_size": "250"}}' --stall in""",
    ),
)
@click.argument("operation")
@grouped(_CALLS, "--match", type=Json(), metavar="JSON", help="Part of the request; other calls pass.")
@grouped(_CALLS, "--skip", type=int, metavar="COUNT", help="Calls that pass first.")
@grouped(_CALLS, "--every", type=int, metavar="N", help="Then fire at every n-th call.")
@grouped(_CALLS, "--chance", type=float, metavar="SHARE", help="Then at this share of calls, from 0 to 1.")
@grouped(_CALLS, "--first", type=int, metavar="COUNT", help="Times to fire at most.")
@grouped(_ANSWERS, "--status", type=int, metavar="STATUS", help="Error of the API, 400 to 599.")
@grouped(_ANSWERS, "--body", type=Json(or_text=True), metavar="JSON|TEXT", help="With --status: its body.")
@grouped(
    _ANSWERS, "--limit-window-s", type=float, metavar="SECONDS", help="429 for so long, by the world's clock."
)
@grouped(_ANSWERS, "--content-type", metavar="TYPE", help="Content type to claim.")
@grouped(_ANSWERS, "--garbage", is_flag=True, default=None, help="A body that is neither JSON nor UTF-8.")
@grouped(_ANSWERS, "--effect-lost", is_flag=True, default=None, help="Answer as usual, but store nothing.")
@grouped(
    _ANSWERS,
    "--stale-token",
    is_flag=True,
    default=None,
    help="Answer 401, now and to every later call with the same token.",
)
@grouped(
    _ANSWERS, "--answer-lost", is_flag=True, default=None, help="Run the operation, but send no response."
)
@grouped(
    _CONNECTIONS,
    "--latency-ms",
    type=MillisecondsOrRange(),
    metavar="MS|FROM-TO",
    help="Delay, in real time.",
)
@grouped(
    _CONNECTIONS,
    "--reset",
    type=ShownChoice(["before", "in", "after"]),
    help="Reset the connection before the operation, in the body, or after it.",
)
@grouped(
    _CONNECTIONS,
    "--stall",
    type=ShownChoice(["before", "in"]),
    help="Send nothing, or stop in the body, until the client leaves.",
)
@grouped(_CONNECTIONS, "--cut-after-bytes", type=int, metavar="BYTES", help="Close after these bytes.")
def add(world: "MockWorld", operation: str, **fault: Any) -> dict[str, Any]:
    """Plan a fault of OPERATION and print its id.

    OPERATION is an operation id, such as audiences/create, or * for all.
    """
    return {"id": world.faults.add(operation, **given(fault))}


def _show(faults: list[dict[str, Any]]) -> None:
    rows = [
        (
            each["id"],
            each["operation"],
            assignments({name: value for name, value in each.items() if name not in _COUNTS}),
            each["seen"],
            each["fired"],
            each["left"],
            "yes" if each["used"] else "no",
        )
        for each in faults
    ]
    head = ("id", "operation", "fault", "seen", "fired", "left", "used")
    echo_table(head, rows, empty="No faults are planned")


@fault.command("list", cls=ControlCommand, show=_show, epilog=example("audience-mock fault list --json"))
def list_(world: "MockWorld") -> Any:
    """List the planned faults, and how often each fired."""
    return world.faults.list()


@fault.command(
    cls=ControlCommand,
    show=lambda found: echo("Every planned fault fired"),
    epilog=example("audience-mock fault unused || echo 'the retry was never needed'"),
)
def unused(world: "MockWorld") -> Any:
    """Check that every planned fault fired.

    The exit status is 1 if one never fired, or not as often as planned.
    """
    from audience_mock.client import UnusedFaultsError

    try:
        world.faults.expect_used()
    except UnusedFaultsError as error:
        raise FailedCheckError(str(error), world.faults.unused()) from None
    return []


@fault.command(
    cls=ControlCommand,
    show=lambda done: echo(f"Fault {done['id']} is removed"),
    epilog=example("audience-mock fault remove fault-1"),
)
@click.argument("id")
def remove(world: "MockWorld", id: str) -> dict[str, Any]:
    """Remove the fault ID."""
    world.faults.remove(id)
    return {"id": id}


@fault.command(
    cls=ControlCommand,
    show=lambda done: echo(f"World {done['world']} has no faults"),
    epilog=example("audience-mock fault clear"),
)
def clear(world: "MockWorld") -> dict[str, Any]:
    """Remove all faults."""
    world.faults.clear()
    return {"world": world.name}
