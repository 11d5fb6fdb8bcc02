"""What a fault sweep tries: each kind of fault at each call, what is likeliest to find something first.

The control API plans with it what a world's journal has, and the client that sweeps what several worlds have.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SLOW_S = 2.0
"""Chosen: slower than any answer of a healthy server, faster than the time-outs of most clients."""
LIMIT_S = 1
"""Seconds until the limit of a 429 resets, as its header says. Chosen: the least that the header can say."""

KINDS: Mapping[str, str] = {
    "answer-lost": "the operation is done, and the connection closes without an answer",
    "reset": "the connection is reset before the operation is done",
    "500": "the API's own error of status 500; the operation is not done",
    "429": f"the API's own error of status 429, until its limit resets {LIMIT_S} second later",
    "stalled": "nothing is sent, and the connection stays open",
    "truncated": "the operation is done, and the connection closes after half of the answer's body",
    "stale-token": "401 for this token from here on; another token works",
    "slow": "the answer comes late; if the client leaves before, what it sent in a body is not done",
}
"""Each kind of fault, in the order in which they are tried. Chosen without evidence: first what leaves a
client in doubt about what was done."""


READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of the run without a fault. A fault meets it as the `occurrence`-th call of its operation in its
    world, so it is found again where calls of other operations come in another order."""

    place: int
    """From 1, over all worlds of the run."""
    number: int
    """From 1, in its world."""
    operation: str
    occurrence: int
    method: str
    path: str
    answer_bytes: int
    has_token: bool
    world: str = ""
    """What follows the name of the run's world, for a world of one test; empty for the run's own."""

    @property
    def is_read(self) -> bool:
        return self.method in READS


@dataclass(frozen=True)
class Case:
    """A kind of fault at a call."""

    call: Call
    kind: str

    def fault(self, slow_s: float = SLOW_S) -> dict[str, Any]:
        """The fault, as the control API plans it."""
        calls = {"operation": self.call.operation, "skip": self.call.occurrence - 1, "first": 1}
        return calls | _effect(self.call, self.kind, slow_s)

    @property
    def name(self) -> str:
        """As `--only` takes it."""
        return f"{self.call.place}:{self.kind}"


def cases(calls: Sequence[Call], kinds: Collection[str] = KINDS) -> list[Case]:
    """All cases, the likeliest first. Chosen without evidence: each operation once before any again, writes
    before reads, and the kinds in their order."""
    possible = [Case(call, kind) for call in calls for kind in kinds if applies(call, kind)]
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    return sorted(
        possible,
        key=lambda case: (
            case.call.occurrence,
            case.call.is_read,
            ranks[case.kind],
            case.call.place,
        ),
    )


def applies(call: Call, kind: str) -> bool:
    """Whether a call can meet this kind: there are bodies to cut and tokens to expire only in some."""
    return {"truncated": call.answer_bytes > 1, "stale-token": call.has_token}.get(kind, True)


def _effect(call: Call, kind: str, slow_s: float) -> dict[str, Any]:
    match kind:
        case "answer-lost":
            return {"answer_lost": True}
        case "reset":
            return {"reset": "before"}
        case "429":
            return {"limit_window_s": LIMIT_S}
        case "stalled":
            return {"stall": "before"}
        case "truncated":
            return {"cut_after_bytes": call.answer_bytes // 2}
        case "stale-token":
            return {"stale_token": True}
        case "slow":
            return {"latency_ms": round(slow_s * 1000)}
        case _:
            return {"status": int(kind)}
