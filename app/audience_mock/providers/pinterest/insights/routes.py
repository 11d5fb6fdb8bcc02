"""Audience insights: who the people of an ad account are, and of which audiences that can be asked.

All numbers are invented, by `insights_population`. Chosen: insights are of the day that the world's clock
shows, in UTC.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic_core import to_json

from audience_mock.core.audiences import queries
from audience_mock.core.store.tables import PINTEREST
from audience_mock.providers.pinterest.audiences.schemas import PathId
from audience_mock.providers.pinterest.insights import population
from audience_mock.providers.pinterest.insights.population import Interest
from audience_mock.providers.pinterest.insights.schemas import (
    AudienceDefinitionResponse,
    AudienceInsightsResponse,
    InsightsQuery,
)
from audience_mock.providers.pinterest.openapi_responses import READ_ERRORS, SAME_ACCOUNT, described_error
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

DEFINITIONS = (
    ("ENGAGEMENT", "PARTNER"),
    ("IMPRESSION_PLUS_ENGAGEMENT", "PARTNER"),
    ("IMPRESSION_PLUS_ENGAGEMENT", "PINTEREST"),
)
"""Type and scope of the audiences that can be asked for. Two words of each are described; chosen: the three
are the engaged, the total, and Pinterest's total audience of the insights."""

_BAD_TYPE = described_error(
    "A parameter that does not fit", 1, "Parameter 'audience_insight_type' is required"
)
_BAD_ACCOUNT = described_error(
    "A parameter that does not fit", 1, r"'ad_account_id' value '12x' must match the pattern: ^\d+$"
)
_US = [{"key": "us", "name": "United States", "ratio": 1.0}]
LINKS: Mapping[str, Any] = {
    "audience_insights_scope_and_type/get": {
        "GetFirst": link(
            "audience_insights/get", **SAME_ACCOUNT, audience_insight_type="$response.body#/items/0/type"
        )
    }
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "audience_insights/get": {
        "200": {
            "categories": [
                {
                    "key": "934876475639",
                    "name": "travel",
                    "ratio": 0.551,
                    "index": 1.2,
                    "id": "934876475639",
                    "subcategories": [
                        {
                            "key": "958862518888",
                            "name": "travel destinations",
                            "ratio": 0.482,
                            "index": 1.1,
                            "id": "958862518888",
                        }
                    ],
                }
            ],
            "demographics": {
                "ages": [
                    {"key": "25-34", "name": "25-34", "ratio": 0.6},
                    {"key": "18-24", "name": "18-24", "ratio": 0.4},
                ],
                "genders": [{"key": "female", "name": "female", "ratio": 1.0}],
                "devices": [{"key": "iphone", "name": "iphone", "ratio": 1.0}],
                "metros": [{"key": "501", "name": "New York", "ratio": 0.1}],
                "countries": _US,
            },
            "type": "YOUR_TOTAL_AUDIENCE",
            "date": "2026-11-21",
            "size": 660000,
            "size_is_upper_bound": True,
        }
    },
    "audience_insights_scope_and_type/get": {
        "200": {
            "items": [{"date": "2026-11-21", "type": kind, "scope": scope} for kind, scope in DEFINITIONS]
        }
    },
}
"""Answers by operation and status, for the description."""

router = APIRouter(route_class=PinterestRoute, tags=["audience_insights"])


@router.get(
    "/ad_accounts/{ad_account_id}/audience_insights",
    operation_id="audience_insights/get",
    summary="Get what is known of an ad account's people, or Pinterest's",
    response_model=AudienceInsightsResponse,
    responses=READ_ERRORS | {400: _BAD_TYPE},
    openapi_extra=known_by(DESCRIPTION),
)
async def get(
    request: MockRequest, ad_account_id: PathId, query: Annotated[InsightsQuery, Query()]
) -> RawResponse:
    kind = query.audience_insight_type
    own_people = await request.world.read(queries.people_reached, api=PINTEREST, account=ad_account_id)
    size, is_upper_bound = population.size(ad_account_id, kind, own_people)
    parts = population.demographics(ad_account_id, kind)
    told = {
        "categories": [_category(one) for one in population.interests(ad_account_id, kind)],
        "demographics": {
            group: [
                {"key": part.key, "name": part.name, "ratio": part.per_mille / 1000} for part in parts[group]
            ]
            for group in ("ages", "genders", "devices", "metros", "countries")
        },
        "type": kind,
        "date": _today(request),
        "size": size,
        "size_is_upper_bound": is_upper_bound,
    }
    return response(request, 200, to_json(told))


@router.get(
    "/ad_accounts/{ad_account_id}/insights/audiences",
    operation_id="audience_insights_scope_and_type/get",
    summary="Get the audiences that insights can be asked of",
    response_model=AudienceDefinitionResponse,
    responses=READ_ERRORS | {400: _BAD_ACCOUNT},
    openapi_extra=known_by(
        DESCRIPTION, OURS.says("three items: the engaged, the total, and Pinterest's total audience")
    ),
)
async def get_scope_and_type(request: MockRequest, ad_account_id: PathId) -> RawResponse:
    date = _today(request)
    items = [{"date": date, "type": kind, "scope": scope} for kind, scope in DEFINITIONS]
    return response(request, 200, to_json({"items": items}))


def _today(request: MockRequest) -> str:
    return datetime.fromtimestamp(request.world.clock.now_ms() // 1000, UTC).date().isoformat()


def _category(interest: Interest) -> dict[str, Any]:
    return {**_liked(interest), "subcategories": [_liked(sub) for sub in interest.subcategories]}


def _liked(interest: Interest) -> dict[str, Any]:
    return {
        "key": interest.id,
        "name": interest.name,
        "ratio": interest.per_mille / 1000,
        "index": interest.index_percent / 100,
        "id": interest.id,
    }
