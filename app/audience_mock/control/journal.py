"""/__admin/journal: what was asked of this world and what it answered."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from audience_mock.control.criteria import Criteria, RequestPattern, check_operation, moment
from audience_mock.control.errors import response
from audience_mock.control.route import ControlRoute
from audience_mock.core.controls.journal import Entry
from audience_mock.web.journal import shown
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin/journal", tags=["journal"])

MAX_LIMIT = 10_000


class _Part(ApiModel):
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


class JournalQuery(_Part, Criteria):
    pass


class Search(_Part, RequestPattern):
    pass


class Request(ApiModel):
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


class AnswerGiven(ApiModel):
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
    fault: str | None = Field(description="Id of the planned fault that fired.")
    request: Request
    answer: AnswerGiven
    suggestions: list[str] = Field(
        default=[], description="Present if no route matched: the routes that were probably meant."
    )


class JournalPage(ApiModel):
    entries: list[JournalEntry] = Field(description="The newest last; tokens and secrets are masked.")
    dropped: int = Field(description="Number of older entries that the journal no longer holds.")
    next: int = Field(description="Pass it as `after` to get later entries.")


@router.get("", operation_id="journal/get", response_model=JournalPage)
async def get(call: MockRequest, query: Annotated[JournalQuery, Query()]) -> RawResponse:
    """List the requests to both APIs in this world. Requests to /__admin are not recorded."""
    return _page(call, query, RequestPattern(**query.model_dump(include=set(Criteria.model_fields))))


@router.post("/search", operation_id="journal/search", response_model=JournalPage)
async def search(call: MockRequest, body: Search) -> RawResponse:
    """List requests as `GET` does, also by `match`, a part of the request that does not fit into a URL."""
    return _page(call, body, body)


@router.delete("", operation_id="journal/empty", status_code=204)
async def empty(call: MockRequest) -> RawResponse:
    """Empty the journal. Numbers continue; a reset of the world restarts them at 1."""
    call.world.journal.clear()
    return response(204, None)


def _page(call: MockRequest, part: _Part, wanted: RequestPattern) -> RawResponse:
    check_operation(call, wanted)
    journal, rules = call.world.journal, call.world.rules
    journal.trim(rules.journal_entries, rules.journal_bytes)
    after = None if part.after is None else moment(part.after, "after")
    before = None if part.before is None else moment(part.before, "before")
    from_the_end = after is None
    entries = reversed(journal) if from_the_end else iter(journal)
    meant = (entry for entry in entries if _is_between(entry, after, before) and wanted.means(entry))
    found = list(islice(meant, part.limit))
    if from_the_end:
        found.reverse()
    next_after = (
        found[-1].number if found and not from_the_end and len(found) == part.limit else journal.last_number
    )
    page = {"entries": [shown(entry) for entry in found], "dropped": journal.dropped, "next": next_after}
    return response(200, page)


def _is_between(entry: Entry, after: int | datetime | None, before: int | datetime | None) -> bool:
    return (after is None or _place(entry, after) > 0) and (before is None or _place(entry, before) < 0)


def _place(entry: Entry, beside: int | datetime) -> float:
    """Above 0 behind a number or a time, below it before, 0 for the same."""
    if isinstance(beside, int):
        return entry.number - beside
    return entry.at_ms - (beside - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)
