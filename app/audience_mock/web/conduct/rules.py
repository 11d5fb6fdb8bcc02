"""What a rule is: its id, how grave a breach is, what it rests on, and the options that it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from audience_mock.web.evidence import Evidence

Severity = Literal["error", "warning"]
SEVERITIES: Sequence[Severity] = ("warning", "error")
"""The gravest last. An error loses data, leaks it, or is rejected by the real service; a warning costs calls
or time."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """A threshold of a rule, with its unit in its name."""

    name: str
    default: float
    help: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`id` and `name` are stable. `summary` is what is wrong where the rule finds something, `fix` what to do
    instead. `evidence` says what the rule rests on; an API may have better (`Conduct.evidence`)."""

    id: str
    name: str
    severity: Severity
    summary: str
    fix: str
    evidence: Evidence
    options: Sequence[Option] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A breach of a rule: `count` times in one operation, by these requests of the journal."""

    rule: Rule
    api: str
    operation: str | None
    message: str
    requests: Sequence[int]
    count: int

    def as_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule.id,
            "name": self.rule.name,
            "severity": self.rule.severity,
            "api": self.api,
            "operation": self.operation,
            "message": self.message,
            "fix": self.rule.fix,
            "requests": list(self.requests),
            "count": self.count,
        }


Options = Mapping[str, float]
"""The value of each option by its name."""
