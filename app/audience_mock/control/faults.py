"""/__admin/faults: calls that shall go wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import to_json

from audience_mock.control.criteria import unknown_operation
from audience_mock.control.errors import Error, response
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
from audience_mock.web import body as bodies
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.validation import parse_json

router = APIRouter(route_class=ControlRoute, prefix="/__admin/faults", tags=["faults"])

_BAD: dict[int | str, dict[str, Any]] = {400: {"model": Error, "description": "What cannot be planned"}}
_TOO_MANY: dict[int | str, dict[str, Any]] = {409: {"model": Error, "description": "No room for more"}}
_NO_FAULT: dict[int | str, dict[str, Any]] = {404: {"model": Error, "description": "No such fault"}}

_Milliseconds = Annotated[int, Field(strict=True, ge=0, le=MAX_LATENCY_MS)]


class Spread(ApiModel):
    model_config = ConfigDict(extra="forbid")

    at_least: _Milliseconds = Field(alias="from")
    at_most: _Milliseconds = Field(alias="to")


def _spread(given: Any) -> Any:
    return {"from": given, "to": given} if isinstance(given, int) else given


class Match(ApiModel):
    """A JSON subset of the request: what is given here has to be there, and there may be more."""

    model_config = ConfigDict(extra="forbid")

    method: Annotated[str, StringConstraints(to_upper=True)] = ""
    path: str = Field(default="", description="As the API has it: without /worlds/… and /v5.")
    path_params: dict[str, str] = Field(default={}, description="As `ad_account_id`.")
    query: dict[str, str] = Field(default={})
    headers: dict[Annotated[str, StringConstraints(to_lower=True)], str] = Field(default={})
    body: Any = Field(default=None, description="Of a JSON or form body of 1 MiB at most; others match none.")


class PlannedFault(ApiModel):
    """The calls that it is for, and one kind of what happens to them, or `latency_ms`, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"operation": "audiences/list", "first": 1, "status": 503}]},
    )

    operation: str = Field(description="The id of an operation of either API, or * for all of them.")
    match: Match = Field(default=Match(), description="Only calls that hold this.")
    skip: int = Field(default=0, strict=True, ge=0, description="Let so many calls pass first.")
    every: int = Field(default=1, strict=True, ge=1, description="Of those that follow, each so-manieth.")
    chance: float = Field(default=1.0, ge=0, le=1, description="Of these, a share, from a chance of its own.")
    first: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        description="At most so many times; 1 for a limit window, else no end.",
    )
    latency_ms: Annotated[Spread, BeforeValidator(_spread, json_schema_input_type=int | Spread)] | None = (
        Field(default=None, description="Real milliseconds that pass first, whatever the world's clock does.")
    )
    status: int | None = Field(
        default=None,
        strict=True,
        ge=MIN_STATUS,
        le=MAX_STATUS,
        description="Refused with the API's own error of this status, before anything is run.",
    )
    body: Any = Field(
        default=None,
        description="With `status`, in the place of the API's own error: a string as it is, else as JSON.",
    )
    limit_window_s: float | None = Field(
        default=None,
        gt=0,
        le=1e9,
        allow_inf_nan=False,
        description="429 for each call from the first that it meets, until the world's clock passes it.",
    )
    reset: Literal["before", "in", "after"] | None = Field(
        default=None,
        description=(
            "The connection is reset: `before` anything is run or sent, `in` the middle of the answer's body,"
            " `after` it."
        ),
    )
    cut_after_bytes: int | None = Field(
        default=None, strict=True, ge=0, description="The connection ends after so many bytes of the body."
    )
    stall: Literal["before", "in"] | None = Field(
        default=None,
        description=(
            "Nothing comes, `before` anything is run, or nothing more, `in` the middle of the body, until the"
            " client goes or the world is reset; the connection is reset after five minutes."
        ),
    )
    content_type: str | None = Field(
        default=None, pattern=r"^[!-~][ -~]{0,199}$", description="The answer says that it is of this type."
    )
    garbage: Literal[True] | None = Field(
        default=None, description="The body is neither JSON nor UTF-8; a 204 becomes a 200 with that body."
    )
    effect_lost: Literal[True] | None = Field(
        default=None, description="The answer comes as always, and nothing of what it says was kept."
    )
    answer_lost: Literal[True] | None = Field(
        default=None, description="What was asked for is done, and the connection ends without an answer."
    )


