"""/__admin/operations: what is served, and what each part of it rests on."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.errors import answer
from audience_mock.control.routes import ControlRoute
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.operations import operations
from audience_mock.transport.wire import WireModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["operations"])


class Filter(WireModel):
    model_config = ConfigDict(extra="forbid")

    dialect: Literal["pinterest", "pitchtarget"] | None = None


class Operations(WireModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "operations": [
                        {
                            "name": "audiences/get",
                            "dialect": "pinterest",
                            "method": "GET",
                            "paths": ["/v5/ad_accounts/{ad_account_id}/audiences/{audience_id}"],
                            "grade": "recorded",
                            "source": "production, July 2026",
                            "rules": [],
                            "errors": [],
                        }
                    ]
                }
            ]
        }
    )

    operations: list[dict[str, Any]] = Field(
        description="By operation: its paths, its rules and errors, each with its grade and source."
    )


@router.get("/operations", operation_id="operations/list", response_model=Operations)
async def list_(call: Call, query: Annotated[Filter, Query()]) -> Answer:
    """The operations of both doubles, or of one, with the evidence for each, its rules and its errors."""
    graded: dict[str, Any] = call.scope["graded"]()
    wanted = {name: described for name, described in graded.items() if query.dialect in (None, name)}
    return answer(200, {"operations": operations(wanted)})
