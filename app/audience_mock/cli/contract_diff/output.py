"""The report of a comparison for people, and as the tests of a JUnit report."""

from collections.abc import Iterator, Mapping
from typing import Any

from audience_mock.cli.control.output import echo
from audience_mock.cli.junit import Case
from audience_mock.client_errors import call_numbers, difference_lines, shown_request
from audience_mock.core.counting import counted
from audience_mock.core.text_tables import table_lines

PLACES = ("status", "header", "body")


def print_report(report: Mapping[str, Any]) -> None:
    """A table of the operations, then each difference with what is known about it."""
    one, other = report["from"], report["to"]
    different = sum(operation["different"] for operation in report["operations"])
    calls = counted(report["calls"], "call")
    echo(f"{report['api']} {one} -> {other}: {different} of {calls} answered otherwise", bold=True)
    for line in _notes(report):
        echo(line)
    echo("")
    rows = [
        (
            operation["operation"],
            operation["calls"],
            operation["different"],
            *(len(_calls_that_differ(operation, place)) for place in PLACES),
        )
        for operation in report["operations"]
    ]
    head, *lines = table_lines(("operation", "calls", "different", "status", "headers", "body"), rows)
    echo(head, bold=True)
    for line, operation in zip(lines, report["operations"], strict=True):
        echo(line, colour="yellow" if operation["different"] else None)
    for operation in report["operations"]:
        if operation["differences"]:
            echo("")
            echo(operation["operation"], bold=True)
            for line in difference_lines(operation["differences"]):
                echo(line)


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    """How it was found out, and what may be misleading."""
    one, other = report["from"], report["to"]
    if "runs" in report:
        runs = ", ".join(f"{run['version']}: exit status {run['exit_status']}" for run in report["runs"])
        yield f"runs: {runs}; compared: the calls of the first run, replayed under both versions"
    else:
        yield f"compared: the recorded calls of world {report['world']}, replayed under both versions"
    if report["replayed_otherwise"]:
        calls = call_numbers(report["replayed_otherwise"])
        yield f"answered otherwise in the replay than when they were made: {calls}"
    if report.get("other_version"):
        yield f"made under another version than {one}: {call_numbers(report['other_version'])}"
    if report.get("stopped"):
        yield f"not all was compared: {report['stopped']}"
    if report.get("own_setting"):
        yield f"in worlds that set {report['setting']} themselves: {call_numbers(report['own_setting'])}"
    for divergence in report.get("divergences", ()):
        world = "" if divergence["world"] == "default" else f" in world {divergence['world']}"
        first, second = (shown_request(divergence[name]) for name in ("first", "second"))
        yield f"the second run goes another way{world}, after {divergence['alike']} like calls:"
        yield f"  {one}: {first}"
        yield f"  {other}: {second}"


def _calls_that_differ(operation: Mapping[str, Any], place: str) -> set[int]:
    return {
        call
        for difference in operation["differences"]
        if difference["place"].partition(" ")[0] == place
        for call in difference["calls"]
    }


def junit_cases(report: Mapping[str, Any]) -> list[Case]:
    """A test for each operation, which fails if the versions answer it otherwise."""
    return [
        Case(
            report["api"],
            operation["operation"],
            f"{operation['different']} of {counted(operation['calls'], 'call')} answered otherwise"
            if operation["differences"]
            else None,
            list(difference_lines(operation["differences"])),
        )
        for operation in report["operations"]
    ]
