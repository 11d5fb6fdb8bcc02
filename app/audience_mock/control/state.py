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
    409: {"model": Error, "description": "More users than an export may hold"}
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
    counts: dict[str, int] = Field(description="Number of rows that were added, by section.")
    ids: dict[str, list[str]] = Field(
        description="Ids of `audiences`, `customer_lists` and `customer_list_uploads`, in the order sent."
    )


class Difference(ApiModel):
    """The difference of one section. A null field is missing or has its default."""

    counts: dict[str, int] = Field(description="Number of rows that were added, removed and changed.")
    added: list[dict[str, Any]] | None = Field(default=None, description="The first 100.")
    removed: list[dict[str, Any]] | None = Field(default=None, description="The first 100.")
    changed: list[dict[str, Any]] | None = Field(
        default=None,
        description="The first 100: what identifies the row, and its `fields`, each `from` and `to`.",
    )


@router.get("/state", operation_id="state/get", response_model=State, responses=_TOO_MUCH)
async def get(request: MockRequest) -> RawResponse:
    """Export this world as a seed: an empty world that is seeded with it answers the same. Settings and
    snapshots are not part of it; tokens are exported as digests."""
    return json_response(200, await export_state(request.world))


@seed_router.post(
    "/seed",
    operation_id="state/seed",
    response_model=Planted,
    responses={409: {"model": Error, "description": "An id is already in use"}},
)
async def seed(request: MockRequest, body: State) -> RawResponse:
    """Add all of a seed to this world, or nothing. A later reset goes back to the seed of the server; to
    replace the data, reset to `empty` first."""
    applied = apply_seed(request.world, body)
    return response(200, {"counts": applied.counts, "ids": applied.ids})


@router.get(
    "/worlds/{world}/diff/{other}",
    operation_id="worlds/diff",
    response_model=dict[str, Difference],
    responses=_NO_WORLD | _TOO_MUCH,
)
async def diff(request: MockRequest, world: str, other: str) -> RawResponse:
    """Show the differences of two worlds by section; `{}` if they hold the same data."""
    return response(200, await diff_worlds(request.worlds.find(world), request.worlds.find(other)))
