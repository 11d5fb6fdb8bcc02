"""/__admin/worlds/{world}/diff/{other}: the differences of two worlds."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.openapi_responses import EXPORT_TOO_LARGE, NO_WORLD, success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ServerRoute
from audience_mock.core.seeds.diff import diff_worlds
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ServerRoute, prefix="/__admin/worlds", tags=["worlds"])


class DiffQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    by: Literal["id", "content"] = Field(
        default="id",
        description="What makes two rows the same: their `id`; or their `content`, whatever ids and times"
        " they have, as two runs of one client differ lawfully. Tokens and counters are not compared then.",
    )


class SectionDiff(ApiModel):
    """The difference of one section. A null field is missing or has its default."""

    counts: dict[str, int] = Field(description="Number of rows of each kind below.")
    added: list[dict[str, Any]] | None = Field(default=None, description="The first 100.")
    removed: list[dict[str, Any]] | None = Field(default=None, description="The first 100.")
    duplicated: list[dict[str, Any]] | None = Field(
        default=None, description="By content: the first 100 that the first world has fewer times."
    )
    lost: list[dict[str, Any]] | None = Field(
        default=None, description="By content: the first 100 that the first world has more often."
    )
    changed: list[dict[str, Any]] | None = Field(
        default=None,
        description="The first 100: what identifies the row, and its `fields`, each `from` and `to`.",
    )


_DIFF_EXAMPLE = {
    "audiences": {
        "counts": {"changed": 1},
        "changed": [
            {
                "api": "pinterest",
                "id": "2542623499806",
                "fields": {"name": {"from": "Buyers", "to": "Savers"}},
            }
        ],
    }
}


@router.get(
    "/{world}/diff/{other}",
    operation_id="worlds/diff",
    summary="Compare two worlds",
    response_model=dict[str, SectionDiff],
    responses=success(_DIFF_EXAMPLE) | NO_WORLD | EXPORT_TOO_LARGE,
)
async def diff(
    request: MockRequest, world: str, other: str, query: Annotated[DiffQuery, Query()]
) -> RawResponse:
    """Show the differences of two worlds by section; `{}` if they hold the same data."""
    before, after = request.worlds.find(world), request.worlds.find(other)
    if query.by == "id":
        return json_response(await diff_worlds(before, after))
    from audience_mock.core.seeds.content_diff import diff_contents  # noqa: PLC0415 - few servers need it

    return json_response(await diff_contents(before, after))