class PlannedFaults(ApiModel):
    model_config = ConfigDict(extra="forbid")

    faults: list[PlannedFault] = Field(
        min_length=1, max_length=MAX_FAULTS, description="All, or none of them."
    )


class _Either(ApiModel):
    faults: Any = None


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
    """A fault as it was planned, and what became of it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    seen: int = Field(description="Calls that it was for, until it was used up.")
    fired: int = Field(description="Calls that went wrong by it.")
    left: int | None = Field(description="How many more times; null is without end.")
    used: bool = Field(
        description="Whether all happened that was planned; without an end, whether anything did."
    )
    window_left_s: float = Field(description="What is left of an open limit window, by the world's clock.")


class FaultIds(ApiModel):
    ids: list[str]


class FaultList(ApiModel):
    faults: list[FaultState] = Field(description="In the order of planning.")
    unused: list[str] = Field(description="Ids of those that are not used.")


EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "faults/add": {"201": {"ids": ["fault-1"]}},
    "faults/list": {"200": {"faults": [_EXAMPLE], "unused": ["fault-1"]}},
    "faults/get": {"200": _EXAMPLE},
}
BODIES: Mapping[str, Mapping[str, Any]] = {"faults/add": {bodies.JSON: PlannedFault | PlannedFaults}}


@router.post(
    "", operation_id="faults/add", status_code=201, response_model=FaultIds, responses=_BAD | _TOO_MANY
)
async def add(request: MockRequest) -> RawResponse:
    """Plan a fault, or several. Of those that a call meets, the one planned first happens."""
    raw = await bodies.read_whole(request)
    several = "faults" in parse_json(raw, _Either).model_fields_set
    given: Sequence[PlannedFault] = (
        parse_json(raw, PlannedFaults).faults if several else [parse_json(raw, PlannedFault)]
    )
    operations = request.context.served.operations
    plans = []
    for position, plan in enumerate(given):
        try:
            plans.append(_to_plan(plan, operations))
        except InvalidFaultError as error:
            place = ".".join([*(("faults", str(position)) if several else ()), *filter(None, [error.field])])
            raise InvalidFaultError(f"{place}: {error}" if place else str(error), place or None) from None
    made = request.world.faults.add_all(plans)
    return response(201, {"ids": [fault.id for fault in made]})


@router.get("", operation_id="faults/list", response_model=FaultList, response_model_exclude_unset=True)
async def list_(request: MockRequest) -> RawResponse:
    """What is planned in this world, used or not."""
    planned = list(request.world.faults)
    unused = [fault.id for fault in planned if not fault.used]
    return response(200, {"faults": [_shown(request, fault) for fault in planned], "unused": unused})


@router.delete("", operation_id="faults/clear", status_code=204)
async def clear(request: MockRequest) -> RawResponse:
    """Plan nothing any more in this world."""
    request.world.faults.clear()
    return response(204, None)


@router.get("/{fault}", operation_id="faults/get", response_model=FaultState, responses=_NO_FAULT)
async def get(request: MockRequest, fault: str) -> RawResponse:
    return response(200, _shown(request, request.world.faults.find(fault)))


@router.delete("/{fault}", operation_id="faults/delete", status_code=204, responses=_NO_FAULT)
async def delete(request: MockRequest, fault: str) -> RawResponse:
    request.world.faults.remove(fault)
    return response(204, None)


def _shown(request: MockRequest, fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.id,
        **fault.definition,
        "seen": fault.seen,
        "fired": fault.fired,
        "left": fault.left,
        "used": fault.used,
        "window_left_s": fault.window_left_ms(request.world.clock.now_ms()) / 1000,
    }


def _to_plan(given: PlannedFault, operations: Sequence[str]) -> dict[str, Any]:
    """What the core plans. Raises InvalidFaultError."""
    if given.operation != ANY and given.operation not in operations:
        raise InvalidFaultError(unknown_operation(given.operation, operations), "operation")
    kinds: dict[str, Any] = {each.name: getattr(given, each.name) for each in fields(Outcome)}
    if given.latency_ms is not None:
        kinds["latency_ms"] = (given.latency_ms.at_least, given.latency_ms.at_most)
    if "body" in given.model_fields_set:
        kinds["body"] = given.body.encode() if isinstance(given.body, str) else to_json(given.body)
    return {
        "operation": given.operation,
        "outcome": Outcome(**kinds),
        "match": given.match.model_dump(exclude_unset=True),
        "definition": given.model_dump(exclude_unset=True, by_alias=True),
        **given.model_dump(include={"first", "skip", "every", "chance"}),
    }
