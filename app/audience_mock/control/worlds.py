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
    409: {"model": Error, "description": "The name is taken, or no room"}
}


class WorldList(ApiModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"worlds": ["checkout-test", "default"]}]})

    worlds: list[str] = Field(description="Names, sorted; `default` is the world of who names none.")


class WorldSettings(ApiModel):
    """A world's own settings, in the place of the server's; those left out are the server's."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any] = Field(default={}, description="As the flags of `serve`: `build_delay_s`, …")


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
    audiences: int = Field(description="How many there are, in both APIs.")
    settings: dict[str, Any]
    snapshots: list[str]


class ForkTo(ApiModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=f"^{NAME.pattern}$", description="The new world's.")


async def _shown(request: MockRequest, world: World) -> dict[str, Any]:
    return {
        "name": world.name,
        "audiences": await world.read(queries.count),
        "settings": world.settings,
        "snapshots": request.worlds.snapshots(world),
    }


@router.get("", operation_id="worlds/list", response_model=WorldList)
async def list_(request: MockRequest) -> RawResponse:
    """The worlds that there are."""
    return response(200, {"worlds": list(request.worlds)})


@router.get("/{world}", operation_id="worlds/get", response_model=WorldState, responses=_NO_WORLD)
async def get(request: MockRequest, world: str) -> RawResponse:
    """One world."""
    return response(200, await _shown(request, request.worlds.find(world)))


@router.put("/{world}", operation_id="worlds/put", response_model=WorldState, responses=_TAKEN)
async def put(request: MockRequest, world: str, body: WorldSettings) -> RawResponse:
    """Make a world from the seed, or give one that is there other settings: 201 or 200."""
    status = 200 if world in request.worlds else 201
    return response(status, await _shown(request, request.worlds.set_settings(world, body.settings)))


@router.delete("/{world}", operation_id="worlds/delete", status_code=204, responses=_NO_WORLD | _TAKEN)
async def delete(request: MockRequest, world: str) -> RawResponse:
    """Forget a world, with its snapshots."""
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
    """A new world that holds what this one holds now: data, ids, clock and settings."""
    return response(201, await _shown(request, request.worlds.fork(world, body.name)))
