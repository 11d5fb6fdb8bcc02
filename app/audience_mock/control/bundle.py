"""/__admin/bundle: everything that is needed to play a world's requests again."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from pydantic_core import from_json

from audience_mock.control.openapi_responses import error, success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.errors import InvalidStateError
from audience_mock.core.seeds.export import export_start
from audience_mock.core.worlds.world import World
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["journal"])


class BundleStart(ApiModel):
    now: float = Field(description="Unix seconds.")
    frozen: bool


class Bundle(ApiModel):
    """What `audience-mock replay` plays again. Secrets have aliases, the same one wherever they are."""

    format: int
    versions: dict[str, str] = Field(description="Of Audience Mock and Python.")
    world: str
    settings: dict[str, Any] = Field(description="Those that the world has, its own and the server's.")
    clock: BundleStart = Field(description="The time at which it begins.")
    start: dict[str, Any] = Field(description="What the world held then, as a seed.")
    steps: list[dict[str, Any]] = Field(
        description="Requests with their responses, and changes by the control API, in order."
    )
    missing: dict[str, Any] = Field(
        description="Number of requests at the beginning that the journal has `dropped`, and whether later"
        " ones are missing (`after_limit`)."
    )


_EXAMPLE: dict[str, Any] = {
    "format": 1,
    "versions": {"audience_mock": "0.1.0", "python": "3.13.1"},
    "world": "default",
    "settings": {"build_delay_s": 5.0},
    "clock": {"now": 1795348800.0, "frozen": True},
    "start": {"audiences": []},
    "steps": [],
    "missing": {"dropped": 0, "after_limit": False},
}


def why_not_recorded(world: World) -> str | None:
    """None if the world is recorded."""
    if world.recording is not None:
        off = f"world {world.name} keeps no journal, which a recording needs: set journal_entries"
        return None if world.rules.journal_entries else off
    if world.rules.record:
        return "this world is not recorded: only SQLite can record"
    return _how_to_record(world.name)


def _how_to_record(world: str) -> str:
    return (
        "this world is not recorded: its setting record is off (start the server with --record, or PATCH"
        f' /__admin/worlds/{world} with {{"settings": {{"record": true}}}})'
    )


NOT_RECORDED = error(409, "The world is not recorded", _how_to_record("default"))


@router.get(
    "/bundle",
    operation_id="bundle/get",
    summary="Get a bundle",
    response_model=Bundle,
    responses=success(_EXAMPLE) | NOT_RECORDED,
)
async def get(request: MockRequest) -> RawResponse:
    """Export what this world held at first and everything that was done in it, to be played again. The world
    has to be recorded (`record`)."""
    make = await bundle_maker(request)
    # Seconds for thousands of requests, while others are answered.
    return await asyncio.to_thread(lambda: json_response(make()))


async def bundle_maker(request: MockRequest) -> Callable[[], Any]:
    """Makes the bundle of what the world has recorded so far; may be called in a thread. Raises
    InvalidStateError."""
    from audience_mock.web.bundling import bundle_of, entries_of  # noqa: PLC0415 - few servers need it

    world = request.world
    recording = world.recording
    why = why_not_recorded(world)
    if recording is None or why is not None:
        raise InvalidStateError(str(why))
    state = from_json(await export_start(recording, world))
    del state["clock"]
    entries, providers = entries_of(world, recording), request.context.served.providers
    return lambda: bundle_of(world.name, entries, recording, state, providers)
