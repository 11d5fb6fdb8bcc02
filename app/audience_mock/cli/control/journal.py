"""`journal` and `verify`: the requests that a world received."""

from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.control.command import ControlCommand, DefaultGroup, FailedCheckError, example, given
from audience_mock.cli.control.output import echo
from audience_mock.cli.control.values import Pattern, grouped, request_options
from audience_mock.core.text_tables import table_lines

if TYPE_CHECKING:
    from audience_mock.client import MockWorld


@click.group(
    cls=DefaultGroup,
    default="list",
    epilog=example("audience-mock journal --status 4xx", "audience-mock journal clear"),
)
def journal() -> None:
    """List the requests that a world received.

    Without a command, it lists the newest.
    """


def _show_entries(entries: list[dict[str, Any]]) -> None:
    from audience_mock.failure_report import explanation, is_rejected

    if not entries:
        echo("No such requests")
        return
    rows = [
        (
            entry["number"],
            entry["at"],
            str(entry["answer"]["status"] or "none"),
            entry["request"]["method"],
            entry["operation"],
            entry["request"]["path"],
        )
        for entry in entries
    ]
    head, *lines = table_lines(("number", "at", "status", "method", "operation", "path"), rows)
    echo(head, bold=True)
    for entry, line in zip(entries, lines, strict=True):
        echo(line, colour="red" if is_rejected(entry) else None)
        for why in explanation(entry):
            echo(f"        {why}")


@journal.command(
    "list",
    cls=ControlCommand,
    show=_show_entries,
    epilog=example(
        "audience-mock journal list --status 4xx",
        """audience-mock journal list --operation audiences/create --match '{"body": {"name": "Buyers"}}'""",
    ),
)
@grouped("Requests", "--operation", metavar="ID", help="Operation id, or none for requests without a route.")
@request_options
@grouped("Range", "--after", metavar="NUMBER|TIME", help="Later requests than this.")
@grouped("Range", "--before", metavar="NUMBER|TIME", help="Earlier requests than this.")
@grouped(
    "Range",
    "--limit",
    type=int,
    metavar="COUNT",
    help="Number of requests at most: the oldest with --after, else the newest.  [default: 100]",
)
def list_(world: "MockWorld", **criteria: Any) -> list[dict[str, Any]]:
    """List requests, the oldest first, and why requests were rejected."""
    return world.journal.entries(**given(criteria))


@journal.command(
    cls=ControlCommand,
    show=lambda done: echo(f"The journal of world {done['world']} is empty"),
    epilog=example("audience-mock journal clear"),
)
def clear(world: "MockWorld") -> dict[str, Any]:
    """Remove all requests; numbers continue."""
    world.journal.clear()
    return {"world": world.name}


def _show_verified(verified: dict[str, Any]) -> None:
    numbers = ", ".join(map(str, verified["matched"])) or "none"
    echo(f"Verified. Matching requests: {numbers}")


@click.command(
    cls=ControlCommand,
    show=_show_verified,
    epilog=example(
        "audience-mock verify audiences/create --count 1",
        "audience-mock verify --status 5xx --never",
        "audience-mock verify --order audiences/create --order audiences/get",
    ),
)
@click.argument("operation", required=False)
@request_options
@grouped("Expected", "--count", type=int, metavar="COUNT", help="Exact number of requests.")
@grouped("Expected", "--at-least", type=int, metavar="COUNT", help="Number of requests at least.")
@grouped("Expected", "--at-most", type=int, metavar="COUNT", help="Number of requests at most.")
@grouped("Expected", "--never", is_flag=True, default=None, help="No such request.")
@grouped(
    "Expected",
    "--order",
    multiple=True,
    type=Pattern(),
    metavar="OPERATION|JSON",
    help="Once for each request, in this order; others may come between.",
)
@grouped(
    "Expected",
    "--within-s",
    type=float,
    metavar="SECONDS",
    help="By the world's clock: back from now, or from first to last of --order.",
)
def verify(
    world: "MockWorld", operation: str | None, at_least: int | None, at_most: int | None, **expected: Any
) -> dict[str, Any]:
    """Check which requests a world received.

    OPERATION is an operation id, such as audiences/create. Without a count, at least one request is
    expected. The exit status is 1 if the check fails, and the reason is printed.
    """
    from audience_mock.client import VerificationError

    if bounds := given({"at_least": at_least, "at_most": at_most}):
        if expected["count"] is not None:
            raise click.UsageError("--count is the exact number: leave out --at-least and --at-most")
        expected["count"] = bounds
    try:
        return world.verify(operation, **given(expected))
    except VerificationError as error:
        raise FailedCheckError(str(error), error.body) from None
