"""Requests that are sent again: too early, without a pause, without looking whether the first one arrived."""

from dataclasses import dataclass, field
from typing import Any

from audience_mock.web.conduct.calls import Call, elapsed_s
from audience_mock.web.conduct.checks import Check, Subject, seconds
from audience_mock.web.conduct.rules import Option, Rule
from audience_mock.web.evidence import chosen, documented, inferred

IN_FLIGHT_S = 0.1
"""Another request that comes so soon after a 429 was on its way already. Chosen."""
EARLY_S = 0.05
"""How much too early a request may be: a sleep may end early, and clocks differ. Chosen."""

RESET_IGNORED = Rule(
    id="AM101",
    name="rate-limit-reset-ignored",
    severity="error",
    summary="A request came before the time that a 429 had named was over.",
    fix="after a 429, send nothing that counts against the same limit for as long as its header says",
    evidence=documented("RFC 6585 and RFC 9110: Retry-After"),
)
NO_PAUSE = Rule(
    id="AM102",
    name="retry-without-backoff",
    severity="warning",
    summary="A request that failed with a server error was sent again and again without a pause.",
    fix="wait before each retry but the first, longer each time, with some chance in it",
    evidence=chosen("the first retry may come at once, and the next after 0.2 s, as in urllib3's examples"),
    options=(Option(name="retry_pause_s", default=0.1, help="Seconds before the second retry at least."),),
)
BLIND_RETRY = Rule(
    id="AM103",
    name="create-retried-blindly",
    severity="error",
    summary="A create was sent again after an error, without looking whether the first one had succeeded.",
    fix="read the list before the retry, and go on with what is there; or let the create fail",
    evidence=inferred("a lost response hides a create that succeeded, and equal names are accepted"),
)


class ResetIgnored(Check):
    RULES = (RESET_IGNORED,)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._limited: dict[tuple[Any, ...], tuple[Call, str, float]] = {}

    def see(self, call: Call) -> None:
        # Reads and writes are counted apart.
        is_read = call.method in ("GET", "HEAD") or call.operation in self.facts(call).reads
        key = call.api, call.caller, is_read
        limited = self._limited.get(key)
        if limited is not None:
            self._judge(call, *limited)
        if call.status == 429 and (reset := self.facts(call).reset(call)) is not None:
            self._limited[key] = call, *reset
        elif limited is not None and call.status != 429:
            waited_s = elapsed_s(limited[0], call)
            if waited_s is None or waited_s >= limited[2]:
                del self._limited[key]

    def _judge(self, call: Call, limited: Call, header: str, reset_s: float) -> None:
        waited_ms = call.at_ms - limited.at_ms
        if not 0 <= waited_ms < (reset_s - EARLY_S) * 1000:
            return
        if waited_ms < IN_FLIGHT_S * 1000 and call.identity != limited.identity:
            return
        self.report(
            RESET_IGNORED,
            f"{call} came {seconds(waited_ms / 1000)} after the 429 of request {limited.number}, whose"
            f" {header} was {reset_s:g} s",
            [limited, call],
        )


class NoPause(Check):
    RULES = (NO_PAUSE,)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._failed: dict[tuple[Any, ...], _Attempts] = {}

    def see(self, call: Call) -> None:
        attempts = self._failed.get(call.identity)
        if attempts is not None:
            self._judge(attempts, call)
        if call.status is None or call.status >= 500:
            attempts = self._failed.setdefault(call.identity, _Attempts())
            attempts.count += 1
            attempts.unreported.append(call)
        elif attempts is not None:
            del self._failed[call.identity]

    def _judge(self, attempts: "_Attempts", call: Call) -> None:
        before = attempts.unreported[-1]
        pause_s = elapsed_s(before, call)
        if attempts.count < 2 or pause_s is None or pause_s >= self.options["retry_pause_s"]:
            return
        self.report(
            NO_PAUSE,
            f"{call} is attempt {attempts.count + 1}, {seconds(pause_s)} after the"
            f" {before.status or 'broken'} response of request {before.number}",
            [*attempts.unreported, call],
        )
        attempts.unreported.clear()


@dataclass
class _Attempts:
    """Failed attempts at one request: how many there were, and those that no finding has."""

    count: int = 0
    unreported: list[Call] = field(default_factory=list)


class BlindRetry(Check):
    RULES = (BLIND_RETRY,)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._unanswered: dict[tuple[str, str], dict[tuple[Any, ...], Call]] = {}
        """By API and operation, and by what the request was."""

    def see(self, call: Call) -> None:
        creates = self.facts(call).creates
        if call.is_success:
            for create, looks in creates.items():
                if call.operation in looks:
                    self._unanswered.pop((call.api, create), None)
        if call.operation is None or call.operation not in creates:
            return
        unanswered = self._unanswered.setdefault((call.api, call.operation), {})
        first = unanswered.pop(call.identity, None)
        if first is not None and call.may_repeat(first):
            status = "no response" if first.status is None else f"the {first.status} response"
            if first.is_success:
                status += f", which met {first.recorded.fault},"
            self.report(
                BLIND_RETRY,
                f"{call} repeats request {first.number} after {status}, and no list was read between them",
                [first, call],
            )
        if call.is_unanswered:
            unanswered[call.identity] = call
