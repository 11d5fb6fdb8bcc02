"""Tokens that are refreshed too early, too late, or for each call."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from audience_mock.core.counting import counted
from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.checks import Check, Subject, numbered
from audience_mock.web.conduct.facts import IssuedToken
from audience_mock.web.conduct.rules import Option, Rule
from audience_mock.web.evidence import chosen

EARLY = Rule(
    id="AM301",
    name="token-refreshed-too-early",
    severity="warning",
    summary="A token was refreshed again and again while most of its life was left.",
    fix="keep the token with its expires_in, and refresh it shortly before it ends",
    evidence=chosen("one early refresh may be that of a process that starts without a token"),
    options=(
        Option(
            name="refresh_after_share",
            default=0.5,
            help="Share of a token's life after which it may be refreshed.",
        ),
        Option(name="early_refreshes", default=2, help="Number of earlier refreshes that is a finding."),
    ),
)
LATE = Rule(
    id="AM302",
    name="token-refreshed-too-late",
    severity="warning",
    summary="Calls went on with a token that had expired.",
    fix="refresh the token before it ends, or at the first 401, and hold other calls meanwhile",
    evidence=chosen("the first 401 tells it; a few calls may be on their way then"),
    options=(
        Option(
            name="late_calls", default=3, help="Number of calls with one expired token that is a finding."
        ),
    ),
)
EACH_CALL = Rule(
    id="AM303",
    name="token-for-each-call",
    severity="warning",
    summary="A new token was asked for before each call.",
    fix="use a token for all calls until it is about to end",
    evidence=chosen("each token is a call more, and counts against the limits of its endpoint"),
    options=(
        Option(name="single_uses", default=3, help="Number of such tokens in a row that is a finding."),
    ),
)


@dataclass
class Life:
    """A token from its issue on."""

    issued: Call
    token: IssuedToken
    family: str | None
    """The first refresh token that led to it: that of one person. None for a token of the app itself."""
    uses: int = 0
    last_use: int = 0
    """The number of the last request that had it."""


class _Early(NamedTuple):
    """A token that was asked for while the one before was good for `left_s` seconds more."""

    call: Call
    before: Life
    left_s: float
    is_refresh: bool

    @property
    def is_another_process(self) -> bool:
        """Whether the app went on with the token before: then each of its processes has its own."""
        return not self.is_refresh and self.before.last_use > self.call.number


class Tokens(Check):
    RULES = (EARLY, LATE, EACH_CALL)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._lives: dict[tuple[str, str], Life] = {}
        """By API and token."""
        self._of_app: dict[tuple[str, str, str | None], list[Life]] = {}
        """By API, app and family, those without a person, and those that a refresh made."""
        self._by_refresh: dict[tuple[str, str], Life] = {}
        self._early: dict[tuple[str, str], list[_Early]] = {}
        self._late: dict[tuple[str, str], list[Call]] = {}

    def see(self, call: Call) -> None:
        facts = self.facts(call)
        secret = call.caller.rpartition(" ")[2]
        life = self._lives.get((call.api, secret))
        if life is not None:
            life.uses += 1
            life.last_use = call.number
        if facts.is_expired(call):
            self._late.setdefault((call.api, secret), []).append(call)
        token = facts.issued(call) if call.is_success else None
        if token is not None:
            self._see_issue(call, token)

    def _see_issue(self, call: Call, token: IssuedToken) -> None:
        api, before = call.api, None
        family = token.refreshed or token.refresh
        if token.refreshed is not None and (before := self._by_refresh.get((api, token.refreshed))):
            family = before.family
        of_app = self._of_app.setdefault((api, call.caller, family), [])
        if token.refreshed is None and of_app and not token.is_user:
            before = of_app[-1]
        if before is not None:
            self._judge_early(call, before, is_refresh=token.refreshed is not None)
        life = self._lives[api, token.access] = Life(call, token, family)
        if not token.is_user:
            of_app.append(life)
        for refresh in (token.refreshed, token.refresh):
            if refresh is not None:
                self._by_refresh[api, refresh] = life

    def _judge_early(self, call: Call, before: Life, *, is_refresh: bool) -> None:
        lifetime_s = before.token.lifetime_s
        age_s = (call.at_ms - before.issued.at_ms) / 1000
        if not lifetime_s or age_s < 0 or (call.api, before.token.access) in self._late:
            return
        if age_s < lifetime_s * self.options["refresh_after_share"]:
            early = self._early.setdefault((call.api, call.caller), [])
            early.append(_Early(call, before, lifetime_s - age_s, is_refresh))

    def finish(self) -> Iterator[None]:
        for late in self._late.values():
            yield
            if len(late) >= max(1, self.options["late_calls"]):
                self.report(
                    LATE,
                    f"{numbered(late)} sent a token that had expired:"
                    f" {counted(len(late), 'call')} failed with 401",
                    late,
                )
        for key, lives in self._of_app.items():
            yield
            single = _single_uses(lives)
            if len(single) >= max(2, self.options["single_uses"]):
                calls = [life.issued for life in single]
                self.report(
                    EACH_CALL,
                    f"{numbered(calls)} asked for {len(calls)} tokens, and none was used for more"
                    " than one call",
                    calls,
                )
                self._early.pop(key[:2], None)
        for each in self._early.values():
            yield
            early = [one for one in each if not one.is_another_process]
            if len(early) >= max(1, self.options["early_refreshes"]):
                calls = [one.call for one in early]
                self.report(
                    EARLY,
                    f"{numbered(calls)} asked for a new token while the one before was good"
                    f" for {min(one.left_s for one in early) / 3600:.3g} h and more",
                    calls,
                )


def _single_uses(lives: list[Life]) -> list[Life]:
    """The longest row of tokens that were used once or never; the last one may be used yet."""
    best: list[Life] = []
    row: list[Life] = []
    for life in lives:
        if life.uses > 1:
            row = []
            continue
        row.append(life)
        if len(row) >= len(best):
            best = row
    return best
