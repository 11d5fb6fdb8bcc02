"""/__admin/snapshots: what a world held, saved under a name."""

from fastapi import APIRouter
from pydantic import Field

from audience_mock.control.openapi_responses import DISK_FULL, error, success
from audience_mock.control.responses import empty_response, json_response
from audience_mock.control.route import ControlRoute
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin/snapshots", tags=["state"])

_NO_SNAPSHOT = error(
    404, "No such snapshot", "there is no snapshot 'none' in this world: GET /__admin/snapshots lists them"
)


class Snapshots(ApiModel):
    snapshots: list[str] = Field(description="Names, sorted.")


@router.get(
    "",
    operation_id="snapshots/list",
    summary="List snapshots",
    response_model=Snapshots,
    responses=success({"snapshots": ["signed-in"]}),
)
async def list_all(request: MockRequest) -> RawResponse:
    """List the snapshots of this world."""
    return json_response({"snapshots": request.worlds.snapshots(request.world)})


@router.put(
    "/{snapshot}",
    operation_id="snapshots/put",
    summary="Take a snapshot",
    status_code=204,
    responses=error(
        409, "There are too many snapshots", "a world has 1000 snapshots at most: delete one first"
    )
    | DISK_FULL,
)
async def put(request: MockRequest, snapshot: str) -> RawResponse:
    """Save the state of this world under a name, replacing an earlier snapshot once it is complete."""
    await request.worlds.create_snapshot(request.world, snapshot)
    return empty_response()


@router.post(
    "/{snapshot}/restore",
    operation_id="snapshots/restore",
    summary="Restore a snapshot",
    status_code=204,
    responses=_NO_SNAPSHOT | DISK_FULL,
)
async def restore(request: MockRequest, snapshot: str) -> RawResponse:
    """Restore the data, ids and clock that were saved in a snapshot."""
    await request.worlds.restore_snapshot(request.world, snapshot)
    return empty_response()


@router.delete(
    "/{snapshot}",
    operation_id="snapshots/delete",
    summary="Delete a snapshot",
    status_code=204,
    responses=_NO_SNAPSHOT,
)
async def delete(request: MockRequest, snapshot: str) -> RawResponse:
    """Delete a snapshot."""
    request.worlds.delete_snapshot(request.world, snapshot)
    return empty_response()
