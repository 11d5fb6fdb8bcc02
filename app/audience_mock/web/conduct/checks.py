"""What judges requests by rules, and what it finds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.rules import Finding, Options, Rule
from audience_mock.web.error_log import one_line
from audience_mock.web.redaction import redact_users_in_text

if TYPE_CHECKING:
    from audience_mock.web.conduct.facts import Conduct
    from audience_mock.web.provider_app import Provider

MAX_REQUESTS = 20
"""Numbers of requests in a finding. Chosen: enough to look at."""

MAX_KINDS = 100
"""Findings of a check. Chosen: more than a reader takes in; what follows is one for each operation."""

MAX_LISTED = 5
"""Numbers of requests in a message. Chosen: it stays one line."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is judged, beside the requests: the APIs by name, the options, the samples of the world's uploads,
    and whether values in them may be shown. `is_whole` is whether the journal has every request from the
    first on, `ends_early` whether later ones are left out."""

    apis: "Mapping[str, Conduct]"
    providers: "Mapping[str, Provider]"
    options: Options
    samples: Sequence[Any] = ()
    shows_values: bool = True
    is_whole: bool = True
    ends_early: bool = False


class Check:
    """Judges requests by `RULES`: sees each that an API with facts received, the oldest first. One object
    judges one journal.

    A finding has the message of the first breach of its kind, and the numbers of the requests of them all.
    """

    RULES: ClassVar[Sequence[Rule]] = ()

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.options = subject.options
        self._found: dict[tuple[str, str, str | None, str], tuple[str, dict[int, None], int]] = {}

    def see(self, call: Call) -> None:
        """The next request."""

    def see_uploads(self) -> Iterator[None]:
        """Look into the samples of uploads, after all requests, beside the event loop; a step at a time."""
        return iter(())

    def finish(self) -> Iterator[None]:
        """Nothing follows; a step at a time, between which other requests run."""
        return iter(())

    def facts(self, call: Call) -> "Conduct":
        return self.subject.apis[call.api]

    def report(self, rule: Rule, message: str, calls: Iterable[Call], *, about: str = "") -> None:
        """A breach of a rule. The last of `calls` has the operation that it is about; breaches of one
        operation that are `about` the same are of one kind."""
        involved = list(calls)
        last = involved[-1]
        key = rule.id, last.api, last.operation, about
        if key not in self._found and len(self._found) >= MAX_KINDS:
            key = rule.id, last.api, last.operation, ""
        if key not in self._found:
            shown = message if self.subject.shows_values else redact_users_in_text(message)
            self._found[key] = one_line(shown), {}, 0
        first, numbers, count = self._found[key]
        numbers.update(dict.fromkeys(call.number for call in involved))
        self._found[key] = first, numbers, count + 1

    def findings(self) -> Iterator[Finding]:
        rules = {rule.id: rule for rule in self.RULES}
        for (id, api, operation, _), (message, numbers, count) in self._found.items():
            more = f" ({count - 1:,} more like it)" if count > 1 else ""
            yield Finding(
                rule=rules[id],
                api=api,
                operation=operation,
                message=f"{message}{more}",
                requests=sorted(numbers)[:MAX_REQUESTS],
                count=count,
            )


def seconds(value: float) -> str:
    """As a reader wants them: `0.004 s`, `61 s`."""
    return f"{value:.3g} s" if value < 100 else f"{value:,.0f} s"


def numbered(calls: Sequence[Call]) -> str:
    """As `requests 3 to 9`, or `requests 3, 5 and 8`; of many, the first and the last."""
    numbers = [call.number for call in calls]
    if len(numbers) == 1:
        return f"request {numbers[0]}"
    if len(numbers) > MAX_LISTED or (len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1):
        return f"requests {numbers[0]} to {numbers[-1]}"
    return f"requests {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
