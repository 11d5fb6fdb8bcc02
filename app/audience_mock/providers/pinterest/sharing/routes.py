"""Sharing of audiences between ad accounts and businesses: four updates, three lists.

Chosen, since nothing is published: a request has 1 to 100 recipients; an audience that is not the sharer's is
not found; sharing it once more with the same recipient changes nothing; the response names each recipient
once. Not reproduced: that owner and recipient must be of one business hierarchy, and that these operations
are not open to every app.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from audience_mock.core.audiences import sharing
from audience_mock.core.store.tables import ACCOUNT, BUSINESS
from audience_mock.providers.pinterest.api import NAME
from audience_mock.providers.pinterest.audiences.schemas import PAGE_EXAMPLE, ReceivedAudiencePage
from audience_mock.providers.pinterest.audiences.serializers import received_audiences
from audience_mock.providers.pinterest.bookmarks import PagedList
from audience_mock.providers.pinterest.openapi_responses import (
    AUDIENCE_NOT_FOUND,
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    error,
    link_to_next_page,
    success,
)
from audience_mock.providers.pinterest.responses import json_response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.schema_types import PageQuery, PathId, audience_number
from audience_mock.providers.pinterest.security import ADS_READ, ADS_WRITE, BUSINESS_READ, BUSINESS_WRITE
from audience_mock.providers.pinterest.sharing import serializers
from audience_mock.providers.pinterest.sharing.schemas import (
    ACCOUNTS_EXAMPLE,
    BUSINESSES_EXAMPLE,
    RECIPIENT_KINDS,
    RECIPIENTS_EXAMPLE,
    BusinessId,
    BusinessSharedAudience,
    BusinessSharedAudienceResponse,
    SharedAccountsPage,
    SharedAccountsQuery,
    SharedAudience,
    SharedAudienceResponse,
    SharingUpdate,
)
from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.openapi import link, operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

router = APIRouter(route_class=PinterestRoute, tags=["audience_sharing"])
_OF_ACCOUNT = "/ad_accounts/{ad_account_id}/audiences"
_OF_BUSINESS = "/businesses/{business_id}/audiences"

_ONCE = OURS.says("each recipient once, and at most 100")
_LIST_ERRORS = READ_ERRORS | AUDIENCE_NOT_FOUND
_UPDATE_ERRORS = (
    WRITE_ERRORS
    | AUDIENCE_NOT_FOUND
    | {400: error("An invalid value", 1, "Invalid request: 'audience_id' is a required property")}
)

_SAME_BUSINESS = {"business_id": "$request.path.business_id"}
_FIRST = {"audience_id": "$response.body#/items/0/id"}
_SHARED = "$response.body#/audience_id"
_ACCOUNT_RECIPIENT = "$response.body#/recipient_account_ids/0"
_BUSINESS_RECIPIENT = "$response.body#/recipient_business_ids/0"
_LIST_RECEIVED_BY_ACCOUNT = link(
    "audiences/list", ad_account_id=_ACCOUNT_RECIPIENT, ownership_type="RECEIVED"
)
_LIST_RECEIVED_BY_BUSINESS = link("shared_audiences_for_business/list", business_id=_BUSINESS_RECIPIENT)
_LIST_RECIPIENTS_OF_ACCOUNT = link(
    "ad_accounts_audiences_shared_accounts/list", **SAME_ACCOUNT, audience_id=_SHARED
)


@router.get(
    _OF_ACCOUNT + "/shared/accounts",
    operation_id="ad_accounts_audiences_shared_accounts/list",
    summary="List the recipients of an ad account's audience",
    response_model=SharedAccountsPage,
    responses=success(
        RECIPIENTS_EXAMPLE,
        links={
            "Next": link_to_next_page(
                "ad_accounts_audiences_shared_accounts/list",
                "audience_id",
                "account_type",
                path="ad_account_id",
            )
        },
    )
    | _LIST_ERRORS,
    openapi_extra=operation(DESCRIPTION, security=ADS_READ),
)
async def list_recipients_of_ad_account(
    request: MockRequest, ad_account_id: PathId, query: Annotated[SharedAccountsQuery, Query()]
) -> RawResponse:
    return await _list_recipients(request, ACCOUNT, ad_account_id, query)


@router.get(
    _OF_BUSINESS + "/shared/accounts",
    operation_id="business_account_audiences_shared_accounts/list",
    summary="List the recipients of an audience that a business owns or received",
    response_model=SharedAccountsPage,
    responses=success(
        RECIPIENTS_EXAMPLE,
        links={
            "Next": link_to_next_page(
                "business_account_audiences_shared_accounts/list",
                "audience_id",
                "account_type",
                path="business_id",
            )
        },
    )
    | _LIST_ERRORS,
    openapi_extra=operation(DESCRIPTION, security=BUSINESS_READ),
)
async def list_recipients_of_business(
    request: MockRequest, business_id: BusinessId, query: Annotated[SharedAccountsQuery, Query()]
) -> RawResponse:
    return await _list_recipients(request, BUSINESS, business_id, query)


@router.get(
    _OF_BUSINESS,
    operation_id="shared_audiences_for_business/list",
    summary="List the audiences that a business received",
    response_model=ReceivedAudiencePage,
    responses=success(
        PAGE_EXAMPLE,
        links={
            "Next": link_to_next_page("shared_audiences_for_business/list", "order", path="business_id"),
            "ShareFirst": link("update_business_to_ad_account_shared_audience", _FIRST, **_SAME_BUSINESS),
            "ListRecipientsOfFirst": link(
                "business_account_audiences_shared_accounts/list", **_SAME_BUSINESS, **_FIRST
            ),
        },
    )
    | READ_ERRORS,
    openapi_extra=operation(DESCRIPTION, DESCRIPTION.says("in the order of ids"), security=BUSINESS_READ),
)
async def list_received(
    request: MockRequest, business_id: BusinessId, query: Annotated[PageQuery, Query()]
) -> RawResponse:
    paged_list = PagedList("shared_audiences_for_business/list", business_id, query.order)
    rows, next_cursor = await request.world.read(
        sharing.list_received,
        api=NAME,
        kind=BUSINESS,
        recipient=business_id,
        cursor=paged_list.cursor(query.bookmark),
        limit=query.page_size,
        descending=query.descending,
        by_number=True,  # as described; those of an ad account come by the time of sharing
    )
    return json_response(request, paged_list.page(received_audiences(request, rows), next_cursor))


@router.patch(
    _OF_ACCOUNT + "/ad_accounts/shared",
    operation_id="update_ad_account_to_ad_account_shared_audience",
    summary="Share an audience of an ad account with other ad accounts, or stop sharing it",
    response_model=SharedAudienceResponse,
    responses=success(
        ACCOUNTS_EXAMPLE,
        links={
            "ListReceived": _LIST_RECEIVED_BY_ACCOUNT,
            "GetReceived": link("audiences/get", ad_account_id=_ACCOUNT_RECIPIENT, audience_id=_SHARED),
            "ListRecipients": _LIST_RECIPIENTS_OF_ACCOUNT,
        },
    )
    | _UPDATE_ERRORS,
    openapi_extra=operation(DESCRIPTION, _ONCE, security=ADS_WRITE),
)
async def ad_account_to_ad_accounts(
    request: MockRequest, ad_account_id: PathId, body: SharedAudience
) -> RawResponse:
    return await _update(request, ACCOUNT, ad_account_id, body)


@router.patch(
    _OF_ACCOUNT + "/businesses/shared",
    operation_id="update_ad_account_to_business_shared_audience",
    summary="Share an audience of an ad account with businesses, or stop sharing it",
    response_model=BusinessSharedAudienceResponse,
    responses=success(
        BUSINESSES_EXAMPLE,
        links={
            "ListReceived": _LIST_RECEIVED_BY_BUSINESS,
            "ShareOn": link(
                "update_business_to_ad_account_shared_audience",
                {"audience_id": _SHARED},
                business_id=_BUSINESS_RECIPIENT,
            ),
            "ListRecipients": _LIST_RECIPIENTS_OF_ACCOUNT,
        },
    )
    | _UPDATE_ERRORS,
    openapi_extra=operation(DESCRIPTION, _ONCE, security=ADS_WRITE),
)
async def ad_account_to_businesses(
    request: MockRequest, ad_account_id: PathId, body: BusinessSharedAudience
) -> RawResponse:
    return await _update(request, ACCOUNT, ad_account_id, body)


@router.patch(
    _OF_BUSINESS + "/ad_accounts/shared",
    operation_id="update_business_to_ad_account_shared_audience",
    summary="Share an audience that a business owns or received with ad accounts, or stop sharing it",
    response_model=SharedAudienceResponse,
    responses=success(
        ACCOUNTS_EXAMPLE,
        links={
            "ListReceived": _LIST_RECEIVED_BY_ACCOUNT,
            "ListRecipients": link(
                "business_account_audiences_shared_accounts/list", **_SAME_BUSINESS, audience_id=_SHARED
            ),
        },
    )
    | _UPDATE_ERRORS,
    openapi_extra=operation(DESCRIPTION, _ONCE, security=BUSINESS_WRITE),
)
async def business_to_ad_accounts(
    request: MockRequest, business_id: BusinessId, body: SharedAudience
) -> RawResponse:
    return await _update(request, BUSINESS, business_id, body)


@router.patch(
    _OF_BUSINESS + "/businesses/shared",
    operation_id="update_business_to_business_shared_audience",
    summary="Share an audience that a business owns with other businesses, or stop sharing it",
    response_model=BusinessSharedAudienceResponse,
    responses=success(BUSINESSES_EXAMPLE, links={"ListReceived": _LIST_RECEIVED_BY_BUSINESS})
    | _UPDATE_ERRORS,
    openapi_extra=operation(DESCRIPTION, _ONCE, security=BUSINESS_WRITE),
)
async def business_to_businesses(
    request: MockRequest, business_id: BusinessId, body: BusinessSharedAudience
) -> RawResponse:
    return await _update(request, BUSINESS, business_id, body)


async def _update(request: MockRequest, kind: str, sharer: str, body: SharingUpdate) -> RawResponse:
    await request.world.transact(
        sharing.share if body.operation_type == "SHARE" else sharing.revoke,
        api=NAME,
        kind=kind,
        giver=sharer,
        number=audience_number(body.audience_id),
        recipient_kind=body.recipient_kind,
        recipients=body.recipients,
        only=request.caller.ad_accounts,
    )
    return json_response(request, serializers.updated_sharing(body))


async def _list_recipients(
    request: MockRequest, kind: str, sharer: str, query: SharedAccountsQuery
) -> RawResponse:
    paged_list = PagedList("shared_accounts", kind, sharer, query.audience_id, query.account_type)
    rows, next_cursor = await request.world.transact(
        sharing.list_recipients,
        api=NAME,
        kind=kind,
        giver=sharer,
        number=int(query.audience_id),
        recipient_kind=RECIPIENT_KINDS[query.account_type],
        cursor=paged_list.cursor(query.bookmark),
        limit=query.page_size,
        only=request.caller.ad_accounts,
    )
    items = serializers.recipients(rows, query.account_type)
    return json_response(request, paged_list.page(items, next_cursor))
