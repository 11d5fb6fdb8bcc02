"""/ad_accounts: which there are, and one of them.

Chosen throughout, after the AdAccount of Pinterest's description: an ad account is there as soon as somebody
names it, belongs to one owner, and is as old as the first audience or customer list in it.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field
from pydantic_core import to_json

from audience_mock.core.audiences import accounts
from audience_mock.core.audiences.accounts import Account
from audience_mock.core.store.tables import PINTEREST
from audience_mock.providers.pinterest import bookmarks
from audience_mock.providers.pinterest.audiences.schemas import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    Digits,
    PathId,
    numeric,
)
from audience_mock.providers.pinterest.errors import InvalidRequest
from audience_mock.providers.pinterest.openapi_responses import described_error, link_to_next_page
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.sources import NEWEST, OURS
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel


class Owner(ApiModel):
    username: str
    id: Digits


class AdAccount(ApiModel):
    id: Digits
    name: str
    owner: Owner
    country: str
    currency: str
    permissions: list[str]
    created_time: int
    updated_time: int


class AdAccountPage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[AdAccount]
    bookmark: str | None


class AdAccountListQuery(ApiModel):
    bookmark: Annotated[str | None, NEWEST] = None
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE), BeforeValidator(numeric), NEWEST] = (
        DEFAULT_PAGE_SIZE
    )
    include_shared_accounts: Annotated[bool, NEWEST] = Field(
        default=True, description="Ignored: nobody shares a whole account."
    )


_OWNER = {"username": "audience_mock", "id": "549755885100"}
_EXAMPLE = {
    "id": "549755885175",
    "name": "Ad account 549755885175",
    "owner": _OWNER,
    "country": "US",
    "currency": "USD",
    "permissions": ["OWNER"],
    "created_time": 1795305607,
    "updated_time": 1795305607,
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "ad_accounts/list": {"200": {"items": [_EXAMPLE], "bookmark": None}},
    "ad_accounts/get": {"200": _EXAMPLE},
}
_FIRST = {"ad_account_id": "$response.body#/items/0/id"}
LINKS: Mapping[str, Any] = {
    "ad_accounts/list": {
        "Next": link_to_next_page("ad_accounts/list", "", "include_shared_accounts"),
        "GetFirst": link("ad_accounts/get", **_FIRST),
        "ListAudiencesOfFirst": link("audiences/list", **_FIRST),
        "ListInsightsOfFirst": link("audience_insights_scope_and_type/get", **_FIRST),
        "ListCustomerListsOfFirst": link("customer_lists/list", **_FIRST),
    }
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: described_error(
        "A parameter that does not fit", 1, "Parameter 'page_size' was not numeric (was 3e)"
    ),
    401: described_error("No token", 2, "Authentication failed.", status="failure"),
}

router = APIRouter(route_class=PinterestRoute, tags=["ad_accounts"])


def to_wire(account: Account) -> dict[str, Any]:
    return _EXAMPLE | {
        "id": account.id,
        "name": f"Ad account {account.id}",
        "created_time": account.created_at_ms // 1000,
        "updated_time": account.updated_at_ms // 1000,
    }


@router.get(
    "/ad_accounts",
    operation_id="ad_accounts/list",
    summary="List ad accounts",
    response_model=AdAccountPage,
    responses=_ERRORS,
    openapi_extra=known_by(NEWEST, OURS.says("an ad account is there as soon as somebody names it")),
)
async def list_page(request: MockRequest, query: Annotated[AdAccountListQuery, Query()]) -> RawResponse:
    after = ""
    if query.bookmark is not None:
        try:
            # The one in front keeps leading zeros.
            after = str(bookmarks.read(query.bookmark, "ad_accounts/list"))[1:]
        except ValueError:
            raise InvalidRequest("'bookmark' is not one that this list gave") from None
    page, more = await request.world.read(
        accounts.list_page,
        api=PINTEREST,
        only=request.caller.ad_accounts,
        cursor=after,
        limit=query.page_size,
    )
    bookmark = None if more is None else bookmarks.make(int(f"1{more}"), "ad_accounts/list")
    return response(request, 200, to_json({"items": [to_wire(one) for one in page], "bookmark": bookmark}))


@router.get(
    "/ad_accounts/{ad_account_id}",
    operation_id="ad_accounts/get",
    summary="Get an ad account",
    response_model=AdAccount,
    responses=_ERRORS,
    openapi_extra=known_by(NEWEST, OURS.says("any ad account is there")),
)
async def get(request: MockRequest, ad_account_id: PathId) -> RawResponse:
    account = await request.world.read(accounts.find, api=PINTEREST, account=ad_account_id)
    return response(request, 200, to_json(to_wire(account)))
