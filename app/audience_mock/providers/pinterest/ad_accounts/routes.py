"""/ad_accounts: create, list, get.

Chosen: an ad account exists as soon as a request names it, and is listed once something describes it or is in
it (`core.audiences.accounts`).
"""

from typing import Annotated

from fastapi import APIRouter, Query

from audience_mock.core.audiences import accounts
from audience_mock.providers.pinterest.ad_accounts import serializers
from audience_mock.providers.pinterest.ad_accounts.schemas import (
    AD_ACCOUNT_EXAMPLE,
    CREATED_EXAMPLE,
    PAGE_EXAMPLE,
    AdAccount,
    AdAccountCreate,
    AdAccountListQuery,
    AdAccountPage,
)
from audience_mock.providers.pinterest.bookmarks import PagedList
from audience_mock.providers.pinterest.openapi_responses import (
    PREFER,
    READ_ERRORS,
    WRITE_ERRORS,
    created,
    error,
    link_to_next_page,
    success,
)
from audience_mock.providers.pinterest.responses import json_response, status_of_create
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.schema_types import PathId
from audience_mock.providers.pinterest.security import ADS_READ, ADS_WRITE
from audience_mock.providers.pinterest.sources import CREATED, NEWEST, OURS, PRODUCTION
from audience_mock.web.openapi import link, operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

router = APIRouter(route_class=PinterestRoute, tags=["ad_accounts"])
_FIRST = {"ad_account_id": "$response.body#/items/0/id"}


_NEW = {"ad_account_id": "$response.body#/id"}


@router.post(
    "/ad_accounts",
    operation_id="ad_accounts/create",
    summary="Create an ad account",
    status_code=201,
    response_model=AdAccount,
    responses=created(
        AdAccount,
        CREATED_EXAMPLE,
        {
            "Get": link("ad_accounts/get", **_NEW),
            "List": link("ad_accounts/list"),
            "ListAudiences": link("audiences/list", **_NEW),
        },
    )
    | WRITE_ERRORS
    | {400: error("An invalid value", 1, "Invalid request: 5 is not of type 'string'")},
    openapi_extra=operation(
        NEWEST,
        PRODUCTION.says("permissions are []"),
        CREATED,
        OURS.says("a token for some ad accounts creates others, and does not see them"),
        security=ADS_WRITE,
        parameters=[PREFER],
    ),
)
async def create(request: MockRequest, body: AdAccountCreate) -> RawResponse:
    values = {
        "name": body.name,
        "owner_id": body.owner_user_id,
        "country": body.country,
        "currency": body.currency,
        "time_zone": body.time_zone,
    }
    account = await request.world.transact(accounts.create, values=values)
    return json_response(request, serializers.created_ad_account(request, account), status_of_create(request))


@router.get(
    "/ad_accounts",
    operation_id="ad_accounts/list",
    summary="List ad accounts",
    response_model=AdAccountPage,
    responses=success(
        PAGE_EXAMPLE,
        links={
            "Next": link_to_next_page("ad_accounts/list", "include_shared_accounts"),
            "GetFirst": link("ad_accounts/get", **_FIRST),
            "ListAudiencesOfFirst": link("audiences/list", **_FIRST),
            "ListInsightsOfFirst": link("audience_insights_scope_and_type/get", **_FIRST),
            "ListCustomerListsOfFirst": link("customer_lists/list", **_FIRST),
        },
    )
    | READ_ERRORS,
    openapi_extra=operation(
        NEWEST,
        OURS.says("those that a seed or a create describes, and those that hold something"),
        security=ADS_READ,
    ),
)
async def list_page(request: MockRequest, query: Annotated[AdAccountListQuery, Query()]) -> RawResponse:
    paged_list = PagedList("ad_accounts/list")
    cursor = paged_list.cursor(query.bookmark)
    page, last_id = await request.world.read(
        accounts.list_page,
        only=request.caller.ad_accounts,
        # A cursor is the last id with a 1 before it, which keeps leading zeros.
        cursor="" if cursor is None else str(cursor)[1:],
        limit=query.page_size,
        with_shared=query.include_shared_accounts,
    )
    items = [serializers.listed_ad_account(request, account) for account in page]
    return json_response(request, paged_list.page(items, None if last_id is None else int(f"1{last_id}")))


@router.get(
    "/ad_accounts/{ad_account_id}",
    operation_id="ad_accounts/get",
    summary="Get an ad account",
    response_model=AdAccount,
    responses=success(AD_ACCOUNT_EXAMPLE) | READ_ERRORS,
    openapi_extra=operation(NEWEST, OURS.says("every ad account exists"), security=ADS_READ),
)
async def get(request: MockRequest, ad_account_id: PathId) -> RawResponse:
    account = await request.world.read(accounts.find, account=ad_account_id)
    return json_response(request, serializers.ad_account(request, account))
