"""/__admin/state, /__admin/seed and the difference of two worlds: one format for all, that of seed files."""

from typing import Any, get_origin

from fastapi import APIRouter
from pydantic import ConfigDict, FailFast, Field

from audience_mock.control.errors import Error, json_response, response
from audience_mock.control.route import ControlRoute
from audience_mock.core.seeds.apply import apply_seed
from audience_mock.core.seeds.diff import diff_worlds
from audience_mock.core.seeds.export import export_state
from audience_mock.core.seeds.schemas import Seed
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["state"])


class SeedRoute(ControlRoute):
    max_body_bytes = 256 << 20
    """A state of a hundred thousand audiences is 30 MB. Chosen."""
    max_containers = 10_000_000


seed_router = APIRouter(route_class=SeedRoute, prefix="/__admin", tags=["state"])

_TOO_MUCH: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "More users than a state may have"}
}
_NO_WORLD: dict[int | str, dict[str, Any]] = {404: {"model": Error, "description": "No such world"}}


class State(Seed):
    """All that a world holds, or a part of it: the format of seed files."""

    # A seed is built when one is first read; FastAPI cannot describe what is not built yet.
    model_config = ConfigDict(defer_build=False)


# The answer tells the first row that is wrong: a line about each of a million takes gigabytes.
for _section in State.model_fields.values():
    if get_origin(_section.annotation) is list:
        _section.metadata.append(FailFast())
State.model_rebuild(force=True)


class Planted(ApiModel):
    counts: dict[str, int] = Field(description="Rows by section, of those that were sent.")
    ids: dict[str, list[str]] = Field(
        description="Of `audiences`, `customer_lists` and `customer_list_uploads`, each in the order sent."
    )


class Difference(ApiModel):
    """Of one section. A field that is null is not there, or has its default."""

    counts: dict[str, int] = Field(description="All rows that were added, removed and changed.")
    added: list[dict[str, Any]] | None = Field(default=None, description="The first 100.")
    removed: list[dict[str, Any]] | None = Field(default=None, description="The first 100.")
    changed: list[dict[str, Any]] | None = Field(
        default=None, description="The first 100: what tells the row, and `fields`, each `from` and `to`."
    )


@router.get("/state", operation_id="state/get", response_model=State, responses=_TOO_MUCH)
async def get(request: MockRequest) -> RawResponse:
    """All that this world holds, as a seed: an empty world that is seeded with it answers the same. Its
    settings and snapshots are not in it; of tokens it has digests."""
    return json_response(200, await export_state(request.world))


@seed_router.post(
    "/seed",
    operation_id="state/seed",
    response_model=Planted,
    responses={409: {"model": Error, "description": "An id is taken"}},
)
async def seed(request: MockRequest, body: State) -> RawResponse:
    """Add what the seed has to this world as it is, all of it or nothing. A reset goes back to the seed that
    the server was started with, not to this one; to replace what is there, reset to `empty` first."""
    applied = apply_seed(request.world, body)
    return response(200, {"counts": applied.counts, "ids": applied.ids})


@router.get(
    "/worlds/{world}/diff/{other}",
    operation_id="worlds/diff",
    response_model=dict[str, Difference],
    responses=_NO_WORLD | _TOO_MUCH,
)
async def diff(request: MockRequest, world: str, other: str) -> RawResponse:
    """What makes the one world the other, by the sections of a state; `{}` if they hold the same."""
    return response(200, await diff_worlds(request.worlds.find(world), request.worlds.find(other)))
