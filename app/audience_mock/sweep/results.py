"""What a run with a fault came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audience_mock.core.controls.fault_cases import Case

PASSED, FAILED, HUNG = "passed", "failed", "hung"
DUPLICATED, LOST, CHANGED = "duplicated", "lost", "changed"
NOT_REACHED = "not reached"

VERDICTS: Mapping[str, str] = {
    PASSED: "the job succeeded, and left the data that it leaves without a fault",
    FAILED: "the job reported a failure",
    HUNG: "the job did not end within its limit, and was ended",
    DUPLICATED: "something is there more often than without a fault",
    LOST: "the job succeeded, and something is missing",
    CHANGED: "the job succeeded, and left something that is not there without a fault",
    NOT_REACHED: "the job did not make the call in this run",
}
FINDINGS = (FAILED, HUNG, DUPLICATED, LOST, CHANGED)
"""The verdicts that may fail a sweep."""

SHOWN_BYTES = 8 << 10
"""Of the end of a run's output that are kept. Chosen."""

MAX_NAMED = 3
"""Rows of a difference that a report names."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that ended, or was ended after its limit."""

    exit_status: int | None
    """None if it was ended after its limit. Of a function, 0 if it returned and 1 if it raised."""
    how: str
    """How it ended, in words."""
    seconds: float
    reason: str = ""
    """Of a failure, as far as one line says it."""
    output: str
    """The end of what a command wrote on standard output and standard error, or the traceback of a
    function."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A run with a fault: `differences` by the name of the world, as the control API answers them; `notes`
    say what else was otherwise than learned."""

    case: Case
    verdict: str
    finished: Finished
    differences: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...] = ()

    @property
    def details(self) -> list[str]:
        """What is to be known beside the verdict, in lines."""
        lines = [f"{self.finished.how} after {self.finished.seconds:.1f} s"]
        for world, sections in self.differences.items():
            for section, found in sections.items():
                lines += _in_words(section, found, world)
        return lines + list(self.notes)


def verdict_of(finished: Finished, *, fired: bool, differences: Mapping[str, Mapping[str, Any]]) -> str:
    """The verdict on a run, the worst first."""
    counts: dict[str, int] = {}
    for sections in differences.values():
        for found in sections.values():
            for kind, count in found["counts"].items():
                counts[kind] = counts.get(kind, 0) + count
    if finished.exit_status is None:
        return HUNG
    if not fired:
        return NOT_REACHED
    if counts.get("duplicated"):
        return DUPLICATED
    if finished.exit_status:
        return FAILED
    if counts.get("lost"):
        return LOST
    return CHANGED if counts else PASSED


def _in_words(section: str, found: Mapping[str, Any], world: str) -> list[str]:
    lines = []
    for kind in ("duplicated", "added", "lost"):
        if count := found["counts"].get(kind):
            names = [_named(row) for row in found[kind][:MAX_NAMED]]
            more = ", …" if count > len(names) else ""
            where = f" in the world {world}" if world else ""
            lines.append(f"{section}, {count} {kind}{where}: {', '.join(names)}{more}")
    return lines


def _named(row: Mapping[str, Any]) -> str:
    """A row by its name, or by all that it holds."""
    if isinstance(row.get("name"), str):
        return repr(row["name"])
    return ", ".join(f"{name} {value}" for name, value in row.items()) or "one"
