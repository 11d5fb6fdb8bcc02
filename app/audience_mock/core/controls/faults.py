"""Planned faults: which calls shall go wrong, and how. The transport makes it so."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from audience_mock.core.controls.json_match import holds
from audience_mock.core.errors import InvalidFaultError, LimitExceededError, NotFoundError

ANY = "*"
"""The operation of a fault that is for all of them."""

OF_REQUEST = "request"
"""The id of a fault that a request asked for."""

MAX_FAULTS = 1_000
"""Faults of a world at a time. Chosen: each call looks at all of them."""

MAX_LATENCY_MS = 60_000
"""Chosen: longer than clients wait, and a mistake does not hold a connection for a day."""

MAX_STATUS, MIN_STATUS = 599, 400


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happens to a call: one of the kinds, or only its latency. Raises InvalidFaultError for two, or
    none."""

    status: int | None = None
    """Refused with the API's own error of this status, or with `body`; nothing is run."""
    limit_window_s: float | None = None
    """429 for every call that the fault is for, until this much of the world's time is over."""
    reset: Literal["before", "in", "after"] | None = None
    """The connection is reset: before anything is run or sent, in the middle of the answer's body, or after
    it."""
    cut_after_bytes: int | None = None
    """The connection is closed after so many bytes of the answer's body."""
    stall: Literal["before", "in"] | None = None
    """Nothing (more) comes: before anything is run or sent, or after half of the answer's body."""
    content_type: str | None = None
    """The answer says that it is of this type."""
    garbage: bool | None = None
    """The answer's body is not what its type promises."""
    effect_lost: bool | None = None
    """The answer comes as always, and nothing of what it says was kept."""
    answer_lost: bool | None = None
    """What was asked for is done, and the connection is closed without an answer."""
    latency_ms: tuple[int, int] | None = None
    """The least and the most milliseconds that pass before anything else happens, beside any of the kinds."""
    body: bytes | None = None
    """In the place of the API's own error, with `status` only."""

    def __post_init__(self) -> None:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) > 1:
            raise InvalidFaultError(
                f"{given[0]} and {given[1]} do not go together: plan a fault for each", given[1]
            )
        if not given and self.latency_ms is None:
            raise InvalidFaultError(f"nothing happens: give one of {', '.join(KINDS)}, or latency_ms")
        if self.body is not None and self.status is None:
            raise InvalidFaultError("body goes with status only", "body")
        if self.status is not None and not MIN_STATUS <= self.status <= MAX_STATUS:
            raise InvalidFaultError(f"give {MIN_STATUS} to {MAX_STATUS}", "status")
        if (
            self.latency_ms is not None
            and not 0 <= self.latency_ms[0] <= self.latency_ms[1] <= MAX_LATENCY_MS
        ):
            raise InvalidFaultError(f"give 0 to {MAX_LATENCY_MS}, the less before the more", "latency_ms")


KINDS = tuple(each.name for each in fields(Outcome) if each.name not in ("latency_ms", "body"))


def _chance(id: str) -> random.Random:
    # The world's other chance has the seed 0 too.
    return random.Random(f"0 {id}")  # noqa: S311


