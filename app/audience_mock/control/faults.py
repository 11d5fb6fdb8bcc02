"""/__admin/faults: what goes wrong, for which requests."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import to_json

from audience_mock.control.openapi_responses import created, error, success
from audience_mock.control.request_pattern import RequestSubset, unknown_operation
from audience_mock.control.responses import empty_response, json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.controls.faults import (
    ANY,
    MAX_FAULTS,
    MAX_LATENCY_MS,
    MAX_STATUS,
    MIN_STATUS,
    Fault,
    Outcome,
)
from audience_mock.core.errors import InvalidFaultError
from audience_mock.core.suggestions import closest
from audience_mock.web.body import JSON, read_whole, without_mark
from audience_mock.web.masking import mask_json, mask_subset
from audience_mock.web.openapi import operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.secret_names import RESPONSE_SECRETS
from audience_mock.web.validation import parse_json

router = APIRouter(route_class=ControlRoute, prefix="/__admin/faults", tags=["faults"])

_NO_FAULT = error(
    404, "No such fault", "there is no fault 'fault-9' in this world: GET /__admin/faults lists them"
)

_Milliseconds = Annotated[int, Field(strict=True, ge=0, le=MAX_LATENCY_MS)]


class LatencyRange(ApiModel):
    model_config = ConfigDict(extra="forbid")

    at_least: _Milliseconds = Field(alias="from")
    at_most: _Milliseconds = Field(alias="to")


def _as_range(given: Any) -> Any:
    return {"from": given, "to": given} if isinstance(given, int) else given


class FaultMatch(RequestSubset):
    """A JSON subset of the request, which may have more keys than these."""

    method: Annotated[str, StringConstraints(to_upper=True)] = ""
    path: str = Field(default="", description="Path of the operation, without /worlds/… and /v5.")
    path_params: dict[str, str] = Field(default={}, description="Such as `ad_account_id`.")
    query: dict[str, str] = Field(default={})
    headers: dict[Annotated[str, StringConstraints(to_lower=True)], str] = Field(default={})
    body: Any = Field(default=None, description="Compared with JSON and form bodies of up to 1 MiB.")


class PlannedFault(ApiModel):
    """The calls that it applies to, and its effect: one of the effects below, `latency_ms`, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"operation": "audiences/list", "first": 1, "status": 503}]},
    )

    operation: str = Field(
        description="Operation id, such as `audiences/create`, or * for all operations of both APIs."
    )
    match: FaultMatch = Field(default=FaultMatch(), description="Apply to matching calls only.")
    skip: int = Field(default=0, strict=True, ge=0, description="Number of calls to let pass first.")
    every: int = Field(default=1, strict=True, ge=1, description="Then apply to every n-th call.")
    chance: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Then apply to this share of calls; the same calls on every run.",
    )
    first: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        description="Number of times to fire at most. By default 1 for a limit window or a stale token,"
        " else unlimited.",
    )
    latency_ms: (
        Annotated[LatencyRange, BeforeValidator(_as_range, json_schema_input_type=int | LatencyRange)] | None
    ) = Field(default=None, description="Delay in real milliseconds, whatever the clock of the world shows.")
    status: int | None = Field(
        default=None,
        strict=True,
        ge=MIN_STATUS,
        le=MAX_STATUS,
        description="Answer with the API's own error of this status; the operation does not run.",
    )
    body: Any = Field(
        default=None,
        description="With `status`: the body to send in place of the API's error; a string is sent as it is.",
    )
    limit_window_s: float | None = Field(
        default=None,
        gt=0,
        le=1e9,
        allow_inf_nan=False,
        description="Answer 429 from the first matching call on, for so many seconds of the world's clock.",
    )
    reset: Literal["before", "in", "after"] | None = Field(
        default=None,
        description=(
            "Reset the connection: `before` the operation runs, `in` the middle of the response body, or"
            " `after` the response."
        ),
    )
    cut_after_bytes: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        description="Close the connection after these bytes of the body.",
    )
    stall: Literal["before", "in"] | None = Field(
        default=None,
        description=(
            "Send nothing (`before` the operation runs) or stop `in` the middle of the body, until the client"
            " leaves or the world is reset. After five minutes, the connection is reset."
        ),
    )
    content_type: str | None = Field(
        default=None,
        pattern=r"^[!-~][ -~]{0,199}$",
        description="Content type to claim.",
    )
    garbage: Literal[True] | None = Field(
        default=None,
        description="Send a body that is neither JSON nor UTF-8; a 204 becomes a 200 with that body.",
    )
    effect_lost: Literal[True] | None = Field(default=None, description="Answer as usual, but store nothing.")
    answer_lost: Literal[True] | None = Field(
        default=None, description="Run the operation, then close the connection without a response."
    )
    stale_token: Literal[True] | None = Field(
        default=None,
        description="Answer 401 to the call, and from then on to every call of any operation with the same"
        " `Authorization`: another token works.",
    )


class PlannedFaults(ApiModel):
    model_config = ConfigDict(extra="forbid")

    faults: list[PlannedFault] = Field(
        min_length=1, max_length=MAX_FAULTS, description="All are planned, or none."
    )


class _OneOrSeveral(ApiModel):
    model_config = ConfigDict(extra="allow")

    faults: Any = None

    @property
    def is_several(self) -> bool:
        """A misspelled `faults` is meant, too, so that the error says so."""
        given = self.model_fields_set
        return "faults" in given or (
            "operation" not in given and any(closest(key, ["faults"]) for key in given)
        )


