"""/__admin/worlds: worlds side by side, each with its own data, time and settings."""

from typing import Any

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from audience_mock.control.errors import Error, response
from audience_mock.control.route import ControlRoute
from audience_mock.core.audiences import queries
from audience_mock.core.worlds.names import NAME
from audience_mock.core.worlds.world import World
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin/worlds", tags=["worlds"])

_NO_WORLD: dict[int | str, dict[str, Any]] = {404: {"model": Error, "description": "No such world"}}
_TAKEN: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "The name is taken, or there are too many worlds"}
}


class WorldList(ApiModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"worlds": ["checkout-test", "default"]}]})

    worlds: list[str] = Field(description="Names, sorted. Requests that name no world use `default`.")


class WorldSettings(ApiModel):
    """Settings of one world. Those left out have the server's value."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any] = Field(default={}, description="By name, such as `build_delay_s`.")


class WorldState(ApiModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "checkout-test",
                    "audiences": 35,
                    "settings": {"build_delay_s": 0},
                    "snapshots": ["signed-in"],
                }
            ]
        }
    )

    name: str
    audiences: int = Field(description="Number of audiences of both APIs.")
    settings: dict[str, Any]
    snapshots: list[str]


class ForkTo(ApiModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=f"^{NAME.pattern}$", description="Name of the new world.")


async def _shown(request: MockRequest, world: World) -> dict[str, Any]:
    return {
        "name": world.name,
        "audiences": await world.read(queries.count),
        "settings": world.settings,
        "snapshots": request.worlds.snapshots(world),
    }


@router.get("", operation_id="worlds/list", response_model=WorldList)
async def list_(request: MockRequest) -> RawResponse:
    """List the worlds."""
    return response(200, {"worlds": list(request.worlds)})


@router.get("/{world}", operation_id="worlds/get", response_model=WorldState, responses=_NO_WORLD)
async def get(request: MockRequest, world: str) -> RawResponse:
    """Show one world."""
    return response(200, await _shown(request, request.worlds.find(world)))


@router.put("/{world}", operation_id="worlds/put", response_model=WorldState, responses=_TAKEN)
async def put(request: MockRequest, world: str, body: WorldSettings) -> RawResponse:
    """Create a world from the seed (201), or replace the settings of an existing one (200)."""
    status = 200 if world in request.worlds else 201
    return response(status, await _shown(request, request.worlds.set_settings(world, body.settings)))


@router.delete("/{world}", operation_id="worlds/delete", status_code=204, responses=_NO_WORLD | _TAKEN)
async def delete(request: MockRequest, world: str) -> RawResponse:
    """Delete a world and its snapshots."""
    request.worlds.delete(world)
    return response(204, None)


@router.post(
    "/{world}/fork",
    operation_id="worlds/fork",
    status_code=201,
    response_model=WorldState,
    responses=_NO_WORLD | _TAKEN,
)
async def fork(request: MockRequest, world: str, body: ForkTo) -> RawResponse:
    """Copy a world with its data, ids, clock and settings into a new one."""
    return response(201, await _shown(request, request.worlds.fork(world, body.name)))
