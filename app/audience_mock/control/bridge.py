"""/__admin/bridge: what a move of a world's audiences to another API keeps, changes and loses.

The rows are read in steps, and what follows works on them alone: in a thread, as other requests are answered
meanwhile. 20,000 audiences take half a second.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.errors import invalid_input
from audience_mock.control.openapi_responses import EXPORT_TOO_LARGE, success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.control.state import State
from audience_mock.core.seeds.diff import in_short
from audience_mock.core.seeds.export import copy_of, in_full, in_steps
from audience_mock.core.seeds.rows import WriteLarge, rows
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

if TYPE_CHECKING:
    from audience_mock.web.bridge import Bridge, Move

router = APIRouter(route_class=ControlRoute, prefix="/__admin/bridge", tags=["bridge"])

MAX_LIMIT = 10_000

Outcome = Literal["kept", "changed", "lost"]


class BridgeQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    source: str | None = Field(
        default=None, description="API to move from; without it, the one that is served at the root."
    )
    target: str | None = Field(default=None, description="API to move to; without it, the other one.")


class BridgeReportQuery(BridgeQuery):
    limit: int = Field(
        default=100, ge=0, le=MAX_LIMIT, description="Audiences at most in `items`; all are counted."
    )


class _Known(ApiModel):
    why: str
    grade: str = Field(description="Evidence: recorded, documented, inferred or invented.")
    source: str


class BridgeLoss(_Known):
    field: str
    outcome: Outcome
    to: str = Field(description="Its name in the target API; empty if it is lost.")
    when: str = Field(description="Condition of the rule; empty for always.")
    audiences: int = Field(description="Number of audiences that it concerns.")


class BridgeRest(_Known):
    section: str = Field(description="Section of a seed.")
    rows: int


class BridgeField(_Known):
    field: str = Field(description="In the terms of no API.")
    from_: str = Field(alias="from", description="Its name in the source API; empty if it is in no answer.")
    to: str
    outcome: Outcome
    value: Any = Field(description="Users are shown as their number and SHA-256.")
    becomes: Any


class BridgeNeed(_Known):
    name: str = Field(description="What the target API requires and this world cannot say.")


class BridgeTarget(ApiModel):
    id: str
    kind: str


class BridgeItem(ApiModel):
    id: str
    account: str
    name: str
    kind: str
    becomes: BridgeTarget | None = Field(description="Null if the audience is not moved.")
    fields: list[BridgeField]
    needs: list[BridgeNeed]


class BridgeReport(ApiModel):
    source: str
    target: str
    audiences: dict[Literal["moved", "lost"], int]
    fields: dict[Outcome, int]
    losses: list[BridgeLoss] = Field(description="What the move changes or loses, by rule.")
    not_moved: list[BridgeRest] = Field(description="Rows that are no audiences, and are the source's alone.")
    items: list[BridgeItem]


_EXAMPLE = {
    "source": "pitchtarget",
    "target": "pinterest",
    "audiences": {"moved": 1, "lost": 0},
    "fields": {"kept": 1, "changed": 0, "lost": 1},
    "losses": [
        {
            "field": "opt_out_link",
            "outcome": "lost",
            "to": "",
            "when": "",
            "why": "no key has it",
            "grade": "documented",
            "source": "description 5.23",
            "audiences": 1,
        }
    ],
    "not_moved": [],
    "items": [
        {
            "id": "54",
            "account": "2",
            "name": "Spending users",
            "kind": "CUSTOM",
            "becomes": {"id": "2542623499806", "kind": "CUSTOMER_LIST"},
            "fields": [
                {
                    "field": "name",
                    "from": "name",
                    "to": "name",
                    "outcome": "kept",
                    "value": "Spending users",
                    "becomes": "Spending users",
                    "why": "text",
                    "grade": "documented",
                    "source": "description 5.23",
                },
                {
                    "field": "opt_out_link",
                    "from": "opt_out_link",
                    "to": "",
                    "outcome": "lost",
                    "value": "http://www.myshop.com/opt_out",
                    "becomes": None,
                    "why": "no key has it",
                    "grade": "documented",
                    "source": "description 5.23",
                },
            ],
            "needs": [],
        }
    ],
}


@router.get(
    "",
    operation_id="bridge/get",
    summary="Report on a move to the other API",
    response_model=BridgeReport,
    responses=success(_EXAMPLE) | EXPORT_TOO_LARGE,
)
async def get(request: MockRequest, query: Annotated[BridgeReportQuery, Query()]) -> RawResponse:
    """Say what a move of this world's audiences from one API to another keeps, changes and loses, and why.
    Nothing is moved."""
    from audience_mock.web.bridge_report import report  # noqa: PLC0415 - few ask for it

    bridges = _bridges(request)
    of_world = await _mover(request, query, bridges, in_short)
    return await asyncio.to_thread(lambda: json_response(report(of_world(), bridges, limit=query.limit)))


@router.get(
    "/seed",
    operation_id="bridge/seed",
    summary="Export the moved audiences as a seed",
    response_model=State,
    responses=success({"audiences": []}) | EXPORT_TOO_LARGE,
)
async def seed(request: MockRequest, query: Annotated[BridgeQuery, Query()]) -> RawResponse:
    """The audiences that a move keeps, with their users, as the other API has them: a seed for an empty
    world."""
    of_world = await _mover(request, query, _bridges(request), in_full)
    return await asyncio.to_thread(lambda: json_response(of_world().seed()))


def _bridges(request: MockRequest) -> "Mapping[str, Bridge]":
    served = request.context.served.providers
    return {name: each.bridge() for name, each in served.items() if each.bridge is not None}


async def _mover(
    request: MockRequest, query: BridgeQuery, bridges: "Mapping[str, Bridge]", large: WriteLarge
) -> "Callable[[], Move]":
    """Makes the move of the rows that the world has now. Raises InvalidInputError for other APIs."""
    from audience_mock.web.bridge import Move  # noqa: PLC0415 - few ask for it

    served = request.context.served.providers
    root = next((name for name in bridges if served[name].is_default), next(iter(bridges), ""))
    source = query.source or root
    target = query.target or next((name for name in bridges if name != source), "")
    for name, given in (("source", source), ("target", target)):
        if given not in bridges:
            raise invalid_input((name,), f"must be one of {', '.join(map(repr, bridges))}", given, "query")
    if source == target:
        raise invalid_input(("target",), "must be another API than source", target, "query")
    async with copy_of(request.world) as (tx, _):
        found = [row async for row in in_steps(rows(tx, large))]
    return lambda: Move(found, source=source, target=target, bridges=bridges)
