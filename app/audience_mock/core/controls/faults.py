"""Planned faults: which requests go wrong, and how. `web.faults` carries them out."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from audience_mock.core.controls.json_match import matches
from audience_mock.core.errors import InvalidFaultError, LimitExceededError, NotFoundError

ANY = "*"
"""The operation of a fault that applies to all operations."""

REQUEST_FAULT_ID = "request"
"""The id of a fault that a request asks for itself."""

IDENTITY_FAULT_ID = "identity"
"""What the journal names where a magic identity in an upload rejected it; no fault has this id."""

EVIDENCE_FAULT_ID = "evidence"
"""The same, where the answer would have been a guess."""

MAX_FAULTS = 1_000
"""Faults of a world at a time. Chosen: each request is compared with all of them."""

MAX_LATENCY_MS = 60_000
"""Chosen: longer than clients wait; a mistake does not block a connection for a day."""

MAX_STATUS, MIN_STATUS = 599, 400


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happens to a request: exactly one of the kinds, or only latency. Raises InvalidFaultError."""

    status: int | None = None
    """The request is rejected with the API's own error of this status, or with `body`; nothing is run."""
    limit_window_s: float | None = None
    """429 for every matching request, for this long in the world's time."""
    reset: Literal["before", "in", "after"] | None = None
    """The connection is reset: before anything is run or sent, in the middle of the answer's body, or after
    the answer."""
    cut_after_bytes: int | None = None
    """The connection is closed after this many bytes of the answer's body."""
    stall: Literal["before", "in"] | None = None
    """Nothing (more) is sent: before anything is run, or after half of the answer's body."""
    content_type: str | None = None
    """The answer has this content type."""
    garbage: bool | None = None
    """The answer's body is not valid for its content type."""
    effect_lost: bool | None = None
    """The answer is as usual, but nothing was written."""
    answer_lost: bool | None = None
    """The operation is done, and the connection is closed without an answer."""
    stale_token: bool | None = None
    """401 for the request, and from then on for all that have the same `Authorization`, whatever their
    operation."""
    latency_ms: tuple[int, int] | None = None
    """Least and most milliseconds before anything else happens; goes with any kind."""
    body: bytes | None = None
    """Replaces the API's own error; goes with `status` only."""

    def __post_init__(self) -> None:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) > 1:
            raise InvalidFaultError(
                f"{given[0]} and {given[1]} do not go together: plan a fault for each", given[1]
            )
        if not given and self.latency_ms is None:
            raise InvalidFaultError(f"a fault needs an effect: give one of {', '.join(KINDS)}, or latency_ms")
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


def _random_for(id: str) -> random.Random:
    # Not the seed 0 alone, which the world's own randomness has.
    return random.Random(f"0 {id}")  # noqa: S311


