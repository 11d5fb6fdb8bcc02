"""/__admin/conduct: what the requests that this world received say of the client that sent them."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.errors import invalid_input
from audience_mock.control.journal import distance, parse_bound
from audience_mock.control.openapi_responses import error, success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.errors import InvalidStateError
from audience_mock.web.evidence import Grade
from audience_mock.web.journal import recorded_request
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

if TYPE_CHECKING:
    from audience_mock.web.conduct.examination import RuleBook
    from audience_mock.web.conduct.rules import Rule

router = APIRouter(route_class=ControlRoute, prefix="/__admin/conduct", tags=["conduct"])

_WORDS = "ids, beginnings of ids, names or severities, separated by commas"


class ConductQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    select: str = Field(default="", description=f"Rules to judge by, all by default: {_WORDS}.")
    ignore: str = Field(default="", description=f"Rules to leave out: {_WORDS}.")
    fail_on: str = Field(
        default="warning",
        description="Findings that fail: `warning` for all, `error` for errors, `never`, or rules as for"
        " `select`.",
    )
    options: str = Field(
        default="", description="Thresholds, as `poll_interval_s=0.1,spare_pages=5`: see the rules."
    )
    api: str | None = Field(default=None, description="Judge requests to this API alone.")
    after: str | None = Field(
        default=None, description="Judge requests after this one: its number, or a time in ISO 8601."
    )
    before: str | None = Field(
        default=None, description="Judge requests before this one, given like `after`."
    )


class ConductFinding(ApiModel):
    rule: str = Field(description="Id of the rule.")
    name: str
    severity: Literal["error", "warning"]
    api: str
    operation: str | None
    message: str = Field(description="What happened, in one line; of several alike, the first.")
    fix: str = Field(description="What the client should do instead.")
    requests: list[int] = Field(description="Numbers of requests in the journal, 20 at most.")
    count: int = Field(description="How often it happened in this operation.")
    fails: bool = Field(description="Whether `fail_on` has its rule or its severity.")


class ConductReport(ApiModel):
    findings: list[ConductFinding] = Field(description="Errors first.")
    checked: int = Field(description="Number of requests that were judged.")
    dropped: int = Field(description="Number of older requests that the journal no longer holds.")
    rules: list[str] = Field(description="Ids of the rules that applied.")


class ConductOption(ApiModel):
    name: str
    default: float
    help: str


class ConductEvidence(ApiModel):
    api: str | None = Field(description="The API that it is about; null for all others.")
    grade: Grade
    source: str
    rule: str | None = None


class ConductRule(ApiModel):
    id: str
    name: str
    severity: Literal["error", "warning"]
    summary: str
    fix: str
    evidence: list[ConductEvidence]
    options: list[ConductOption]


class ConductRules(ApiModel):
    rules: list[ConductRule]


_REPORT_EXAMPLE = {
    "findings": [
        {
            "rule": "AM101",
            "name": "rate-limit-reset-ignored",
            "severity": "error",
            "api": "pinterest",
            "operation": "audiences/list",
            "message": "request 3 (audiences/list) came 0.004 s after the 429 of request 2, whose"
            " x-ratelimit-reset was 1 s",
            "fix": "after a 429, send nothing that counts against the same limit for as long as its header"
            " says",
            "requests": [2, 3],
            "count": 1,
            "fails": True,
        }
    ],
    "checked": 3,
    "dropped": 0,
    "rules": ["AM101"],
}
_RULES_EXAMPLE = {
    "rules": [
        {
            "id": "AM101",
            "name": "rate-limit-reset-ignored",
            "severity": "error",
            "summary": "A request came before the time that a 429 had named was over.",
            "fix": "after a 429, send nothing that counts against the same limit for as long as its header"
            " says",
            "evidence": [
                {"api": None, "grade": "documented", "source": "RFC 6585 and RFC 9110: Retry-After"},
                {
                    "api": "pinterest",
                    "grade": "recorded",
                    "source": "production, July 2026",
                    "rule": "x-ratelimit-reset: whole seconds until the limit begins again",
                },
            ],
            "options": [],
        }
    ]
}


@router.get(
    "",
    operation_id="conduct/get",
    summary="Judge the client",
    response_model=ConductReport,
    responses=success(_REPORT_EXAMPLE)
    | error(
        409, "The journal of this world is turned off", "world default keeps no journal: set journal_entries"
    ),
)
async def get(request: MockRequest, query: Annotated[ConductQuery, Query()]) -> RawResponse:
    """Judge the client by the requests in the journal: pauses, retries, polling, pages, tokens, bodies.

    Each finding says which rule was broken, by which requests, and what to do instead.
    """
    from audience_mock.web.conduct.checks import Subject  # noqa: PLC0415 - few ask for a report
    from audience_mock.web.conduct.examination import examine  # noqa: PLC0415

    book = _book(request)
    if query.api not in (None, *book.apis):
        raise invalid_input(("api",), f"must be one of {', '.join(map(repr, book.apis))}", query.api, "query")
    rules, failing = _rules(book, query)
    world = request.world
    journal, limits = world.journal, world.rules
    if not limits.journal_entries:
        raise InvalidStateError(f"world {world.name} keeps no journal: set journal_entries")
    held = journal.trim(limits.journal_entries, limits.journal_bytes)
    after, before = parse_bound(query.after, "after"), parse_bound(query.before, "before")
    entries = (
        entry
        for entry in journal.snapshot(before=held.last_number + 1)
        if (after is None or distance(entry, after) > 0)
        and (before is None or distance(entry, before) < 0)
        and (query.api is None or recorded_request(entry).api == query.api)
    )
    dropped = held.dropped
    subject = Subject(
        apis=book.apis,
        providers=book.providers,
        options=_options(book, query.options),
        samples=tuple(world.upload_samples),
        shows_values=not limits.redact_users,
        is_whole=not dropped and after is None,
        ends_early=before is not None,
    )
    findings, checked = await examine(entries, subject, rules)
    report = {
        "findings": [{**finding.as_dict(), "fails": finding.rule.id in failing} for finding in findings],
        "checked": checked,
        "dropped": dropped,
        "rules": [rule.id for rule in rules],
    }
    return json_response(report)


@router.get(
    "/rules",
    operation_id="conduct/rules",
    summary="List the rules",
    response_model=ConductRules,
    responses=success(_RULES_EXAMPLE),
)
async def list_rules(request: MockRequest) -> RawResponse:
    """List the rules of the conduct report, with what each rests on and its thresholds."""
    book = _book(request)
    return json_response({"rules": [_rule_as_json(book, rule) for rule in book.rules]})


def _book(request: MockRequest) -> "RuleBook":
    from audience_mock.web.conduct.examination import rule_book  # noqa: PLC0415 - few ask for a report

    served = request.context.served
    return rule_book(served.providers, served.conducts())


def _rules(book: "RuleBook", query: ConductQuery) -> "tuple[list[Rule], set[str]]":
    """The rules that apply, and the ids of those that fail. Raises InvalidInputError."""
    from audience_mock.web.conduct.examination import UnknownRuleError  # noqa: PLC0415

    found: dict[str, set[str]] = {}
    for field in ("select", "ignore", "fail_on"):
        text = getattr(query, field)
        read = book.failing if field == "fail_on" else book.named
        try:
            found[field] = read(_words(text))
        except UnknownRuleError as wrong:
            raise invalid_input((field,), str(wrong), text, "query") from None
    selected = found["select"] or {rule.id for rule in book.rules}
    return [rule for rule in book.rules if rule.id in selected - found["ignore"]], found["fail_on"]


def _options(book: "RuleBook", text: str) -> Any:
    """Raises InvalidInputError."""
    from audience_mock.web.conduct.examination import UnknownRuleError  # noqa: PLC0415

    given: dict[str, float] = {}
    for part in _words(text):
        name, _, value = part.partition("=")
        try:
            given[name.strip()] = number = float(value)
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise invalid_input(("options",), "give NAME=NUMBER, separated by commas", text, "query")
    try:
        return book.options(given)
    except UnknownRuleError as wrong:
        raise invalid_input(("options",), str(wrong), text, "query") from None


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def _rule_as_json(book: "RuleBook", rule: "Rule") -> dict[str, Any]:
    own = {name: api.evidence[rule.id] for name, api in book.apis.items() if rule.id in api.evidence}
    evidence = [{"api": None, **rule.evidence.as_dict()}]
    return {
        "id": rule.id,
        "name": rule.name,
        "severity": rule.severity,
        "summary": rule.summary,
        "fix": rule.fix,
        "evidence": evidence + [{"api": name, **each.as_dict()} for name, each in own.items()],
        "options": [
            {"name": option.name, "default": option.default, "help": option.help} for option in rule.options
        ],
    }
