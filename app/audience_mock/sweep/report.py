"""A sweep's report as text, as JSON and as JUnit XML."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as Xml

from audience_mock.sweep.calls import Call
from audience_mock.sweep.cases import KINDS
from audience_mock.sweep.engine import Report
from audience_mock.sweep.results import FAILED, FINDINGS, NOT_REACHED, PASSED, VERDICTS, Result

SHOWN = {PASSED: "ok", NOT_REACHED: "?"}
NOT_APPLICABLE, NOT_RUN = "-", ""

# What XML 1.0 cannot have, even escaped.
_NO_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


def matrix(report: Report) -> Iterator[tuple[Call, dict[str, Result | None]]]:
    """A row for each call: its result by each kind of fault that was planned for it."""
    by_case = {(result.case.call, result.case.kind): result for result in report.results}
    planned = {(case.call, case.kind) for case in report.planned}
    for call in report.calls:
        yield (
            call,
            {kind: by_case.get((call, kind)) for kind in report.kinds if (call, kind) in planned},
        )


def cell(row: Mapping[str, Result | None], kind: str) -> str:
    """What a matrix shows: the verdict, nothing for a run that was not made."""
    if kind not in row:
        return NOT_APPLICABLE
    result = row[kind]
    return NOT_RUN if result is None else SHOWN.get(result.verdict, result.verdict)


def label(call: Call) -> str:
    """An operation, with the test in whose world it was called."""
    test = call.world.lstrip(".").rpartition("-")[0]
    return f"{call.operation} ({test})" if test else call.operation


def summary(report: Report) -> str:
    """One line: how many runs there were, and what they came to."""
    counts = Counter(result.verdict for result in report.results)
    parts = [
        f"{counts[verdict]} {verdict}" for verdict in (PASSED, *FINDINGS, NOT_REACHED) if counts[verdict]
    ]
    runs = len(report.results)
    text = f"{runs} {'run' if runs == 1 else 'runs'} in {report.seconds:.0f} s"
    if parts:
        text += f": {', '.join(parts)}"
    if report.not_run:
        text += f"; {len(report.not_run)} of {len(report.planned)} not made"
    return f"{text}; interrupted" if report.stopped else text


def as_json(report: Report, fail_on: Collection[str]) -> dict[str, Any]:
    return {
        "command": [*report.command],
        "calls": [
            {
                "call": call.place,
                "operation": call.operation,
                "method": call.method,
                "path": call.path,
                "world": call.world.lstrip("."),
            }
            for call in report.calls
        ],
        "faults": {kind: KINDS[kind] for kind in report.kinds},
        "faultless_s": round(report.faultless.seconds, 3),
        "limit_s": round(report.limit_s, 3),
        "runs": [
            {
                "call": result.case.call.place,
                "operation": result.case.call.operation,
                "fault": result.case.kind,
                "verdict": result.verdict,
                "exit_status": result.finished.exit_status,
                "seconds": round(result.finished.seconds, 3),
                "differences": result.differences,
                "notes": [*result.notes],
                "output": result.finished.output,
            }
            for result in report.findings(VERDICTS)
        ],
        "not_run": [case.name for case in report.not_run],
        "warnings": report.warnings,
        "findings": len(report.findings(fail_on)),
        "seconds": round(report.seconds, 3),
    }


def as_junit(report: Report, fail_on: Collection[str]) -> bytes:
    """A test case for each case, in the form that CI servers read: a failure for what fails the sweep,
    skipped for what was not run or not reached."""
    results = {result.case: result for result in report.results}
    suite = Xml.Element("testsuite", name="audience-mock sweep", time=f"{report.seconds:.3f}")
    counts: Counter[str] = Counter()
    for case in sorted(report.planned, key=lambda case: case.call.place):
        result = results.get(case)
        test = Xml.SubElement(suite, "testcase", classname=label(case.call), name=f"call {case.name}")
        counts["tests"] += 1
        if result is None or result.verdict == NOT_REACHED:
            counts["skipped"] += 1
            why = "not run" if result is None else "; ".join((result.verdict, *result.notes))
            Xml.SubElement(test, "skipped", message=_clean(why))
            continue
        test.set("time", f"{result.finished.seconds:.3f}")
        if result.verdict in fail_on:
            counts["failures"] += 1
            failure = Xml.SubElement(test, "failure", type=result.verdict, message=_clean(result.verdict))
            failure.text = _clean("\n".join([f"{case.kind}: {KINDS[case.kind]}", *result.details]))
        Xml.SubElement(test, "system-out").text = _clean(result.finished.output)
    for name in ("tests", "failures", "skipped"):
        suite.set(name, str(counts[name]))
    suite.set("errors", "0")
    written: bytes = Xml.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written


def last_line(result: Result) -> str:
    """The last line of a run's output, where it failed: often the reason."""
    lines = result.finished.output.split("\n") if result.verdict == FAILED else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _clean(text: str) -> str:
    return text.translate(_NO_XML)
