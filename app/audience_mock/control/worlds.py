"""/__admin/worlds: isolated environments, each with its own data, clock and settings."""

from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.openapi_responses import (
    DISK_FULL,
    NO_WORLD,
    TOO_MANY_WORLDS,
    created,
    error,
    success,
)
from audience_mock.control.responses import empty_response, json_response
from audience_mock.control.route import ServerRoute
from audience_mock.core.audiences import queries
from audience_mock.core.errors import NotFoundError
from audience_mock.core.steps import let_others_run
from audience_mock.core.worlds.measures import WorldState as StateOfWorld
from audience_mock.core.worlds.names import NAME, tenant_of
from audience_mock.core.worlds.world import DEFAULT, World
from audience_mock.web.openapi import response
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import iso_8601

router = APIRouter(route_class=ServerRoute, prefix="/__admin/worlds", tags=["worlds"])

SLICE = 50
"""Worlds that are looked at before other work gets its turn. Chosen: a millisecond's worth."""

_CONFLICT = error(
    409, "The name is taken, or there are too many worlds", "world blue is already in this world"
)


class WorldDetails(ApiModel):
    """A world in a list; the database of one that is not open is not read for it."""

    name: str
    tenant: str = Field(description="What stands before the first dot of the name.")
    bytes: int = Field(description="Of database, snapshots and journal.")
    last_used_at: str = Field(description="Time of the last request, in UTC, by the system's clock.")
    snapshots: int = Field(description="Number of snapshots.")
    open: bool = Field(description="Whether its database is open.")


class WorldList(ApiModel):
    worlds: list[str] = Field(description="Names, sorted. Requests that name no world use `default`.")
    details: list[WorldDetails] | None = Field(default=None, description="With `details=true`.")


_MATCH_HELP = "Pattern of the names, such as `ci-*`: `*` is any text, `?` a character, `[ab]` one of these."


class WorldsQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    details: bool = Field(default=False, description="Whether to show size and last use.")
    match: str = Field(default="*", description=_MATCH_HELP)


class DeletionQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    match: str = Field(min_length=1, description=_MATCH_HELP)


class DeletedWorlds(ApiModel):
    deleted: list[str] = Field(description="Names, sorted.")


