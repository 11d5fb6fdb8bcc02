"""The examination of a journal: which rules apply, with which options, and what they find."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from audience_mock.core.controls.journal import Entry
from audience_mock.core.steps import in_steps
from audience_mock.core.suggestions import closest, did_you_mean
from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.checks import Check, Subject
from audience_mock.web.conduct.facts import Conduct
from audience_mock.web.conduct.fields import Fields
from audience_mock.web.conduct.lists import Pages, ReadAgain
from audience_mock.web.conduct.polling import Polling
from audience_mock.web.conduct.retries import BlindRetry, NoPause, ResetIgnored
from audience_mock.web.conduct.rules import SEVERITIES, Finding, Option, Options, Rule
from audience_mock.web.conduct.tokens import Tokens
from audience_mock.web.conduct.uploads import Uploads
from audience_mock.web.provider_app import Provider

CHECKS: Sequence[type[Check]] = (
    *(ResetIgnored, NoPause, BlindRetry, Polling, Pages, ReadAgain, Tokens, Fields, Uploads),
)
"""Those of all APIs. An API may have more."""


class UnknownRuleError(ValueError):
    """A selection names a rule, or an option, that does not exist."""


@dataclass(frozen=True)
class RuleBook:
    """The checks and rules of a server's APIs."""

    apis: Mapping[str, Conduct]
    providers: Mapping[str, Provider]

    @property
    def checks(self) -> list[type[Check]]:
        own = [check for conduct in self.apis.values() for check in conduct.checks]
        return [*CHECKS, *dict.fromkeys(own)]

    @property
    def rules(self) -> list[Rule]:
        """All rules, by their ids."""
        return sorted((rule for check in self.checks for rule in check.RULES), key=lambda rule: rule.id)

    def named(self, words: Iterable[str]) -> set[str]:
        """The ids of the rules that these words name: ids, what ids begin with, names, severities. Raises
        UnknownRuleError."""
        return {id for word in words for id in self._ids(word)}

    def failing(self, words: Iterable[str]) -> set[str]:
        """As `named`, where `warning` is whatever is a warning or graver, and `never` is no rule."""
        return {
            id
            for word in words
            if word != "never"
            for id in ({rule.id for rule in self.rules} if word == "warning" else self._ids(word))
        }

    def _ids(self, word: str) -> set[str]:
        upper = word.upper()
        ids = {
            rule.id
            for rule in self.rules
            if (upper and rule.id.startswith(upper)) or word.lower() in (rule.name, rule.severity)
        }
        if not ids:
            known = [each for rule in self.rules for each in (rule.id, rule.name)] + [*SEVERITIES]
            hint = did_you_mean(closest(word, known)) or ": GET /__admin/conduct/rules lists them"
            raise UnknownRuleError(f"there is no rule {word[:100]!r}{hint}")
        return ids

    def options(self, given: Mapping[str, float]) -> Options:
        """The value of each option. Raises UnknownRuleError."""
        known: dict[str, Option] = {option.name: option for rule in self.rules for option in rule.options}
        for name in given:
            if name not in known:
                hint = did_you_mean(closest(name, known)) or f": the options are {', '.join(sorted(known))}"
                raise UnknownRuleError(f"there is no option {name[:100]!r}{hint}")
        return {name: option.default for name, option in known.items()} | dict(given)


def rule_book(providers: Mapping[str, Provider], conducts: Mapping[str, Conduct]) -> RuleBook:
    """The rules for these APIs. One that says nothing of itself is judged by what is true of all."""
    return RuleBook({name: conducts.get(name) or Conduct() for name in providers}, providers)


class Examined(NamedTuple):
    """The findings, the gravest first, and how many requests were judged."""

    findings: list[Finding]
    checked: int


async def examine(entries: Iterable[Entry], subject: Subject, rules: Sequence[Rule]) -> Examined:
    """What is wrong with these requests, oldest first. Other requests get their turn meanwhile."""
    wanted = {rule.id for rule in rules}
    book = RuleBook(subject.apis, subject.providers)
    checks = [
        check(subject) for check in book.checks if not wanted.isdisjoint(rule.id for rule in check.RULES)
    ]
    checked = 0
    async for entry in in_steps(entries):
        call = Call(entry)
        if call.api not in subject.apis:
            continue
        for check in checks:
            check.see(call)
        call.forget()
        checked += 1
    # Hashing the known people takes a tenth of a second at the first time.
    await asyncio.to_thread(_look_into_uploads, checks)
    for check in checks:
        async for _ in in_steps(check.finish()):
            pass
    found = [finding for check in checks for finding in check.findings() if finding.rule.id in wanted]
    return Examined(sorted(found, key=_order), checked)


def _look_into_uploads(checks: Iterable[Check]) -> None:
    for check in checks:
        for _ in check.see_uploads():
            pass


def _order(finding: Finding) -> tuple[int, str, Sequence[int]]:
    return -SEVERITIES.index(finding.rule.severity), finding.rule.id, finding.requests
