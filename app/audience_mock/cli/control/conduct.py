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
from audience_mock.cli.control.values import grouped
from audience_mock.cli.errors import exit_with_error

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
        _counted(sum(finding["severity"] == severity for finding in report["findings"]), severity)
        for severity in _COLOURS
    ]
    total = " and ".join(found) if report["findings"] else "No finding"
    echo(f"{total} in {_counted(report['checked'], 'request')}, by {_counted(len(report['rules']), 'rule')}")
    if report["dropped"]:
        echo(f"{report['dropped']:,} older requests were dropped: raise journal_entries or journal_bytes")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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
@grouped("Requests", "--api", metavar="NAME", help="Requests to this API.")
@grouped("Requests", "--after", metavar="NUMBER|TIME", help="Later requests than this.")
@grouped("Requests", "--before", metavar="NUMBER|TIME", help="Earlier requests than this.")
@grouped(
    OUTPUT,
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a JUnit report, with a test for each rule.",
)
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
        try:
            junit.write_bytes(_as_junit(report))
        except OSError as error:
            exit_with_error(f"{junit}: {error.strerror}")
    failing = sum(finding["fails"] for finding in report["findings"])
    if failing:
        raise FailedCheckError(f"{_counted(failing, 'finding')} failed", report, is_shown=True)
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
    """List the rules; with --json also what each rests on, and its thresholds."""
    listed: dict[str, Any] = world.control("GET", "/conduct/rules")
    return listed


def _as_junit(report: dict[str, Any]) -> bytes:
    from xml.etree import ElementTree

    from audience_mock.client import conduct_lines

    failed = {finding["rule"] for finding in report["findings"] if finding["fails"]}
    numbers = {"tests": str(len(report["rules"])), "failures": str(len(failed))}
    suite = ElementTree.Element("testsuite", {"name": "audience-mock conduct", **numbers})
    for rule in report["rules"]:
        found = [finding for finding in report["findings"] if finding["rule"] == rule]
        case = ElementTree.SubElement(suite, "testcase", {"classname": "audience_mock.conduct", "name": rule})
        if found:
            text = "\n".join(line for finding in found for line in conduct_lines(finding))
            message = {"message": found[0]["name"]}
            ElementTree.SubElement(
                case, *(("failure", message) if rule in failed else ("system-out",))
            ).text = text
    xml: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"