class WorldSettings(ApiModel):
    """Settings of one world. Those left out have the server's value."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"settings": {"build_delay_s": 0}}]}
    )

    settings: dict[str, Any] = Field(default={}, description="By name, such as `build_delay_s`.")


class WorldState(ApiModel):
    name: str
    audiences: int = Field(description="Number of audiences of both APIs.")
    settings: dict[str, Any]
    snapshots: list[str]


class Fork(ApiModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "checkout-test-2"}]})

    name: str = Field(pattern=f"^{NAME.pattern}$", description="Name of the new world.")


_EXAMPLE = {
    "name": "checkout-test",
    "audiences": 35,
    "settings": {"build_delay_s": 0},
    "snapshots": ["signed-in"],
}


@router.get(
    "",
    operation_id="worlds/list",
    summary="List worlds",
    response_model=WorldList,
    responses=success({"worlds": ["checkout-test", "default"]}),
)
async def list_all(request: MockRequest, query: Annotated[WorldsQuery, Query()]) -> RawResponse:
    """List the worlds, or those of a tenant to a token of its own."""
    names = _matching(request, query.match)
    if not query.details:
        return json_response({"worlds": names})
    details = []
    for number, name in enumerate(names):
        if number % SLICE == 0:
            await let_others_run()
        if name in request.worlds:
            details.append(_details(request.worlds.state_of(name)))
    return json_response({"worlds": names, "details": details})


@router.delete(
    "",
    operation_id="worlds/delete_matching",
    summary="Delete worlds by a pattern",
    response_model=DeletedWorlds,
    responses=success({"deleted": ["ci-1", "ci-2"]}),
)
async def delete_matching(request: MockRequest, query: Annotated[DeletionQuery, Query()]) -> RawResponse:
    """Delete the worlds whose names match, with their snapshots; never the default world."""
    request.context.target = query.match
    deleted = []
    for name in _matching(request, query.match):
        await request.worlds.until_free(name)
        if name == DEFAULT:
            continue
        with suppress(NotFoundError):  # another call deleted it meanwhile
            request.worlds.delete(name)
            deleted.append(name)
        await let_others_run()
    return json_response({"deleted": deleted})


@router.get(
    "/{world}",
    operation_id="worlds/get",
    summary="Get a world",
    response_model=WorldState,
    responses=success(_EXAMPLE) | NO_WORLD,
)
async def get(request: MockRequest, world: str) -> RawResponse:
    """Show one world."""
    return json_response(await _as_json(request, request.worlds.find(world)))


@router.put(
    "/{world}",
    operation_id="worlds/put",
    summary="Create a world, or set its settings",
    response_model=WorldState,
    responses=success(_EXAMPLE)
    | {201: response(_EXAMPLE, description="Created", model=WorldState)}
    | TOO_MANY_WORLDS
    | DISK_FULL,
)
async def put(request: MockRequest, world: str, body: WorldSettings) -> RawResponse:
    """Create a world from the seed (201), or replace the settings of an existing one (200)."""
    return await _configured(request, world, body.settings)


@router.patch(
    "/{world}",
    operation_id="worlds/update",
    summary="Change some settings of a world",
    response_model=WorldState,
    responses=success(_EXAMPLE)
    | {201: response(_EXAMPLE, description="Created", model=WorldState)}
    | TOO_MANY_WORLDS
    | DISK_FULL,
)
async def update(request: MockRequest, world: str, body: WorldSettings) -> RawResponse:
    """Set the settings that are given and keep the world's others. Creates the world if there is none."""
    found = request.worlds.get(world)
    kept = {} if found is None else found.settings
    return await _configured(request, world, {**kept, **body.settings})


@router.delete(
    "/{world}",
    operation_id="worlds/delete",
    summary="Delete a world",
    status_code=204,
    responses=NO_WORLD
    | error(
        409,
        "The default world cannot be deleted",
        "the default world is always there: reset it instead",
    ),
)
async def delete(request: MockRequest, world: str) -> RawResponse:
    """Delete a world and its snapshots."""
    await request.worlds.until_free(world)
    request.worlds.delete(world)
    return empty_response()


@router.post(
    "/{world}/fork",
    operation_id="worlds/fork",
    summary="Fork a world",
    status_code=201,
    response_model=WorldState,
    responses=created(_EXAMPLE) | NO_WORLD | _CONFLICT | DISK_FULL,
)
async def fork(request: MockRequest, world: str, body: Fork) -> RawResponse:
    """Copy a world with its data, ids, clock and settings into a new one."""
    request.context.target = body.name
    request.caller.check_sees(body.name)
    await request.worlds.until_free(world)
    forked = await request.worlds.fork(world, body.name)
    return json_response(await _as_json(request, forked, is_new=True), 201)


def _matching(request: MockRequest, pattern: str) -> list[str]:
    return [name for name in request.worlds if request.caller.sees(name) and fnmatchcase(name, pattern)]


def _details(state: StateOfWorld) -> dict[str, Any]:
    return {
        "name": state.name,
        "tenant": tenant_of(state.name),
        "bytes": state.bytes,
        "last_used_at": iso_8601(round(state.last_use_s * 1000)),
        "snapshots": state.snapshots,
        "open": state.is_open,
    }


async def _configured(request: MockRequest, world: str, settings: Mapping[str, Any]) -> RawResponse:
    await request.worlds.until_free(world)
    configured, is_new = request.worlds.set_settings(world, settings)
    return json_response(await _as_json(request, configured, is_new=is_new), 201 if is_new else 200)


async def _as_json(request: MockRequest, world: World, *, is_new: bool = False) -> dict[str, Any]:
    """A new one has no snapshots."""
    return {
        "name": world.name,
        "audiences": await world.read(queries.count),
        "settings": world.settings,
        "snapshots": [] if is_new else request.worlds.snapshots(world),
    }
