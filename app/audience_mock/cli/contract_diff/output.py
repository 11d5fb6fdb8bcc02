"""The report of a comparison for people, and as the tests of a JUnit report."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from audience_mock.cli.control.output import echo
from audience_mock.cli.junit import Case
from audience_mock.core.counting import counted
from audience_mock.core.text_tables import table_lines

VALUE_CHARACTERS = 100
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
            for line in _lines(operation["differences"]):
                echo(line)


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    """How it was found out, and what may be misleading."""
    runs = ", ".join(f"{run['version']}: exit status {run['exit_status']}" for run in report["runs"])
    yield f"runs: {runs}; compared: the calls of the first run, replayed under both versions"
    if report["replayed_otherwise"]:
        calls = _numbers(report["replayed_otherwise"])
        yield f"answered otherwise in the replay than in the run: calls {calls}"
    if report["own_setting"]:
        yield f"in worlds that set {report['setting']} themselves: calls {_numbers(report['own_setting'])}"
    for divergence in report["divergences"]:
        world = "" if divergence["world"] == "default" else f" in world {divergence['world']}"
        one, other = (_call(divergence[name]) for name in ("first", "second"))
        yield f"the second run goes another way{world}, after {divergence['alike']} like calls:"
        yield f"  {report['from']}: {one}"
        yield f"  {report['to']}: {other}"


def _lines(differences: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is known about several differences of the same calls stands below the last one."""
    for difference, following in zip_longest(differences, differences[1:]):
        yield _change(difference)
        known = [*_known(difference)]
        if following is None or known != [*_known(following)]:
            yield from known


def _change(difference: Mapping[str, Any]) -> str:
    first = difference["first"]
    match difference["change"]:
        case "added":
            change = f"added: {_value(first['after'])}"
        case "removed":
            change = f"removed: {_value(first['before'])}"
        case _:
            change = f"{_value(first['before'])} -> {_value(first['after'])}"
    return f"  {difference['place']}: {change}"


def _known(difference: Mapping[str, Any]) -> Iterator[str]:
    calls = f"{'call' if len(difference['calls']) == 1 else 'calls'} {_numbers(difference['calls'])}"
    yield f"    {calls}: {_call(difference['first'])}"
    if difference["follows_from"] is not None:
        yield f"    follows from call {difference['follows_from']}, which made this under one version alone"
    for fact in difference["facts"]:
        yield f"    since {fact['since']}: {fact['fact']} ({fact['grade']}: {fact['source']})"
    if not difference["facts"] and difference["follows_from"] is None:
        yield "    no fact is known that explains it"


def _calls_that_differ(operation: Mapping[str, Any], place: str) -> set[int]:
    return {
        call
        for difference in operation["differences"]
        if difference["place"].partition(" ")[0] == place
        for call in difference["calls"]
    }


def _call(call: Mapping[str, Any] | None) -> str:
    return "no more calls" if call is None else f"{call['method']} {call['path']}"


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return f"{shown}, …" if len(numbers) > 10 else shown


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def junit_cases(report: Mapping[str, Any]) -> list[Case]:
    """A test for each operation, which fails if the versions answer it otherwise."""
    return [
        Case(
            report["api"],
            operation["operation"],
            f"{operation['different']} of {counted(operation['calls'], 'call')} answered otherwise"
            if operation["differences"]
            else None,
            list(_lines(operation["differences"])),
        )
        for operation in report["operations"]
    ]
