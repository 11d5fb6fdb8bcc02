"""What the conduct report has to know of Acme's API, and a rule of Acme's own."""

from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.checks import Check
from audience_mock.web.conduct.facts import Conduct
from audience_mock.web.conduct.rules import Rule
from audience_mock.web.evidence import documented

NAMELESS = Rule(
    id="ACME101",
    name="acme-user-agent-missing",
    severity="warning",
    summary="A request did not name its program.",
    fix="send User-Agent with the name and version of the program",
    evidence=documented("Acme's documentation, page 3"),
)


class UserAgents(Check):
    RULES = (NAMELESS,)

    def see(self, call: Call) -> None:
        if call.api == "acme" and "user-agent" not in call.headers:
            self.report(NAMELESS, f"{call} has no User-Agent", [call])


def is_building(answer: dict[str, str]) -> str | None:
    return "INITIALIZING" if answer["status"] == "INITIALIZING" else None


CONDUCT = Conduct(builds={"acme_audiences/get": is_building}, checks=(UserAgents,))
