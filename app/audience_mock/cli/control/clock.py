"""`clock`: the time of a world."""

from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.control.command import ControlCommand, DefaultGroup, example, given
from audience_mock.cli.control.output import assignments, echo_fields, echo_table
from audience_mock.cli.control.values import NumberOrText, grouped
from audience_mock.cli.option_groups import ShownChoice

if TYPE_CHECKING:
    from audience_mock.client import MockWorld

EVENT_KINDS = ("audience", "facebook_id", "customer_list", "upload", "token", "limit")

_EVENT = ("at", "unix", "in_s", "kind")


@click.group(
    cls=DefaultGroup,
    default="show",
    epilog=example("audience-mock clock freeze", "audience-mock clock advance --to next-event"),
)
def clock() -> None:
    """Show, set, stop and advance the time of a world.

    The clock of a world decides every timestamp, status, token expiry and rate limit. Without a command, it
    is shown.
    """


@clock.command(cls=ControlCommand, show=echo_fields, epilog=example("audience-mock clock show --json"))
def show(world: "MockWorld") -> dict[str, Any]:
    """Show the time."""
    return world.clock.get()


@clock.command(
    "set",
    cls=ControlCommand,
    show=echo_fields,
    epilog=example("audience-mock clock set 2026-11-22T12:00:00Z"),
)
@click.argument("time", type=NumberOrText(), metavar="TIME")
def set_(world: "MockWorld", time: Any) -> dict[str, Any]:
    """Set the time to TIME: Unix seconds, or ISO 8601. The clock stays stopped, or running."""
    return world.clock.set(time)


@clock.command(
    cls=ControlCommand,
    show=echo_fields,
    epilog=example("audience-mock clock freeze", "audience-mock clock freeze 2026-11-22T12:00:00Z"),
)
@click.argument("time", required=False, type=NumberOrText(), metavar="[TIME]")
def freeze(world: "MockWorld", time: Any) -> dict[str, Any]:
    """Stop the clock, now or at TIME: Unix seconds, or ISO 8601."""
    return world.clock.freeze(time)


@clock.command(cls=ControlCommand, show=echo_fields, epilog=example("audience-mock clock run"))
def run(world: "MockWorld") -> dict[str, Any]:
    """Let a stopped clock run, from the time that it shows."""
    return world.clock.run()


@clock.command(
    cls=ControlCommand,
    show=echo_fields,
    epilog=example("audience-mock clock advance 3600", "audience-mock clock advance --to next-event"),
)
@click.argument("seconds", type=float, required=False)
@grouped("Events", "--to", type=ShownChoice(["next-event", "idle"]), help="The next event, or the last one.")
@grouped(
    "Events",
    "--kind",
    "kinds",
    multiple=True,
    type=ShownChoice(EVENT_KINDS),
    help="With --to: events that count.",
)
def advance(world: "MockWorld", **to: Any) -> dict[str, Any]:
    """Move the time forward by SECONDS, or to an event of the agenda."""
    return world.clock.advance(**given(to))


def _show_events(events: list[dict[str, Any]]) -> None:
    rows = [
        (
            event["at"],
            event["in_s"],
            event["kind"],
            assignments({name: value for name, value in event.items() if name not in _EVENT}),
        )
        for event in events
    ]
    echo_table(("at", "in seconds", "kind", "what"), rows, empty="Nothing will happen by the clock alone")


@clock.command(
    cls=ControlCommand, show=_show_events, epilog=example("audience-mock clock agenda --kind audience")
)
@grouped("Events", "--kind", "kinds", multiple=True, type=ShownChoice(EVENT_KINDS), help="Kinds to list.")
@grouped("Events", "--limit", type=int, metavar="COUNT", help="Number of events at most.  [default: 100]")
def agenda(world: "MockWorld", **which: Any) -> list[dict[str, Any]]:
    """List what the clock will cause."""
    return world.clock.agenda(**given(which))
