"""/__admin/reset and /__admin/snapshots: back to the seed, or to what was kept under a name."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from audience_mock.control.errors import Error, answer
from audience_mock.control.routes import ControlRoute
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.wire import WireModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["state"])

_NO_SNAPSHOT: dict[int | str, dict[str, Any]] = {404: {"model": Error, "description": "No such snapshot"}}


class ResetTo(WireModel):
    model_config = ConfigDict(extra="forbid")

    to: Literal["seed", "empty"] = Field(default="seed", description="`empty` leaves the seed out.")


class Snapshots(WireModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"snapshots": ["signed-in"]}]})

    snapshots: list[str] = Field(description="Names, sorted.")


@router.post("/reset", operation_id="state/reset", status_code=204)
async def reset(call: Call, body: ResetTo) -> Answer:
    """Put this world back to its start: data, ids, clock and all that is counted. Its settings and snapshots
    stay."""
    call.worlds.reset(call.world, body.to)
    return answer(204, None)


@router.get("/snapshots", operation_id="snapshots/list", response_model=Snapshots)
async def list_(call: Call) -> Answer:
    """The snapshots of this world."""
    return answer(200, {"snapshots": call.worlds.snapshots(call.world)})


@router.put("/snapshots/{snapshot}", operation_id="snapshots/put", status_code=204)
async def put(call: Call, snapshot: str) -> Answer:
    """Keep what this world holds now, in the place of an older snapshot of the name."""
    call.worlds.take(call.world, snapshot)
    return answer(204, None)


@router.post(
    "/snapshots/{snapshot}/restore", operation_id="snapshots/restore", status_code=204, responses=_NO_SNAPSHOT
)
async def restore(call: Call, snapshot: str) -> Answer:
    """Make this world hold what it held when the snapshot was taken: data, ids and clock."""
    call.worlds.restore(call.world, snapshot)
    return answer(204, None)


@router.delete(
    "/snapshots/{snapshot}", operation_id="snapshots/delete", status_code=204, responses=_NO_SNAPSHOT
)
async def delete(call: Call, snapshot: str) -> Answer:
    call.worlds.forget(call.world, snapshot)
    return answer(204, None)
