"""Audience sizing of ad groups: the one operation of the family that also works in Pinterest's own sandbox.

The numbers are invented, by `sizing_population`. Not reproduced: that LOCATION or GEO must be there (the
prose says so, the schema does not); which places, languages and interests exist; product groups, of which a
world holds none, so any is taken.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from pydantic_core import to_json

from audience_mock.core.audiences import sharing
from audience_mock.core.audiences.lifecycle import READY_PEOPLE, size_at
from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.tables import PINTEREST
from audience_mock.providers.pinterest.audiences.schemas import PathId
from audience_mock.providers.pinterest.errors import NoAccess
from audience_mock.providers.pinterest.openapi_responses import WRITE_ERRORS, described_error
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.sizing.population import bounds, people_reached
from audience_mock.providers.pinterest.sizing.schemas import (
    AdGroupAudienceSizingRequest,
    AdGroupAudienceSizingResponse,
    TargetingSpec,
)
from audience_mock.providers.pinterest.sources import DESCRIPTION
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

NO_ACCESS = "You don't have access to the requested audience list or product group."
"""The description's words for an audience that the ad account neither owns nor received."""

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "ad_groups/audience_sizing": {
        "200": {"audience_size_lower_bound": 1_400_000, "audience_size_upper_bound": 2_200_000}
    }
}
"""Answers by operation and status, for the description."""

router = APIRouter(route_class=PinterestRoute, tags=["ad_groups"])
_BAD_BODY = described_error(
    "A value that does not fit", 1, "Invalid request: 'MALE' is not one of ['unknown', 'male', 'female']"
)


@router.post(
    "/ad_accounts/{ad_account_id}/ad_groups/audience_sizing",
    operation_id="ad_groups/audience_sizing",
    summary="Estimate how many people an ad group may reach",
    response_model=AdGroupAudienceSizingResponse,
    responses=WRITE_ERRORS
    | {
        400: _BAD_BODY,
        403: described_error("An audience that the ad account does not have", 29, NO_ACCESS),
    },
    openapi_extra=known_by(DESCRIPTION),
)
async def audience_sizing(
    request: MockRequest, ad_account_id: PathId, body: AdGroupAudienceSizingRequest
) -> RawResponse:
    spec = body.targeting_spec or TargetingSpec()
    include, exclude = _numbers(spec.AUDIENCE_INCLUDE), _numbers(spec.AUDIENCE_EXCLUDE)
    found: Sequence[AudienceRow] = ()
    if include or exclude:
        found = await request.world.read(
            sharing.find_all_visible,
            api=PINTEREST,
            account=ad_account_id,
            numbers=sorted(include | exclude),
        )
    now_ms = request.world.clock.now_ms()
    people = {row.number: size_at(row, now_ms) for row in found}
    if people.keys() != include | exclude:
        raise NoAccess(NO_ACCESS)
    lower, upper = bounds(
        people_reached(
            body,
            included=_usable(people, include) if include else None,
            excluded=_usable(people, exclude),
        )
    )
    told = {"audience_size_lower_bound": lower, "audience_size_upper_bound": upper}
    return response(request, 200, to_json(told))


def _numbers(ids: Sequence[str] | None) -> set[int]:
    return {int(id) if len(id) <= 18 else MAX_NUMBER + 1 for id in ids or ()}


def _usable(people: Mapping[int, int], numbers: set[int]) -> int:
    """People in audiences that are big enough to be used (described: 100); others count as empty (chosen)."""
    return sum(people[number] for number in numbers if people[number] >= READY_PEOPLE)
