"""/__admin/worlds: worlds side by side, each with its own data, time and settings."""

from typing import Any

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from audience_mock.control.errors import Error, answer
from audience_mock.control.routes import ControlRoute
from audience_mock.core import audiences
from audience_mock.core.world import World
from audience_mock.core.worlds import NAME
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.wire import WireModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin/worlds", tags=["worlds"])

_NO_WORLD: dict[int | str, dict[str, Any]] = {404: {"model": Error, "description": "No such world"}}
_TAKEN: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "The name is taken, or no room"}
}


class WorldList(WireModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"worlds": ["checkout-test", "default"]}]})

    worlds: list[str] = Field(description="Names, sorted; `default` is the world of who names none.")


class WorldSettings(WireModel):
    """A world's own settings, in the place of the server's; those left out are the server's."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any] = Field(default={}, description="As the flags of `serve`: `build_delay_s`, …")


class WorldState(WireModel):
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


class ForkTo(WireModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=f"^{NAME.pattern}$", description="The new world's.")


async def _shown(call: Call, world: World) -> dict[str, Any]:
    return {
        "name": world.name,
        "audiences": await world.read(audiences.count),
        "settings": world.settings,
        "snapshots": call.worlds.snapshots(world),
    }


@router.get("", operation_id="worlds/list", response_model=WorldList)
async def list_(call: Call) -> Answer:
    """The worlds that there are."""
    return answer(200, {"worlds": list(call.worlds)})


@router.get("/{world}", operation_id="worlds/get", response_model=WorldState, responses=_NO_WORLD)
async def get(call: Call, world: str) -> Answer:
    """One world."""
    return answer(200, await _shown(call, call.worlds.find(world)))


@router.put("/{world}", operation_id="worlds/put", response_model=WorldState, responses=_TAKEN)
async def put(call: Call, world: str, body: WorldSettings) -> Answer:
    """Make a world from the seed, or give one that is there other settings: 201 or 200."""
    status = 200 if world in call.worlds else 201
    return answer(status, await _shown(call, call.worlds.put(world, body.settings)))


@router.delete("/{world}", operation_id="worlds/delete", status_code=204, responses=_NO_WORLD | _TAKEN)
async def delete(call: Call, world: str) -> Answer:
    """Forget a world, with its snapshots."""
    call.worlds.delete(world)
    return answer(204, None)


@router.post(
    "/{world}/fork",
    operation_id="worlds/fork",
    status_code=201,
    response_model=WorldState,
    responses=_NO_WORLD | _TAKEN,
)
async def fork(call: Call, world: str, body: ForkTo) -> Answer:
    """A new world that holds what this one holds now: data, ids, clock and settings."""
    return answer(201, await _shown(call, call.worlds.fork(world, body.name)))