@dataclass(kw_only=True)
class Fault:
    """An outcome, and the requests that meet it: those of `operation` that match `match`; of these, after the
    first `skip`, every `every`-th, with the probability `chance`, at most `first` times. A limit window
    counts as one time, and so does a token that became stale.
    """

    id: str
    operation: str
    outcome: Outcome
    first: int | None = None
    skip: int = 0
    every: int = 1
    chance: float = 1.0
    match: Mapping[str, Any] = field(default_factory=dict)
    definition: Mapping[str, Any] = field(default_factory=dict)
    """The fault as it was given, to be shown."""

    random: random.Random
    """Its own, so that it depends on no other fault and no other use of randomness."""
    seen: int = 0
    """Matching requests, until it was used up."""
    fired: int = 0
    """Requests that met it."""
    window_ends_at_ms: int = 0

    def __post_init__(self) -> None:
        self._turns = 0
        self._stale: set[str] = set()
        lasts = self.outcome.limit_window_s is not None or self.outcome.stale_token is not None
        if lasts and self.first is None:
            self.first = 1

    def count_as(self, other: "Fault") -> None:
        """Be where another one is: a copy of it."""
        self._turns = other._turns

    @property
    def left(self) -> int | None:
        """How many more times it fires; None: without limit."""
        return None if self.first is None else self.first - self._turns

    @property
    def used(self) -> bool:
        """Whether it fired as often as planned; without a limit, whether it fired at all."""
        return self.fired > 0 if self.left is None else self.left == 0

    def is_over(self, now_ms: int) -> bool:
        """Whether it can fire no more."""
        return self.left == 0 and not self.window_left_ms(now_ms)

    def applies_to(self, operation: str, now_ms: int) -> bool:
        """Whether requests of an operation may meet it now."""
        return self.operation in (operation, ANY) and not self.is_over(now_ms)

    def window_left_ms(self, now_ms: int) -> int:
        """What is left of a limit window; 0 if none is open, also after the clock was set back before its
        start."""
        left_ms = self.window_ends_at_ms - now_ms
        return left_ms if 0 < left_ms <= (self.outcome.limit_window_s or 0) * 1000 else 0

    def latency_ms(self) -> int:
        least, most = self.outcome.latency_ms or (0, 0)
        return least if least == most else self.random.randint(least, most)

    def fire(self, now_ms: int, authorization: str | None = None) -> bool:
        """Whether the request that was just counted in `seen` goes wrong; counts it if so."""
        due = self._is_due(now_ms)
        self.fired += due
        if due and self.outcome.stale_token and authorization is not None:
            self._stale.add(authorization)
        return due

    def has_made_stale(self, authorization: str | None) -> bool:
        """Whether an earlier request with the same token met it."""
        return authorization in self._stale

    def _is_due(self, now_ms: int) -> bool:
        if self.window_left_ms(now_ms):
            return True
        position = self.seen - self.skip
        if self.left == 0 or position < 1 or position % self.every:
            return False
        if self.chance < 1 and self.random.random() >= self.chance:
            return False
        self._turns += 1
        if self.outcome.limit_window_s is not None:
            self.window_ends_at_ms = now_ms + round(self.outcome.limit_window_s * 1000)
        return True


class Faults:
    """The planned faults of a world. In memory only: not in forks or snapshots, and gone after a restart."""

    def __init__(self) -> None:
        self.planned: dict[str, Fault] = {}
        """By id, in the order of planning."""
        self._added = 0
        self._random_of_requests = _random_for(REQUEST_FAULT_ID)

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self.planned.values()))

    def add_all(self, plans: Sequence[Mapping[str, Any]]) -> list[Fault]:
        """Plan all or none; each has the fields of Fault, without the id. Raises LimitExceededError."""
        if len(self.planned) + len(plans) > MAX_FAULTS:
            raise LimitExceededError(f"a world has {MAX_FAULTS} faults at most: delete some first")
        ids = [f"fault-{self._added + place}" for place in range(1, len(plans) + 1)]
        made = [Fault(id=id, random=_random_for(id), **plan) for id, plan in zip(ids, plans, strict=True)]
        self._added += len(made)
        self.planned |= {fault.id: fault for fault in made}
        return made

    def for_request(self, operation: str, outcome: Outcome) -> Fault:
        """A fault that one request asks for, which is not planned."""
        return Fault(
            id=REQUEST_FAULT_ID, operation=operation, outcome=outcome, random=self._random_of_requests
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
        """Delete all planned faults; ids go on."""
        self.planned.clear()

    def needs_body(self, operation: str, now_ms: int) -> bool:
        """Whether a request's body must be read to decide which fault it meets."""
        return any("body" in fault.match and fault.applies_to(operation, now_ms) for fault in self)

    def fire(self, operation: str, request: Mapping[str, Any], now_ms: int) -> Fault | None:
        """The fault that a request meets: the first planned one that is due. Each that matches counts it."""
        fired = None
        authorization = request["headers"].get("authorization")
        for fault in self:
            if fired is None and fault.has_made_stale(authorization):
                fault.fired += 1
                fired = fault
            elif fault.applies_to(operation, now_ms) and matches(request, fault.match):
                fault.seen += 1
                if fired is None and fault.fire(now_ms, authorization):
                    fired = fault
        return fired
