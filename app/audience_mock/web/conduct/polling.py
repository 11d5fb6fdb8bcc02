"""Reads that wait for something to be built."""

from collections.abc import Iterator
from itertools import pairwise

from audience_mock.core.counting import counted
from audience_mock.web.conduct.calls import Call, elapsed_s
from audience_mock.web.conduct.checks import Check, Subject, numbered, seconds
from audience_mock.web.conduct.rules import Option, Rule
from audience_mock.web.evidence import chosen

TOO_FAST = Rule(
    id="AM201",
    name="polling-too-fast",
    severity="warning",
    summary="Something that was being built was read again and again within a short time.",
    fix="poll every few seconds at most; what takes hours, every few minutes",
    evidence=chosen("no interval is documented; what is polled takes minutes to hours"),
    options=(
        Option(name="poll_interval_s", default=1, help="Seconds between polls at least."),
        Option(
            name="fast_polls", default=3, help="Number of shorter intervals in one wait that is a finding."
        ),
    ),
)
NO_BACKOFF = Rule(
    id="AM202",
    name="polling-without-backoff",
    severity="warning",
    summary="Something that was being built was polled many times at the same short interval.",
    fix="make each interval longer than the one before, up to some minutes",
    evidence=chosen("no interval is documented; one of a minute or more may stay as it is"),
    options=(
        Option(name="steady_polls", default=10, help="Number of polls in one wait that is a finding."),
        Option(
            name="steady_interval_s",
            default=60,
            help="Mean seconds between polls from which on they need not grow.",
        ),
    ),
)

GROWTH = 1.5
"""How much longer than the first interval the longest one is where there is back-off. Chosen."""


class Polling(Check):
    RULES = (TOO_FAST, NO_BACKOFF)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._waits: dict[tuple[str, str, bytes], tuple[str, list[Call]]] = {}

    def see(self, call: Call) -> None:
        path = call.recorded.path
        if call.method not in ("GET", "HEAD"):
            # A read after a change, of the thing itself or of a part of it, is no poll.
            for changed in (path, path.rpartition(b"/")[0]):
                self._end((call.api, call.caller, changed))
            return
        state_of = self.facts(call).builds.get(call.operation or "")
        if state_of is None or not call.is_success:
            return
        state, key = state_of(call.answer), (call.api, call.caller, path)
        waiting = self._waits.get(key)
        if waiting is not None and waiting[0] == state:
            waiting[1].append(call)
            return
        self._end(key, call)
        if state is not None:
            self._waits[key] = state, [call]

    def _end(self, key: tuple[str, str, bytes], *last: Call) -> None:
        """A wait is over, with a last read that found something else."""
        waiting = self._waits.pop(key, None)
        if waiting is not None:
            self._judge(waiting[0], [*waiting[1], *last])

    def finish(self) -> Iterator[None]:
        for state, polls in self._waits.values():
            yield
            self._judge(state, polls)

    def _judge(self, state: str, polls: list[Call]) -> None:
        intervals = [elapsed_s(*pair) for pair in pairwise(polls)]
        known = [interval for interval in intervals if interval is not None]
        shortest_s = self.options["poll_interval_s"]
        fast = [interval for interval in known if interval < shortest_s]
        where = f"{numbered(polls)} ({polls[-1].operation}) read the same, {state}"
        if fast and len(fast) >= self.options["fast_polls"]:
            self.report(
                TOO_FAST,
                f"{where}: {len(fast)} of {counted(len(intervals), 'interval')} shorter than"
                f" {seconds(shortest_s)}, the shortest {seconds(min(fast))}",
                polls,
            )
        elif (
            len(known) >= self.options["steady_polls"] - 1
            and sum(known) / len(known) < self.options["steady_interval_s"]
            and max(known) < GROWTH * known[0]
        ):
            self.report(
                NO_BACKOFF,
                f"{where}: {len(polls)} polls, the last {seconds(known[-1])} after the one before, the second"
                f" {seconds(known[0])} after the first",
                polls,
            )
