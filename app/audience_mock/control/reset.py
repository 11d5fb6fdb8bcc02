"""/__admin/reset and /__admin/snapshots: back to the seed, or to what was kept under a name."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from audience_mock.control.errors import Error, response
from audience_mock.control.route import ControlRoute
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["state"])

_NO_SNAPSHOT: dict[int | str, dict[str, Any]] = {404: {"model": Error, "description": "No such snapshot"}}


class ResetTo(ApiModel):
    model_config = ConfigDict(extra="forbid")

    to: Literal["seed", "empty"] = Field(
        default="seed", description="`seed`: the seed of the server. `empty`: no data."
    )


class Snapshots(ApiModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"snapshots": ["signed-in"]}]})

    snapshots: list[str] = Field(description="Names, sorted.")


@router.post("/reset", operation_id="state/reset", status_code=204)
async def reset(request: MockRequest, body: ResetTo) -> RawResponse:
    """Restore the data, ids, clock and counters that this world started with. Settings and snapshots stay."""
    request.worlds.reset(request.world, body.to)
    return response(204, None)


@router.get("/snapshots", operation_id="snapshots/list", response_model=Snapshots)
async def list_(request: MockRequest) -> RawResponse:
    """List the snapshots of this world."""
    return response(200, {"snapshots": request.worlds.snapshots(request.world)})


@router.put("/snapshots/{snapshot}", operation_id="snapshots/put", status_code=204)
async def put(request: MockRequest, snapshot: str) -> RawResponse:
    """Save the state of this world under a name, replacing an earlier snapshot."""
    request.worlds.create_snapshot(request.world, snapshot)
    return response(204, None)


@router.post(
    "/snapshots/{snapshot}/restore", operation_id="snapshots/restore", status_code=204, responses=_NO_SNAPSHOT
)
async def restore(request: MockRequest, snapshot: str) -> RawResponse:
    """Restore the data, ids and clock that were saved in a snapshot."""
    request.worlds.restore_snapshot(request.world, snapshot)
    return response(204, None)


@router.delete(
    "/snapshots/{snapshot}", operation_id="snapshots/delete", status_code=204, responses=_NO_SNAPSHOT
)
async def delete(request: MockRequest, snapshot: str) -> RawResponse:
    """Delete a snapshot."""
    request.worlds.delete_snapshot(request.world, snapshot)
    return response(204, None)
