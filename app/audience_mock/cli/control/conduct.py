"""`conduct`: the rules that a client broke, by the requests that a world received."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from audience_mock.cli.control.command import (
    OUTPUT,
    ControlCommand,
    DefaultGroup,
    FailedCheckError,
    example,
    given,
)
from audience_mock.cli.control.output import echo, echo_table
from audience_mock.cli.control.values import api_option, grouped
from audience_mock.cli.junit import Case, junit_option, write_junit
from audience_mock.core.counting import counted

if TYPE_CHECKING:
    from audience_mock.client import MockWorld

_COLOURS = {"error": "red", "warning": "yellow"}


@click.group(
    cls=DefaultGroup,
    default="check",
    epilog=example("audience-mock conduct --fail-on error", "audience-mock conduct rules"),
)
def conduct() -> None:
    """Judge the client by the requests that a world received.

    Without a command, it checks the rules.
    """


def _show_report(report: dict[str, Any]) -> None:
    from audience_mock.client import conduct_lines

    for finding in report["findings"]:
        head, *more = conduct_lines(finding)
        echo(head, colour=_COLOURS[finding["severity"]])
        for line in more:
            echo(line)
    found = [
        counted(sum(finding["severity"] == severity for finding in report["findings"]), severity)
        for severity in _COLOURS
    ]
    total = " and ".join(found) if report["findings"] else "No finding"
    echo(f"{total} in {counted(report['checked'], 'request')}, by {counted(len(report['rules']), 'rule')}")
    if report["dropped"]:
        echo(f"{report['dropped']:,} older requests were dropped: raise journal_entries or journal_bytes")


@conduct.command(
    cls=ControlCommand,
    show=_show_report,
    epilog=example(
        "audience-mock conduct --fail-on error",
        "audience-mock conduct --ignore AM205 --option poll_interval_s=0.1",
    ),
)
@grouped("Rules", "--select", metavar="RULES", help="Rules to check; by default all.")
@grouped("Rules", "--ignore", metavar="RULES", help="Rules to leave out.")
@grouped(
    "Rules", "--fail-on", metavar="RULES", help="warning (all), error, never, or rules.  [default: warning]"
)
@grouped("Rules", "--option", "options", multiple=True, metavar="NAME=NUMBER", help="Threshold of a rule.")
@api_option
@grouped("Range", "--after", metavar="NUMBER|TIME", help="Later requests than this.")
@grouped("Range", "--before", metavar="NUMBER|TIME", help="Earlier requests than this.")
@junit_option(OUTPUT, "rule")
def check(
    world: "MockWorld", options: tuple[str, ...], junit: Path | None, **query: str | None
) -> dict[str, Any]:
    """Check the rules of the conduct report.

    RULES are ids, beginnings of ids, names or severities, separated by commas. The exit status is 1 if
    a finding fails.
    """
    wanted = given({**query, "options": ",".join(options) or None})
    report: dict[str, Any] = world.control("GET", f"/conduct?{urlencode(wanted)}")
    if junit is not None:
        write_junit(junit, "audience-mock conduct", [_case(rule, report) for rule in report["rules"]])
    failing = sum(finding["fails"] for finding in report["findings"])
    if failing:
        fails = "finding fails" if failing == 1 else "findings fail"
        raise FailedCheckError(
            f"{failing:,} {fails}: --fail-on {query['fail_on'] or 'warning'}", report, is_shown=True
        )
    return report


@conduct.command(
    cls=ControlCommand,
    takes_world=False,
    show=lambda found: echo_table(
        ("rule", "severity", "name", "what is wrong"),
        [(rule["id"], rule["severity"], rule["name"], rule["summary"]) for rule in found["rules"]],
        empty="No rules",
    ),
    epilog=example("audience-mock conduct rules"),
)
def rules(world: "MockWorld") -> dict[str, Any]:
    """List the rules.

    With --json, what each rests on and its thresholds, too.
    """
    listed: dict[str, Any] = world.control("GET", "/conduct/rules")
    return listed


def _case(rule: str, report: dict[str, Any]) -> Case:
    """A test of a rule, which fails if a finding of it does."""
    from audience_mock.client import conduct_lines

    found = [finding for finding in report["findings"] if finding["rule"] == rule]
    fails = any(finding["fails"] for finding in found)
    lines = [line for finding in found for line in conduct_lines(finding)]
    return Case("audience_mock.conduct", rule, found[0]["name"] if fails else None, lines)
