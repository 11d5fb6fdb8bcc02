"""/__admin/journal: the requests that this world received, and the responses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from pydantic_core import to_json

from audience_mock.control.errors import invalid_input
from audience_mock.control.journal_summary import SUMMARY_EXAMPLE, RequestSummary, entry_summary
from audience_mock.control.openapi_responses import error, success
from audience_mock.control.request_pattern import Criteria, RequestPattern, check_operation
from audience_mock.control.responses import empty_response, json_response, raw_json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.controls.journal import Entry
from audience_mock.core.steps import let_others_run
from audience_mock.web.journal_view import entry_as_json
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import parse_iso_8601

router = APIRouter(route_class=ControlRoute, prefix="/__admin/journal", tags=["journal"])

MAX_LIMIT = 10_000
SEARCHED, SHOWN = 500, 20
"""Entries that are searched, and written, in one step: 1 to 2 ms."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Window(ApiModel):
    after: str | None = Field(
        default=None, description="Entries after this one: its number, or a time in ISO 8601."
    )
    before: str | None = Field(default=None, description="Entries before this one, given like `after`.")
    limit: int = Field(
        default=100,
        ge=0,
        le=MAX_LIMIT,
        description="Number of entries at most: the oldest if `after` is given, else the newest.",
    )


class JournalQuery(_Window, Criteria):
    pass


class JournalSearch(_Window, RequestPattern):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"operation": "audiences/create", "status": "2xx", "limit": 10}]}
    )


class JournalRequest(ApiModel):
    method: str
    path: str = Field(description="Path as sent, with the query.")
    path_params: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str] = Field(description="By name, in lower case.")
    body: Any = Field(
        description="JSON as JSON, a form as its fields, a multipart form as `fields` and `files` (name and"
        " bytes), other text as text; null if there is none, or if it was not kept."
    )
    body_bytes: int | None = Field(description="Null if the body was not read, or is a form.")
    body_cut: bool = Field(default=False, description="Present if `body` is only the beginning of the body.")


class JournalAnswer(ApiModel):
    status: int | None = Field(description="Null if the client left before the response.")
    headers: dict[str, str]
    body: Any
    body_bytes: int
    body_cut: bool = False


class JournalEntry(ApiModel):
    number: int = Field(description="Counts from 1 in each world, in the order of the responses.")
    at: str = Field(description="Time of the world at the response, in ISO 8601.")
    api: str
    operation: str | None = Field(description="Null if no route matched the request.")
    fault: str | None = Field(
        description=(
            "Id of the planned fault that fired; request, identity or evidence where the request asked for"
            " one, a magic identity rejected it, or the answer would have been a guess."
        )
    )
    request: JournalRequest
    answer: JournalAnswer
    trace_id: str = Field(
        default="", description="Present if the request had a valid `traceparent`: the id of its trace."
    )
    reason: str | None = Field(
        default=None,
        description="Present if the response does not say why it was rejected: an unknown, expired or revoked"
        " token.",
    )
    suggestions: list[str] = Field(
        default=[], description="Present if no route matched: the routes that were probably meant."
    )


class JournalSummary(ApiModel):
    requests: list[RequestSummary] = Field(description="The newest last.")
    dropped: int = Field(description="Number of older entries that the journal no longer holds.")
    next: int = Field(description="Pass it as `after` to get later entries.")


class JournalPage(ApiModel):
    entries: list[JournalEntry] = Field(description="The newest last; tokens and secrets are masked.")
    dropped: int = Field(description="Number of older entries that the journal no longer holds.")
    next: int = Field(description="Pass it as `after` to get later entries.")


_ENTRY = {
    "number": 1,
    "at": "2026-11-22T12:00:00.000Z",
    "api": "pinterest",
    "operation": "audiences/get",
    "fault": None,
    "request": {
        "method": "GET",
        "path": "/v5/ad_accounts/549755885175/audiences/2542623499806",
        "path_params": {"ad_account_id": "549755885175", "audience_id": "2542623499806"},
        "query": {},
        "headers": {"accept": "application/json", "authorization": "Bearer pina_…"},
        "body": None,
        "body_bytes": None,
    },
    "answer": {
        "status": 401,
        "headers": {"content-type": "application/json", "content-length": "64"},
        "body": {"code": 2, "message": "Authentication failed.", "status": "failure"},
        "body_bytes": 64,
    },
    "reason": "unknown token",
}
_PAGE = {"entries": [_ENTRY], "dropped": 0, "next": 1}


