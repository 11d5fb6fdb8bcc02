"""The calls that a command makes, as the request journals of its worlds have them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORLD = re.compile(r"^.*?/worlds/[^/]+")

READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of the run without a fault. A fault meets it as the `occurrence`-th call of its operation in its
    world, so it is found again where calls of other operations come in another order."""

    place: int
    """From 1, over all worlds of the run."""
    world: str
    """What follows the name of the run's world, for a world of one test; empty for the run's own."""
    number: int
    """From 1, in its world."""
    operation: str
    occurrence: int
    method: str
    path: str
    answer_bytes: int
    has_token: bool

    @property
    def is_read(self) -> bool:
        return self.method in READS


def learn(journals: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[Call]:
    """The calls in the journals of a run's worlds. Requests without a route have no operation, and so no
    fault."""
    calls: list[Call] = []
    for world, entries in journals:
        occurrences: Counter[str] = Counter()
        for entry in entries:
            operation, request = entry["operation"], entry["request"]
            if operation is None:
                continue
            occurrences[operation] += 1
            calls.append(
                Call(
                    place=len(calls) + 1,
                    world=world,
                    number=entry["number"],
                    operation=operation,
                    occurrence=occurrences[operation],
                    method=request["method"],
                    path=_WORLD.sub("", request["path"]),
                    answer_bytes=entry["answer"]["body_bytes"],
                    has_token=_has_token(request["headers"].get("authorization", "")),
                )
            )
    return calls


def first_difference(learned: Sequence[Call], entries: Sequence[Mapping[str, Any]], until: int) -> str | None:
    """Where the calls of a world, up to this number, are others than learned; None if they are the same."""
    expected = {call.number: call.operation for call in learned if call.number <= until}
    found = {entry["number"]: entry["operation"] for entry in entries if entry["number"] <= until}
    for number in range(1, until + 1):
        if number in expected and found.get(number) != expected[number]:
            made = found.get(number) or ("a call without a route" if number in found else "not made")
            return f"call {number} was {made}, learned: {expected[number]}"
    return None


def _has_token(authorization: str) -> bool:
    return authorization.partition(" ")[0].lower() in ("bearer", "oauth")
