"""/__admin/operations: what is served, and the evidence for it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ServerRoute
from audience_mock.core.apis import ApiName
from audience_mock.web.operations import list_operations
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ServerRoute, prefix="/__admin", tags=["operations"])


class OperationsQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    provider: ApiName | None = None


class Operations(ApiModel):
    operations: list[dict[str, Any]] = Field(
        description="Each with its paths, rules and errors, and their grades and sources."
    )


_EXAMPLE = {
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


@router.get(
    "/operations",
    operation_id="operations/list",
    summary="List operations",
    response_model=Operations,
    responses=success(_EXAMPLE),
)
async def list_all(request: MockRequest, query: Annotated[OperationsQuery, Query()]) -> RawResponse:
    """List the operations of both APIs, or of one, with the evidence for their rules and errors."""

    def listed() -> RawResponse:
        described = request.context.served.descriptions()
        wanted = {name: one for name, one in described.items() if query.provider in (None, name)}
        return json_response({"operations": list_operations(wanted)})

    # The first time, the descriptions are made, which takes 0.4 seconds.
    return await request.context.served.report(listed)