@router.get(
    "",
    operation_id="journal/get",
    summary="List requests",
    response_model=JournalPage,
    responses=success(_PAGE),
)
async def get(request: MockRequest, query: Annotated[JournalQuery, Query()]) -> RawResponse:
    """List the requests to both APIs in this world. Requests to /__admin are not recorded."""
    pattern = RequestPattern(**query.model_dump(include=set(Criteria.model_fields)))
    return await _page(request, query, pattern)


@router.get(
    "/summary",
    operation_id="journal/summary",
    summary="List requests in short",
    response_model=JournalSummary,
    responses=success({"requests": [SUMMARY_EXAMPLE], "dropped": 0, "next": 1}),
)
async def summarize(request: MockRequest, query: Annotated[JournalQuery, Query()]) -> RawResponse:
    """List requests as `GET /__admin/journal` does, without headers and bodies."""
    pattern = RequestPattern(**query.model_dump(include=set(Criteria.model_fields)))
    return await _page(request, query, pattern, entry_summary, "requests")


@router.get(
    "/{number}",
    operation_id="journal/entry",
    summary="Get a request",
    response_model=JournalEntry,
    responses=success(_ENTRY)
    | error(404, "The journal holds no such request", "there is no request '7' in this world"),
)
async def get_entry(request: MockRequest, number: int) -> RawResponse:
    """Show one request and its response."""
    return json_response(entry_as_json(request.world.journal.find(number)))


@router.post(
    "/search",
    operation_id="journal/search",
    summary="Search requests",
    response_model=JournalPage,
    responses=success(_PAGE),
)
async def search(request: MockRequest, body: JournalSearch) -> RawResponse:
    """List requests as `GET` does, also by `match`, a part of the request that does not fit into a URL."""
    return await _page(request, body, body)


@router.delete("", operation_id="journal/empty", summary="Empty the journal", status_code=204)
async def empty(request: MockRequest) -> RawResponse:
    """Empty the journal. Numbers continue; a reset of the world restarts them at 1."""
    request.world.journal.clear()
    return empty_response()


async def _page(
    request: MockRequest,
    window: _Window,
    pattern: RequestPattern,
    show: Callable[[Entry], dict[str, Any]] = entry_as_json,
    name: str = "entries",
) -> RawResponse:
    """The entries of a window that fit a pattern, under a name. They are searched and written in steps."""
    check_operation(request, pattern)
    journal, rules = request.world.journal, request.world.rules
    held = journal.trim(rules.journal_entries, rules.journal_bytes)
    after, before = parse_bound(window.after, "after"), parse_bound(window.before, "before")
    newest_first = after is None
    # Those of now: others may be added between two steps.
    end = held.last_number + 1
    entries = journal.snapshot(
        after=after if isinstance(after, int) else 0,
        before=min(before, end) if isinstance(before, int) else end,
        newest_first=newest_first,
    )
    found: list[Entry] = []
    # If all fit, the first are enough.
    step = min(window.limit, SEARCHED)
    while len(found) < window.limit and (some := [*islice(entries, step)]):
        step = SEARCHED
        found += (
            entry
            for entry in some
            if (after is None or distance(entry, after) > 0)
            and (before is None or distance(entry, before) < 0)
            and pattern.matches(entry)
        )
        await let_others_run()
    del found[window.limit :]
    if newest_first:
        found.reverse()
    written = []
    for start in range(0, len(found), SHOWN):
        written.append(to_json([show(entry) for entry in found[start : start + SHOWN]])[1:-1])
        await let_others_run()
    is_cut = found and not newest_first and len(found) == window.limit
    page = {"dropped": held.dropped, "next": found[-1].number if is_cut else held.last_number}
    return raw_json_response(b'{"%s":[%s],%s' % (name.encode(), b",".join(written), to_json(page)[1:]))


def parse_bound(text: str | None, field: str) -> int | datetime | None:
    """The number of an entry, or a time. Raises InvalidInputError."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    try:
        return parse_iso_8601(text)
    except ValueError:
        raise invalid_input(
            (field,), "give the number of a request, or a time as 2026-07-01T12:00:00Z", text, "query"
        ) from None


def distance(entry: Entry, bound: int | datetime) -> float:
    """Above 0 for an entry after the bound, below 0 for one before it."""
    if isinstance(bound, int):
        return entry.number - bound
    return entry.at_ms - (bound - _EPOCH) / timedelta(milliseconds=1)
