"""The errors of the client of the control API, which its module exports."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NoReturn

VALUE_CHARACTERS = 100
"""Of a value in the line of a difference. Chosen."""
VERIFICATION_FAILED = 417
"""The status of a check that was made and failed, unlike one that could not be made (400, 409)."""


class ControlError(Exception):
    """The control API rejected a call; the text is its error message.

    `status` is the HTTP status. `field` is the dotted path of the wrong field in the body, or None.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(body.get("error", f"status {status}"))
        self.status = status
        self.field: str | None = body.get("field")


class VerificationError(AssertionError):
    """The world did not receive the requests that were expected; the text lists the differences.

    `body` is the response: `error`, `matched` (numbers of requests), `dropped`, `nearest` (the request that
    came closest, or None) and `differences` (each with `path`, `wanted` and `found`).
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        lines = [body["error"]]
        for difference in body.get("differences", ()):
            found = json.dumps(difference["found"]) if "found" in difference else "nothing"
            lines.append(f"  {difference['path']}: {json.dumps(difference['wanted'])} wanted, {found} found")
        super().__init__("\n".join(lines))
        self.body = dict(body)


class UnusedFaultsError(AssertionError):
    """Faults were planned and never fired, or not as often as planned."""


class ConductError(AssertionError):
    """The requests in the journal break rules of the conduct report; `findings` are those that fail."""

    def __init__(self, findings: Sequence[Mapping[str, Any]]) -> None:
        lines = [line for finding in findings for line in conduct_lines(finding)]
        super().__init__("\n  ".join(["the client breaks rules of the conduct report:", *lines]))
        self.findings = list(findings)


class ContractDiffError(AssertionError):
    """Another version of an API answers calls otherwise, or not all could be compared; `report` is that of
    `contract_diff`."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        calls = (
            f"{len(report['different'])} of {report['calls']} {'call' if report['calls'] == 1 else 'calls'}"
        )
        lines = [f"{calls} answered otherwise by {report['api']} {report['to']} than by {report['from']}:"]
        if report["stopped"] is not None:
            lines.append(f"not all was compared: {report['stopped']}")
        for operation in report["operations"]:
            if operation["differences"]:
                lines += [operation["operation"], *difference_lines(operation["differences"])]
        super().__init__("\n  ".join(lines))
        self.report = dict(report)


class SweepError(Exception):
    """A job cannot be swept; the text says why: it fails without a fault, say, or makes no call."""


class SweepFindingsError(AssertionError):
    """A sweep has findings that fail it; the text is the report, and `verdicts` has that of each run."""

    def __init__(self, report: str, verdicts: Mapping[str, str]) -> None:
        super().__init__(f"the fault sweep has findings:\n{report}")
        self.verdicts = dict(verdicts)


def conduct_lines(finding: Mapping[str, Any]) -> list[str]:
    """A finding of the conduct report for people: what happened, and what to do instead."""
    return [
        f"{finding['rule']} {finding['severity']} {finding['name']}: {finding['message']}",
        f"    do: {finding['fix']}",
    ]


def difference_lines(differences: Sequence[Mapping[str, Any]]) -> Iterator[str]:
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
    yield f"    {call_numbers(difference['calls'])}: {shown_request(difference['first'])}"
    if difference["follows_from"] is not None:
        yield f"    follows from call {difference['follows_from']}, which made this under one version alone"
    for fact in difference["facts"]:
        yield f"    since {fact['since']}: {fact['fact']} ({fact['grade']}: {fact['source']})"
    if not difference["facts"] and difference["follows_from"] is None:
        yield "    no fact is known that explains it"


def shown_request(call: Mapping[str, Any] | None) -> str:
    return "no more calls" if call is None else f"{call['method']} {call['path']}"


def call_numbers(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return f"{'call' if len(numbers) == 1 else 'calls'} {shown}{', …' if len(numbers) > 10 else ''}"


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def raise_error(status: int, received: bytes) -> NoReturn:
    """Raise VerificationError or ControlError, as the response to a call says."""
    __tracebackhide__ = True
    try:
        body = json.loads(received)
    except ValueError:
        body = {"error": f"the server there is not Audience Mock: status {status}"}
    if status == VERIFICATION_FAILED:
        raise VerificationError(body)
    raise ControlError(status, body)
