"""A sweep's report: what was found, and how it is told."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audience_mock.client_errors import SweepFindingsError
from audience_mock.core.controls.fault_cases import KINDS, Call, Case
from audience_mock.core.text_tables import table_lines
from audience_mock.sweep.results import FAILED, FINDINGS, NOT_REACHED, PASSED, Finished, Result

SHOWN = {PASSED: "ok", NOT_REACHED: "?"}
NOT_APPLICABLE, NOT_RUN = "-", ""

HEAD, ROW, FINDING, FAILING, DETAIL = "head", "row", "finding", "failing finding", "detail"
"""What a line of text is."""


@dataclass(kw_only=True, repr=False)
class SweepReport:
    """What a sweep found. `str()` of it has the matrix, with a row for each call and a column for each kind
    of fault, and each finding.

    `calls` are those of the run without a fault, `results` the runs, each with `case` (`call` and `kind`),
    `verdict`, `finished`, `differences` and `notes`. `warnings` say why data was not compared, say.
    """

    command: Sequence[str]
    again: str
    """How a case is run again, with a place for its name."""
    kinds: Collection[str]
    fail_on: Collection[str] = FINDINGS
    calls: Sequence[Call]
    faultless: Finished
    limit_s: float
    warnings: list[str]
    planned: Sequence[Case]
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False

    @property
    def ok(self) -> bool:
        """Whether no run has a verdict that fails the sweep."""
        return not self.findings()

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each run, as `{"2:answer-lost": "duplicated"}`, in the order of the calls."""
        return {result.case.name: result.verdict for result in self._ordered(self.results)}

    @property
    def not_run(self) -> list[str]:
        """The cases that the budget did not allow."""
        return [case.name for case in self.planned if case not in {result.case for result in self.results}]

    def findings(self, verdicts: Collection[str] | None = None) -> list[Result]:
        """The runs with one of these verdicts, by default those that fail the sweep, in the order of the
        calls."""
        wanted = self.fail_on if verdicts is None else verdicts
        return self._ordered([result for result in self.results if result.verdict in wanted])

    def expect_ok(self) -> None:
        """Raise SweepFindingsError, an AssertionError, if a run has a verdict that fails the sweep."""
        __tracebackhide__ = True  # pytest then shows the line of the test
        if not self.ok:
            raise SweepFindingsError(str(self), self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON, as `audience-mock sweep --json` prints it."""
        from audience_mock.sweep.formats import as_json  # noqa: PLC0415 - few need it

        return as_json(self)

    def to_junit(self) -> bytes:
        """JUnit XML, with a test case for each case."""
        from audience_mock.sweep.formats import as_junit  # noqa: PLC0415 - few need it

        return as_junit(self)

    def to_html(self) -> str:
        """One page, which needs no other file."""
        from audience_mock.sweep.html import as_html  # noqa: PLC0415 - few need it

        return as_html(self)

    def __str__(self) -> str:
        warnings = [f"warning: {warning}" for warning in self.warnings]
        return "\n".join([*warnings, *(text for text, _ in text_lines(self))])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {summary(self)}>"

    def _ordered(self, results: Sequence[Result]) -> list[Result]:
        ranks = {kind: rank for rank, kind in enumerate(self.kinds)}
        return sorted(results, key=lambda one: (one.case.call.place, ranks[one.case.kind]))


def matrix(report: SweepReport) -> Iterator[tuple[Call, dict[str, Result | None]]]:
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


def summary(report: SweepReport) -> str:
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


def text_lines(report: SweepReport) -> Iterator[tuple[str, str]]:
    """The matrix, then each finding and how its case is run again: lines, and what each is."""
    rows = [
        (call.place, label(call), *(cell(row, kind) for kind in report.kinds)) for call, row in matrix(report)
    ]
    head, *lines = table_lines(("call", "operation", *report.kinds), rows)
    yield head, HEAD
    for line in lines:
        yield line, ROW
    for result in report.findings(FINDINGS):
        case = result.case
        yield "", ROW
        yield (
            f"{result.verdict}: call {case.call.place}, {label(case.call)}, {case.kind} ({KINDS[case.kind]})",
            FAILING if result.verdict in report.fail_on else FINDING,
        )
        reason = result.finished.reason if result.verdict == FAILED else ""
        for line in filter(None, [*result.details, reason, f"again: {report.again.format(case.name)}"]):
            yield f"  {line}", DETAIL
    yield "", ROW
    yield summary(report), HEAD
