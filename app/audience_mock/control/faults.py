"""/__admin/faults: what goes wrong, for which requests."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic_core import to_json

from audience_mock.control.fault_schemas import (
    EXAMPLE,
    FaultIds,
    FaultList,
    FaultState,
    PlannedFault,
    PlannedFaults,
)
from audience_mock.control.openapi_responses import created, error, success
from audience_mock.control.request_pattern import unknown_operation
from audience_mock.control.responses import empty_response, json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.controls.faults import ANY, Fault, Outcome
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
    responses=success({"faults": [EXAMPLE], "unused": ["fault-1"]}),
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
    responses=success(EXAMPLE) | _NO_FAULT,
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
