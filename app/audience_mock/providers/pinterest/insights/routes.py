"""Audience insights: who the people of an ad account are, and of which audiences there are insights.

All numbers are invented (`estimates.py`). Chosen: insights are of the current day of the world's clock, in
UTC.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from audience_mock.core.audiences import queries
from audience_mock.providers.pinterest.api import NAME
from audience_mock.providers.pinterest.insights import serializers
from audience_mock.providers.pinterest.insights.schemas import (
    DEFINITIONS_EXAMPLE,
    INSIGHTS_EXAMPLE,
    AudienceDefinitionResponse,
    AudienceInsightsResponse,
    InsightsQuery,
)
from audience_mock.providers.pinterest.openapi_responses import READ_ERRORS, SAME_ACCOUNT, error, success
from audience_mock.providers.pinterest.responses import json_response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.schema_types import PathId
from audience_mock.providers.pinterest.security import ADS_READ
from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.openapi import link, operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

router = APIRouter(route_class=PinterestRoute, tags=["audience_insights"])


@router.get(
    "/ad_accounts/{ad_account_id}/audience_insights",
    operation_id="audience_insights/get",
    summary="Get insights into an ad account's audience, or Pinterest's",
    response_model=AudienceInsightsResponse,
    responses=success(INSIGHTS_EXAMPLE)
    | READ_ERRORS
    | {400: error("An invalid parameter", 1, "Parameter 'audience_insight_type' is required")},
    openapi_extra=operation(DESCRIPTION, security=ADS_READ),
)
async def get(
    request: MockRequest, ad_account_id: PathId, query: Annotated[InsightsQuery, Query()]
) -> RawResponse:
    own_people = await request.world.read(queries.people_reached, api=NAME, account=ad_account_id)
    body = serializers.insights(ad_account_id, query.audience_insight_type, _today(request), own_people)
    return json_response(request, body)


@router.get(
    "/ad_accounts/{ad_account_id}/insights/audiences",
    operation_id="audience_insights_scope_and_type/get",
    summary="List the audiences that have insights",
    response_model=AudienceDefinitionResponse,
    responses=success(
        DEFINITIONS_EXAMPLE,
        links={
            "GetFirst": link(
                "audience_insights/get", **SAME_ACCOUNT, audience_insight_type="$response.body#/items/0/type"
            )
        },
    )
    | READ_ERRORS
    | {400: error("An invalid parameter", 1, r"'ad_account_id' value '12x' must match the pattern: ^\d+$")},
    openapi_extra=operation(
        DESCRIPTION,
        OURS.says("three items: the engaged, the total, and Pinterest's total audience"),
        security=ADS_READ,
    ),
)
async def get_scope_and_type(request: MockRequest, ad_account_id: PathId) -> RawResponse:
    return json_response(request, serializers.definitions(_today(request)))


def _today(request: MockRequest) -> str:
    return datetime.fromtimestamp(request.world.clock.now_ms() // 1000, UTC).date().isoformat()