@dataclass(kw_only=True)
class Fault:
    """An outcome and the calls that it is for: those of `operation` that hold `match`, and of these, behind
    the `skip` first, each `every`-th, by `chance`, at most `first` times. A limit window counts as one time.
    """

    id: str
    operation: str
    outcome: Outcome
    first: int | None = None
    skip: int = 0
    every: int = 1
    chance: float = 1.0
    match: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    """The plan as it was given, for who asks what is planned."""

    chance_source: random.Random
    """Of its own, so that neither another fault nor the world's other chance is disturbed."""
    seen: int = 0
    """Calls that it was for, fired or not, until it was used up."""
    fired: int = 0
    """Calls that went wrong by it."""
    window_ends_at_ms: int = 0

    def __post_init__(self) -> None:
        self._turns = 0
        if self.outcome.limit_window_s is not None and self.first is None:
            self.first = 1

    @property
    def left(self) -> int | None:
        """How many more times; None is without end."""
        return None if self.first is None else self.first - self._turns

    @property
    def used(self) -> bool:
        """Whether all happened that was planned: without an end, whether anything did."""
        return self.fired > 0 if self.left is None else self.left == 0

    def is_over(self, now_ms: int) -> bool:
        """Whether no further call can go wrong by it."""
        return self.left == 0 and not self.window_left_ms(now_ms)

    def window_left_ms(self, now_ms: int) -> int:
        """What is left of a limit window; 0 if none is open. A clock that is set back leaves none that ends
        far ahead."""
        left_ms = self.window_ends_at_ms - now_ms
        return left_ms if 0 < left_ms <= (self.outcome.limit_window_s or 0) * 1000 else 0

    def latency_ms(self) -> int:
        least, most = self.outcome.latency_ms or (0, 0)
        return least if least == most else self.chance_source.randint(least, most)

    def is_due(self, now_ms: int) -> bool:
        """Whether the call that was just seen goes wrong; takes the turn."""
        if self.window_left_ms(now_ms):
            return True
        position = self.seen - self.skip
        if self.left == 0 or position < 1 or position % self.every:
            return False
        if self.chance < 1 and self.chance_source.random() >= self.chance:
            return False
        self._turns += 1
        if self.outcome.limit_window_s is not None:
            self.window_ends_at_ms = now_ms + round(self.outcome.limit_window_s * 1000)
        return True


class Faults:
    """What is planned in a world. Kept in memory: neither forks nor snapshots nor a restart carry it."""

    def __init__(self) -> None:
        self.planned: dict[str, Fault] = {}
        """By id, in the order of planning. Empty, it costs a call one look."""
        self._added = 0
        self._chance_of_requests = _chance(OF_REQUEST)

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self.planned.values()))

    def add_all(self, plans: Sequence[Mapping[str, Any]]) -> list[Fault]:
        """Plan several, or none; each has what Fault has, without the id. Raises LimitExceededError."""
        if len(self.planned) + len(plans) > MAX_FAULTS:
            raise LimitExceededError(f"a world has {MAX_FAULTS} faults at most: delete some first")
        ids = [f"fault-{self._added + place}" for place in range(1, len(plans) + 1)]
        made = [Fault(id=id, chance_source=_chance(id), **plan) for id, plan in zip(ids, plans, strict=True)]
        self._added += len(made)
        self.planned |= {fault.id: fault for fault in made}
        return made

    def of_request(self, operation: str, outcome: Outcome) -> Fault:
        """What one request asked for; nothing of it is planned."""
        return Fault(
            id=OF_REQUEST, operation=operation, outcome=outcome, chance_source=self._chance_of_requests
        )

    def find(self, id: str) -> Fault:
        """Raises NotFoundError."""
        if id not in self.planned:
            raise NotFoundError("fault", id)
        return self.planned[id]

    def remove(self, id: str) -> None:
        """Raises NotFoundError."""
        del self.planned[self.find(id).id]

    def clear(self) -> None:
        """Plan nothing any more; ids go on."""
        self.planned.clear()

    def wants_body(self, operation: str, now_ms: int) -> bool:
        """Whether a call's body has to be known to say if it goes wrong."""
        return any("body" in fault.match for fault in self._for(operation, now_ms))

    def take(self, operation: str, request: Mapping[str, Any], now_ms: int) -> Fault | None:
        """The fault that a call meets. Every one that it matches has seen it; the one planned first fires."""
        taken = None
        for fault in self._for(operation, now_ms):
            if holds(request, fault.match):
                fault.seen += 1
                if taken is None and fault.is_due(now_ms):
                    taken = fault
                    fault.fired += 1
        return taken

    def _for(self, operation: str, now_ms: int) -> Iterator[Fault]:
        for fault in self:
            if fault.operation in (operation, ANY) and not fault.is_over(now_ms):
                yield fault
