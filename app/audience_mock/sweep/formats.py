"""A sweep's report as JSON and as JUnit XML."""

from collections import Counter
from typing import Any
from xml.etree import ElementTree as Xml

from audience_mock.core.controls.fault_cases import KINDS
from audience_mock.sweep.report import SweepReport, label
from audience_mock.sweep.results import NOT_REACHED, VERDICTS

# What XML 1.0 cannot have, even escaped.
_NO_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


def as_json(report: SweepReport) -> dict[str, Any]:
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
        "not_run": report.not_run,
        "warnings": report.warnings,
        "findings": len(report.findings()),
        "seconds": round(report.seconds, 3),
    }


def as_junit(report: SweepReport) -> bytes:
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
        if result.verdict in report.fail_on:
            counts["failures"] += 1
            failure = Xml.SubElement(test, "failure", type=result.verdict, message=_clean(result.verdict))
            failure.text = _clean("\n".join([f"{case.kind}: {KINDS[case.kind]}", *result.details]))
        Xml.SubElement(test, "system-out").text = _clean(result.finished.output)
    for name in ("tests", "failures", "skipped"):
        suite.set(name, str(counts[name]))
    suite.set("errors", "0")
    written: bytes = Xml.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written


def _clean(text: str) -> str:
    return text.translate(_NO_XML)
