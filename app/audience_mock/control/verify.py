"""/__admin/verify: whether this world received the requests that a test expects."""

from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from audience_mock.control.errors import VERIFICATION_FAILED, Error
from audience_mock.control.journal_summary import RequestSummary
from audience_mock.control.openapi_responses import error, success
from audience_mock.control.request_pattern import RequestPattern, check_operation
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.control.verification import verify_count, verify_order
from audience_mock.core.errors import InvalidStateError
from audience_mock.web.openapi import response
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["journal"])


class CountRange(ApiModel):
    model_config = ConfigDict(extra="forbid")

    at_least: int = Field(default=0, ge=0)
    at_most: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at_least, at_most or both")
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at_most is less than at_least")
        return self


def _exactly(count: Any) -> Any:
    if isinstance(count, int) and not isinstance(count, bool):
        return {"at_least": count, "at_most": count}
    return count


class Expectation(RequestPattern):
    """The expected requests. Without `count`, `never` and `order`, at least one is expected."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"operation": "audiences/create", "count": {"at_least": 1}}]}
    )

    count: Annotated[
        CountRange | None, BeforeValidator(_exactly, json_schema_input_type=int | CountRange | None)
    ] = Field(default=None, description="Exact number of requests, or a range.")
    never: bool = Field(default=False, description="No request at all, like `count` 0.")
    order: list[RequestPattern] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Requests that came in this order; others may come between.",
    )
    within_s: float | None = Field(
        default=None,
        ge=0,
        description="Seconds of the world's clock, back from now, or from first to last of an `order`.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.count is not None) + self.never + (self.order is not None) > 1:
            raise ValueError("give one of count, never and order")
        single = set(RequestPattern.model_fields) & self.model_fields_set
        if self.order is not None and single:
            raise ValueError(f"with order, {', '.join(sorted(single))} must be given in its items")
        return self

    @property
    def range(self) -> CountRange:
        """How many requests are expected, where no order is."""
        return CountRange(at_most=0) if self.never else self.count or CountRange(at_least=1)


class Verified(ApiModel):
    verified: bool
    matched: list[int] = Field(description="Numbers of the requests.")
    dropped: int = Field(description="Number of older requests that the journal no longer holds.")


class RequestDifference(ApiModel):
    path: str = Field(description="Such as `operation` or `match.body.rule.retention_days`.")
    wanted: Any
    found: Any = Field(
        default=None, description="Absent if the request has no such value; secrets are masked."
    )


class VerificationFailure(Error):
    verified: bool = Field(description="Always false.")
    matched: list[int]
    dropped: int
    nearest: RequestSummary | None = Field(
        description="The newest request with the fewest differences, or the request that was one too many."
    )
    differences: list[RequestDifference]


_FAILURE_EXAMPLE = {
    "error": "expected at least 1 request with operation audiences/create, found 0; request 1 is the nearest"
    " and differs in operation",
    "verified": False,
    "matched": [],
    "dropped": 0,
    "nearest": {
        "number": 1,
        "at": "2026-07-01T12:00:00.000Z",
        "api": "pinterest",
        "operation": "audiences/list",
        "method": "GET",
        "path": "/v5/ad_accounts/549755885175/audiences",
        "status": 200,
        "fault": None,
    },
    "differences": [{"path": "operation", "wanted": "audiences/create", "found": "audiences/list"}],
}


@router.post(
    "/verify",
    operation_id="journal/verify",
    summary="Verify requests",
    response_model=Verified,
    responses=success({"verified": True, "matched": [1], "dropped": 0})
    | error(
        409, "The journal of this world is turned off", "world default keeps no journal: set journal_entries"
    )
    | {
        VERIFICATION_FAILED: response(
            _FAILURE_EXAMPLE, description="The check failed", model=VerificationFailure
        )
    },
)
async def verify(request: MockRequest, body: Expectation) -> RawResponse:
    """Check which requests this world received: how often, never, or in which order."""
    check_operation(request, body)
    for position, each in enumerate(body.order or ()):
        check_operation(request, each, ("order", str(position)))
    journal, rules = request.world.journal, request.world.rules
    if not rules.journal_entries:
        raise InvalidStateError(f"world {request.world.name} keeps no journal: set journal_entries")
    held = journal.trim(rules.journal_entries, rules.journal_bytes)
    if body.order is not None:
        matched = verify_order(journal, body.order, body.within_s)
    else:
        expected, now_ms = body.range, request.world.clock.now_ms()
        matched = verify_count(
            journal, body, expected.at_least, expected.at_most, within_s=body.within_s, now_ms=now_ms
        )
    numbers = [entry.number for entry in matched]
    return json_response({"verified": True, "matched": numbers, "dropped": held.dropped})
