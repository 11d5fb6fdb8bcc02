"""/__admin/state, /__admin/seed and /__admin/reset: what a world holds, in the format of seed files."""

from typing import Any, Literal, get_origin

from fastapi import APIRouter
from pydantic import ConfigDict, FailFast, Field

from audience_mock.control.openapi_responses import EXPORT_TOO_LARGE, error, success
from audience_mock.control.responses import empty_response, json_response, raw_json_response
from audience_mock.control.route import ControlRoute
from audience_mock.control.seed_bodies import parse_in_slices
from audience_mock.core.seeds.apply import apply_seed, import_seed
from audience_mock.core.seeds.export import export_state
from audience_mock.core.seeds.schemas import Seed
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["state"])


LARGE_BYTES = 1 << 17
"""Of a seed that is imported beside the event loop: 800 audiences, which take 10 ms. Chosen."""


class SeedRoute(ControlRoute):
    max_body_bytes = 256 << 20
    """A state of a hundred thousand audiences is 30 MB. Chosen."""
    max_containers = 10_000_000
    parse = staticmethod(parse_in_slices)


seed_router = APIRouter(route_class=SeedRoute, prefix="/__admin", tags=["state"])


class State(Seed):
    """All that a world holds, or a part of it: the format of seed files."""

    # Seed defers its build; FastAPI cannot describe a model that is not built yet.
    model_config = ConfigDict(
        defer_build=False,
        json_schema_extra={
            "examples": [
                {
                    "audiences": [
                        {
                            "api": "pinterest",
                            "account": "549755885175",
                            "kind": "ENGAGEMENT",
                            "name": "Saved a pin",
                            "people": 48210,
                        }
                    ]
                }
            ]
        },
    )


# An error reports the first invalid row only: details of a million rows would take gigabytes.
for _section in State.model_fields.values():
    if get_origin(_section.annotation) is list:
        _section.metadata.append(FailFast())
State.model_rebuild(force=True)


class SeedResult(ApiModel):
    counts: dict[str, int] = Field(description="Number of rows that were added, by section.")
    ids: dict[str, list[str]] = Field(
        description="Ids of `audiences`, `customer_lists` and `customer_list_uploads`, in the order sent."
    )


class Reset(ApiModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": "seed"}]})

    to: Literal["seed", "empty"] = Field(
        default="seed", description="`seed`: the seed of the server. `empty`: no data."
    )


@router.get(
    "/state",
    operation_id="state/get",
    summary="Export the state",
    response_model=State,
    responses=success(
        {
            "audiences": [
                {
                    "api": "pinterest",
                    "id": "2542623499806",
                    "account": "549755885175",
                    "kind": "VISITOR",
                    "name": "Buyers",
                }
            ]
        }
    )
    | EXPORT_TOO_LARGE,
)
async def get(request: MockRequest) -> RawResponse:
    """Export this world as a seed: an empty world that is seeded with it answers the same. Settings and
    snapshots are not part of it; tokens are exported as digests."""
    return raw_json_response(await export_state(request.world))


@seed_router.post(
    "/seed",
    operation_id="state/seed",
    summary="Import a seed",
    response_model=SeedResult,
    responses=success({"counts": {"audiences": 1}, "ids": {"audiences": ["2542623499806"]}})
    | error(
        409,
        "An id is already in use",
        "audiences.0.id: the world has a Pinterest audience 2542623499806 already",
        "audiences.0.id",
    ),
)
async def seed(request: MockRequest, body: State) -> RawResponse:
    """Add all of a seed to this world, or nothing. A later reset goes back to the seed of the server; to
    replace the data, reset to `empty` first."""
    is_large = len(request.raw_body or b"") > LARGE_BYTES
    applied = await import_seed(request.world, body) if is_large else apply_seed(request.world, body)
    return json_response({"counts": applied.counts, "ids": applied.ids})


@router.get(
    "/seed/demo",
    operation_id="state/demo",
    summary="Get the demo seed",
    response_model=dict[str, Any],
    responses=success({"audiences": []}),
)
async def get_demo(request: MockRequest) -> RawResponse:
    """Show the seed that `--seed demo` loads, to be imported by `POST /__admin/seed`."""
    return raw_json_response(request.context.served.demo_seed())


@router.post("/reset", operation_id="state/reset", summary="Reset a world", status_code=204)
async def reset(request: MockRequest, body: Reset) -> RawResponse:
    """Restore the data, ids, clock and counters that this world started with. Settings and snapshots stay."""
    await request.worlds.reset_beside(request.world, body.to)
    return empty_response()
