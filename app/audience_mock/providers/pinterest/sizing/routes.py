"""Audience sizing of ad groups: the one operation of the family that also works in Pinterest's own sandbox.

The numbers are invented (`estimates.py`). Not reproduced: that LOCATION or GEO is required (the prose says
so, the schema does not); which places, languages and interests exist; product groups, of which a world holds
none, so any is accepted.
"""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter

from audience_mock.core.audiences import sharing
from audience_mock.core.audiences.lifecycle import READY_PEOPLE, size_at
from audience_mock.providers.pinterest.api import NAME
from audience_mock.providers.pinterest.errors import NoAccessError
from audience_mock.providers.pinterest.openapi_responses import WRITE_ERRORS, error, success
from audience_mock.providers.pinterest.responses import json_response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.schema_types import PathId, audience_number
from audience_mock.providers.pinterest.security import ADS_READ
from audience_mock.providers.pinterest.sizing import serializers
from audience_mock.providers.pinterest.sizing.estimates import bounds, people_reached
from audience_mock.providers.pinterest.sizing.schemas import (
    SIZING_EXAMPLE,
    AdGroupAudienceSizingRequest,
    AdGroupAudienceSizingResponse,
    TargetingSpec,
)
from audience_mock.providers.pinterest.sources import DESCRIPTION
from audience_mock.web.openapi import operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

NO_ACCESS = "You don't have access to the requested audience list or product group."
"""The description's message for an audience that the ad account neither owns nor received."""

router = APIRouter(route_class=PinterestRoute, tags=["ad_groups"])


@router.post(
    "/ad_accounts/{ad_account_id}/ad_groups/audience_sizing",
    operation_id="ad_groups/audience_sizing",
    summary="Estimate how many people an ad group may reach",
    response_model=AdGroupAudienceSizingResponse,
    responses=success(SIZING_EXAMPLE)
    | WRITE_ERRORS
    | {
        400: error(
            "An invalid value",
            1,
            "Invalid request: 'MALE' is not one of ['unknown', 'male', 'female']",
        ),
        403: error("An audience that the ad account does not have", 29, NO_ACCESS),
    },
    openapi_extra=operation(DESCRIPTION, security=ADS_READ),
)
async def audience_sizing(
    request: MockRequest, ad_account_id: PathId, body: AdGroupAudienceSizingRequest
) -> RawResponse:
    spec = body.targeting_spec or TargetingSpec()
    include, exclude = _numbers(spec.AUDIENCE_INCLUDE), _numbers(spec.AUDIENCE_EXCLUDE)
    sizes = await _sizes(request, ad_account_id, include | exclude)
    people = people_reached(
        body,
        included=_usable(sizes, include) if include else None,
        excluded=_usable(sizes, exclude),
    )
    return json_response(request, serializers.audience_size(*bounds(people)))


async def _sizes(request: MockRequest, ad_account_id: str, numbers: set[int]) -> Mapping[int, int]:
    """People in each audience by its number. Raises NoAccessError."""
    if not numbers:
        return {}
    rows = await request.world.read(
        sharing.find_all_visible, api=NAME, account=ad_account_id, numbers=sorted(numbers)
    )
    now_ms = request.world.clock.now_ms()
    sizes = {row.number: size_at(row, now_ms) for row in rows}
    if sizes.keys() != numbers:
        raise NoAccessError(NO_ACCESS)
    return sizes


def _numbers(ids: Sequence[str] | None) -> set[int]:
    return {audience_number(id) for id in ids or ()}


def _usable(sizes: Mapping[int, int], numbers: set[int]) -> int:
    """People in audiences that are big enough to be used (described: 100); others count as empty (chosen)."""
    return sum(sizes[number] for number in numbers if sizes[number] >= READY_PEOPLE)
