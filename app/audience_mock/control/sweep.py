"""/__admin/sweep: the faults that the calls in a world's journal may meet, ready to be planned."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.errors import invalid_input
from audience_mock.control.fault_schemas import PlannedFault
from audience_mock.control.journal import SEARCHED, distance, parse_bound
from audience_mock.control.openapi_responses import error, success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.controls.fault_cases import KINDS, SLOW_S, Call, Case, cases
from audience_mock.core.controls.faults import MAX_LATENCY_MS
from audience_mock.core.controls.journal import Entry
from audience_mock.core.errors import InvalidStateError
from audience_mock.core.steps import let_others_run
from audience_mock.web.journal import recorded_request, split_headers
from audience_mock.web.journal_view import sent_path
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin/sweep", tags=["sweep"])

MAX_LIMIT = 10_000

_WORLD = re.compile(r"^.*?/worlds/[^/]+")


class SweepQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    kinds: str = Field(
        default="", description=f"Kinds of fault, all by default: {', '.join(KINDS)}; separated by commas."
    )
    limit: int = Field(default=400, ge=0, le=MAX_LIMIT, description="Cases at most; all are counted.")
    after: str | None = Field(
        default=None, description="Calls after this request: its number, or a time in ISO 8601."
    )
    slow_s: float = Field(
        default=SLOW_S, ge=0, le=MAX_LATENCY_MS / 1000, description="Seconds that a slow answer is late."
    )


class SweepCall(ApiModel):
    call: int = Field(description="From 1, in the order of the journal.")
    number: int = Field(description="Number of the request in the journal.")
    operation: str
    occurrence: int = Field(description="Which call of its operation it is, from 1.")
    method: str
    path: str = Field(description="Path without /worlds/…, with the query; secrets are masked.")
    answer_bytes: int
    has_token: bool


class SweepCase(ApiModel):
    name: str = Field(description="Call and kind, as `audience-mock sweep --only` takes it.")
    call: int
    operation: str
    kind: str
    effect: str = Field(description="What happens to the call.")
    fault: PlannedFault = Field(description="Body of `POST /__admin/faults`, in the world of the next run.")


class SweepPlan(ApiModel):
    calls: list[SweepCall]
    cases: list[SweepCase] = Field(description="The likeliest to find something first.")
    total: int = Field(description="Number of cases, beyond `limit`, too.")
    dropped: int = Field(
        description="Number of older requests that the journal no longer holds: if there are any, calls are"
        " counted wrongly."
    )


_CALL = {
    "call": 2,
    "number": 2,
    "operation": "audiences/create",
    "occurrence": 1,
    "method": "POST",
    "path": "/v5/ad_accounts/549755885175/audiences",
    "answer_bytes": 430,
    "has_token": True,
}
_EXAMPLE = {
    "calls": [_CALL],
    "cases": [
        {
            "name": "2:answer-lost",
            "call": 2,
            "operation": "audiences/create",
            "kind": "answer-lost",
            "effect": KINDS["answer-lost"],
            "fault": {"operation": "audiences/create", "skip": 0, "first": 1, "answer_lost": True},
        }
    ],
    "total": 8,
    "dropped": 0,
}


@router.get(
    "",
    operation_id="sweep/plan",
    summary="Plan a fault sweep",
    response_model=SweepPlan,
    response_model_exclude_unset=True,
    responses=success(_EXAMPLE)
    | error(
        409, "The journal of this world is turned off", "world default keeps no journal: set journal_entries"
    ),
)
async def plan(request: MockRequest, query: Annotated[SweepQuery, Query()]) -> RawResponse:
    """List the cases of a fault sweep: each kind of fault at each call in the journal.

    The journal should have one run of a job without a fault. Run the job once for each case, in a world of
    its own with the fault of the case, and compare that world with the one of the first run
    (`GET /__admin/worlds/{world}/diff/{other}?by=content`).
    """
    kinds = _kinds(query)
    journal, limits = request.world.journal, request.world.rules
    if not limits.journal_entries:
        raise InvalidStateError(f"world {request.world.name} keeps no journal: set journal_entries")
    held = journal.trim(limits.journal_entries, limits.journal_bytes)
    after = parse_bound(query.after, "after")
    entries, dropped = journal.snapshot(before=held.last_number + 1), held.dropped
    calls: list[Call] = []
    occurrences: Counter[str] = Counter()
    while some := [*islice(entries, SEARCHED)]:
        _learn((entry for entry in some if after is None or distance(entry, after) > 0), calls, occurrences)
        await let_others_run()

    def planned() -> RawResponse:
        every = cases(calls, kinds)
        shown = {
            "calls": [_call_as_json(call) for call in calls],
            "cases": [_case_as_json(case, query.slow_s) for case in every[: query.limit]],
            "total": len(every),
            "dropped": dropped,
        }
        return json_response(shown)

    # A journal of 10,000 calls takes half a second; other requests are answered meanwhile.
    return await asyncio.to_thread(planned)


def _kinds(query: SweepQuery) -> list[str]:
    """Raises InvalidInputError."""
    given = [word for part in query.kinds.split(",") if (word := part.strip())]
    for kind in given:
        if kind not in KINDS:
            raise invalid_input(("kinds",), f"must be some of {', '.join(KINDS)}", query.kinds, "query")
    return given or [*KINDS]


def _learn(entries: Iterable[Entry], calls: list[Call], occurrences: Counter[str]) -> None:
    """Add the calls of these entries. Requests without a route have no operation, and so no fault."""
    for entry in entries:
        recorded = recorded_request(entry)
        operation = recorded.operation
        if operation is None:
            continue
        occurrences[operation] += 1
        calls.append(
            Call(
                place=len(calls) + 1,
                number=entry.number,
                operation=operation,
                occurrence=occurrences[operation],
                method=recorded.method,
                path=_WORLD.sub("", sent_path(recorded)),
                answer_bytes=recorded.answer_bytes,
                has_token=_has_token(recorded.headers),
            )
        )


def _has_token(headers: bytes) -> bool:
    return any(
        name.lower() == b"authorization" and value.partition(b" ")[0].lower() in (b"bearer", b"oauth")
        for name, value in split_headers(headers)
    )


def _call_as_json(call: Call) -> dict[str, Any]:
    return {
        "call": call.place,
        "number": call.number,
        "operation": call.operation,
        "occurrence": call.occurrence,
        "method": call.method,
        "path": call.path,
        "answer_bytes": call.answer_bytes,
        "has_token": call.has_token,
    }


def _case_as_json(case: Case, slow_s: float) -> dict[str, Any]:
    return {
        "name": case.name,
        "call": case.call.place,
        "operation": case.call.operation,
        "kind": case.kind,
        "effect": KINDS[case.kind],
        "fault": case.fault(slow_s),
    }