_EXAMPLE: Any = {
    "id": "fault-1",
    "operation": "audiences/list",
    "first": 1,
    "status": 503,
    "seen": 0,
    "fired": 0,
    "left": 1,
    "used": False,
    "window_left_s": 0.0,
}


class FaultState(PlannedFault):
    """A planned fault, and how often it fired."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    seen: int = Field(description="Number of matching calls, until the fault was used up.")
    fired: int = Field(description="Number of calls that it changed.")
    left: int | None = Field(description="Number of times that it can still fire; null if unlimited.")
    used: bool = Field(
        description="Whether it fired as often as planned; if unlimited, whether it fired at all."
    )
    window_left_s: float = Field(
        description="Seconds left of an open limit window, by the clock of the world."
    )


class FaultIds(ApiModel):
    ids: list[str]


class FaultList(ApiModel):
    faults: list[FaultState] = Field(description="In the order of planning.")
    unused: list[str] = Field(description="Ids of the faults that are not used.")


@router.post(
    "",
    operation_id="faults/add",
    summary="Plan faults",
    status_code=201,
    response_model=FaultIds,
    responses=created({"ids": ["fault-1"]})
    | error(
        400,
        "The fault is invalid",
        "operation: unknown operation 'audiences/lst', did you mean 'audiences/list'?",
        "operation",
    )
    | error(409, "Too many faults are planned", "a world has 1000 faults at most: delete some first"),
    openapi_extra=operation(bodies={JSON: PlannedFault | PlannedFaults}),
)
async def add(request: MockRequest) -> RawResponse:
    """Plan one or several faults. If several match a call, the one planned first fires."""
    raw = without_mark(await read_whole(request))
    operations = request.context.served.operations
    if parse_json(raw, _OneOrSeveral).is_several:
        faults = parse_json(raw, PlannedFaults).faults
        plans = [_to_plan(fault, operations, f"faults.{n}") for n, fault in enumerate(faults)]
    else:
        plans = [_to_plan(parse_json(raw, PlannedFault), operations)]
    planned = request.world.faults.add_all(plans)
    return json_response({"ids": [fault.id for fault in planned]}, 201)


@router.get(
    "",
    operation_id="faults/list",
    summary="List faults",
    response_model=FaultList,
    response_model_exclude_unset=True,
    responses=success({"faults": [_EXAMPLE], "unused": ["fault-1"]}),
)
async def list_all(request: MockRequest) -> RawResponse:
    """List the faults of this world, used or not."""
    planned = list(request.world.faults)
    faults = [_as_json(request, fault) for fault in planned]
    return json_response({"faults": faults, "unused": [fault.id for fault in planned if not fault.used]})


@router.delete("", operation_id="faults/clear", summary="Delete all faults", status_code=204)
async def clear(request: MockRequest) -> RawResponse:
    """Remove all faults of this world."""
    request.world.faults.clear()
    return empty_response()


@router.get(
    "/{fault}",
    operation_id="faults/get",
    summary="Get a fault",
    response_model=FaultState,
    responses=success(_EXAMPLE) | _NO_FAULT,
)
async def get(request: MockRequest, fault: str) -> RawResponse:
    """Show one fault, and how often it fired."""
    return json_response(_as_json(request, request.world.faults.find(fault)))


@router.delete(
    "/{fault}",
    operation_id="faults/delete",
    summary="Delete a fault",
    status_code=204,
    responses=_NO_FAULT,
)
async def delete(request: MockRequest, fault: str) -> RawResponse:
    """Remove one fault."""
    request.world.faults.remove(fault)
    return empty_response()


def _as_json(request: MockRequest, fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.id,
        **_masked(fault.definition),
        "seen": fault.seen,
        "fired": fault.fired,
        "left": fault.left,
        "used": fault.used,
        "window_left_s": fault.window_left_ms(request.world.clock.now_ms()) / 1000,
    }


def _masked(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A fault as it was given, its secrets hidden: a test may plan one for a token."""
    shown = dict(definition)
    if "match" in shown:
        shown["match"] = mask_subset(shown["match"])
    if "body" in shown:
        shown["body"] = mask_json(shown["body"], RESPONSE_SECRETS)
    return shown


def _to_plan(given: PlannedFault, operations: Sequence[str], place: str = "") -> dict[str, Any]:
    """What the core plans; `place` is where the fault is in the body. Raises InvalidFaultError."""
    try:
        if given.operation != ANY and given.operation not in operations:
            raise InvalidFaultError(unknown_operation(given.operation, operations), "operation")
        outcome = _to_outcome(given)
    except InvalidFaultError as invalid:
        field = ".".join(filter(None, [place, invalid.field]))
        raise InvalidFaultError(f"{field}: {invalid}" if field else str(invalid), field or None) from None
    return {
        "operation": given.operation,
        "outcome": outcome,
        "match": given.match.wanted(),
        "definition": given.model_dump(exclude_unset=True, by_alias=True),
        **given.model_dump(include={"first", "skip", "every", "chance"}),
    }


def _to_outcome(given: PlannedFault) -> Outcome:
    effects: dict[str, Any] = {each.name: getattr(given, each.name) for each in fields(Outcome)}
    if given.latency_ms is not None:
        effects["latency_ms"] = (given.latency_ms.at_least, given.latency_ms.at_most)
    if "body" in given.model_fields_set:
        effects["body"] = given.body.encode() if isinstance(given.body, str) else to_json(given.body)
    return Outcome(**effects)
