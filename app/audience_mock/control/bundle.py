"""/__admin/bundle: everything that is needed to play a world's requests again."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field
from pydantic_core import from_json

from audience_mock.control.openapi_responses import error, success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.errors import InvalidStateError
from audience_mock.core.seeds.export import export_start
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


@router.get(
    "/bundle",
    operation_id="bundle/get",
    summary="Get a bundle",
    response_model=Bundle,
    responses=success(_EXAMPLE)
    | error(409, "The world is not recorded", "this world is not recorded: its setting record is off"),
)
async def get(request: MockRequest) -> RawResponse:
    """Export what this world held at first and everything that was done in it, to be played again. The world
    has to be recorded (`record`)."""
    from audience_mock.web.bundling import bundle_of, entries_of  # noqa: PLC0415 - few servers need it

    world = request.world
    recording = world.recording
    if recording is None:
        off = "its setting record is off"
        why = "only SQLite can record" if world.rules.record else off
        raise InvalidStateError(f"this world is not recorded: {why}")
    state = from_json(await export_start(recording, world))
    del state["clock"]
    entries, providers = entries_of(world, recording), request.context.served.providers
    # Seconds for thousands of requests, while others are answered.
    return await request.context.served.report(
        lambda: json_response(bundle_of(world.name, entries, recording, state, providers))
    )
