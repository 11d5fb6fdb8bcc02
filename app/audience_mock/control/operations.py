"""/__admin/operations: what is served, and what each part of it rests on."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.errors import response
from audience_mock.control.route import ControlRoute
from audience_mock.web.operations import operations
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["operations"])


class Filter(ApiModel):
    model_config = ConfigDict(extra="forbid")

    provider: Literal["pinterest", "pitchtarget"] | None = None


class Operations(ApiModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "operations": [
                        {
                            "name": "audiences/get",
                            "provider": "pinterest",
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
        description="Each with its paths, rules and errors, and their grades and sources."
    )


@router.get("/operations", operation_id="operations/list", response_model=Operations)
async def list_(request: MockRequest, query: Annotated[Filter, Query()]) -> RawResponse:
    """List the operations of both APIs, or of one, with the evidence for their rules and errors."""
    graded = request.context.served.descriptions()
    wanted = {name: described for name, described in graded.items() if query.provider in (None, name)}
    return response(200, {"operations": operations(wanted)})
