"""Sharing of audiences between ad accounts and businesses: four updates, three lists.

Chosen, since nobody told: the recipients of a request must be 1 to 100, an audience that is not the giver's
answers as one that is not there, one who has it already gets it once, and the answer names each recipient
once. Not reproduced: that owner and recipient must be of one business hierarchy, and that these operations
are not open to every app.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic_core import to_json

from audience_mock.core.audiences import sharing
from audience_mock.core.audiences.queries import MAX_NUMBER
from audience_mock.core.store.tables import ACCOUNT, BUSINESS, PINTEREST
from audience_mock.providers.pinterest import bookmarks
from audience_mock.providers.pinterest.audiences import routes as audiences
from audience_mock.providers.pinterest.audiences.routes import audience_page
from audience_mock.providers.pinterest.audiences.schemas import AudiencePage, PathId
from audience_mock.providers.pinterest.openapi_responses import (
    NOT_FOUND,
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    described_error,
    link_to_next_page,
)
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.sharing.schemas import (
    KINDS,
    PERMISSIONS,
    BusinessSharedAudience,
    BusinessSharedAudienceResponse,
    PathBusiness,
    ReceivedAudiencesQuery,
    SharedAccountsPage,
    SharedAccountsQuery,
    SharedAudience,
    SharedAudienceAccount,
    SharedAudienceResponse,
)
from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.templates import template, text

_RECIPIENT = template(SharedAudienceAccount)
ONCE = OURS.says("each recipient once, and at most 100")
_NAMES = {ACCOUNT: "Ad account {}", BUSINESS: "Business {}"}
"""Names of those whom no seed names: made up."""

_BAD_UPDATE = described_error(
    "A value that does not fit", 1, "Invalid request: 'audience_id' is a required property"
)
_UPDATE_ERRORS = WRITE_ERRORS | NOT_FOUND | {400: _BAD_UPDATE}
_AUDIENCE = {"audience_id": "2542623499806"}
_TO_ACCOUNTS = {
    **_AUDIENCE,
    "permissions": list(PERMISSIONS[ACCOUNT]),
    "recipient_account_ids": ["549755885176"],
}
_TO_BUSINESSES = {
    **_AUDIENCE,
    "permissions": list(PERMISSIONS[BUSINESS]),
    "recipient_business_ids": ["729090764583391194"],
}
_ACCOUNTS = {
    "items": [
        {
            "account_id": "549755885176",
            "account_name": "Ad account 549755885176",
            "account_type": "AD_ACCOUNT",
            "shared_on_timestamp": 1795305607,
        }
    ],
    "bookmark": None,
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "ad_accounts_audiences_shared_accounts/list": {"200": _ACCOUNTS},
    "business_account_audiences_shared_accounts/list": {"200": _ACCOUNTS},
    "shared_audiences_for_business/list": audiences.EXAMPLES["audiences/list"],
    "update_ad_account_to_ad_account_shared_audience": {"200": _TO_ACCOUNTS},
    "update_ad_account_to_business_shared_audience": {"200": _TO_BUSINESSES},
    "update_business_to_ad_account_shared_audience": {"200": _TO_ACCOUNTS},
    "update_business_to_business_shared_audience": {"200": _TO_BUSINESSES},
}
"""Answers by operation and status, for the description."""

_BY_BUSINESS = {"business_id": "$request.path.business_id"}
_SHARED = "$response.body#/audience_id"
_WITH_ACCOUNT = "$response.body#/recipient_account_ids/0"
_WITH_BUSINESS = "$response.body#/recipient_business_ids/0"
_ACCOUNT_RECEIVED = link("audiences/list", ad_account_id=_WITH_ACCOUNT, ownership_type="RECEIVED")
_BUSINESS_RECEIVED = link("shared_audiences_for_business/list", business_id=_WITH_BUSINESS)
_FIRST = {"audience_id": "$response.body#/items/0/id"}
LINKS: Mapping[str, Any] = {
    "shared_audiences_for_business/list": {
        "Next": link_to_next_page("shared_audiences_for_business/list", "business_id", "order"),
        "ShareFirst": link("update_business_to_ad_account_shared_audience", _FIRST, **_BY_BUSINESS),
        "ListWhoHasFirst": link("business_account_audiences_shared_accounts/list", **_BY_BUSINESS, **_FIRST),
    },
    "ad_accounts_audiences_shared_accounts/list": {
        "Next": link_to_next_page(
            "ad_accounts_audiences_shared_accounts/list", "ad_account_id", "audience_id", "account_type"
        ),
    },
    "business_account_audiences_shared_accounts/list": {
        "Next": link_to_next_page(
            "business_account_audiences_shared_accounts/list", "business_id", "audience_id", "account_type"
        ),
    },
    "update_ad_account_to_ad_account_shared_audience": {
        "ListReceived": _ACCOUNT_RECEIVED,
        "GetReceived": link("audiences/get", ad_account_id=_WITH_ACCOUNT, audience_id=_SHARED),
        "ListWhoHasIt": link(
            "ad_accounts_audiences_shared_accounts/list", **SAME_ACCOUNT, audience_id=_SHARED
        ),
    },
    "update_ad_account_to_business_shared_audience": {
        "ListReceived": _BUSINESS_RECEIVED,
        "ShareOn": link(
            "update_business_to_ad_account_shared_audience",
            {"audience_id": _SHARED},
            business_id=_WITH_BUSINESS,
        ),
        "ListWhoHasIt": link(
            "ad_accounts_audiences_shared_accounts/list", **SAME_ACCOUNT, audience_id=_SHARED
        ),
    },
    "update_business_to_ad_account_shared_audience": {
        "ListReceived": _ACCOUNT_RECEIVED,
        "ListWhoHasIt": link(
            "business_account_audiences_shared_accounts/list", **_BY_BUSINESS, audience_id=_SHARED
        ),
    },
    "update_business_to_business_shared_audience": {"ListReceived": _BUSINESS_RECEIVED},
}

router = APIRouter(route_class=PinterestRoute, tags=["audience_sharing"])
_OF_ACCOUNT = "/ad_accounts/{ad_account_id}/audiences"
_OF_BUSINESS = "/businesses/{business_id}/audiences"


@router.get(
    _OF_ACCOUNT + "/shared/accounts",
    operation_id="ad_accounts_audiences_shared_accounts/list",
    summary="List who has an audience of an ad account",
    response_model=SharedAccountsPage,
    responses=READ_ERRORS | NOT_FOUND,
    openapi_extra=known_by(DESCRIPTION),
)
async def list_accounts_of_ad_account(
    request: MockRequest, ad_account_id: PathId, query: Annotated[SharedAccountsQuery, Query()]
) -> RawResponse:
    return await _list_recipients(request, ACCOUNT, ad_account_id, query)


@router.get(
    _OF_BUSINESS + "/shared/accounts",
    operation_id="business_account_audiences_shared_accounts/list",
    summary="List who has an audience that a business owns or received",
    response_model=SharedAccountsPage,
    responses=READ_ERRORS | NOT_FOUND,
    openapi_extra=known_by(DESCRIPTION),
)
async def list_accounts_of_business(
    request: MockRequest, business_id: PathBusiness, query: Annotated[SharedAccountsQuery, Query()]
) -> RawResponse:
    return await _list_recipients(request, BUSINESS, business_id, query)


@router.get(
    _OF_BUSINESS,
    operation_id="shared_audiences_for_business/list",
    summary="List the audiences that a business received",
    response_model=AudiencePage,
    responses=READ_ERRORS,
    openapi_extra=known_by(DESCRIPTION, DESCRIPTION.says("in the order of ids")),
)
async def list_received(
    request: MockRequest, business_id: PathBusiness, query: Annotated[ReceivedAudiencesQuery, Query()]
) -> RawResponse:
    bound_to = ("shared_audiences_for_business/list", business_id, query.order)
    rows, more = await request.world.read(
        sharing.list_received,
        api=PINTEREST,
        kind=BUSINESS,
        recipient=business_id,
        cursor=bookmarks.behind(query.bookmark, *bound_to),
        limit=query.page_size,
        descending=query.order == "DESCENDING",
        by_number=True,  # as described; an ad account's received ones go by the time of sharing
    )
    return audience_page(request, rows, more, bound_to)


@router.patch(
    _OF_ACCOUNT + "/ad_accounts/shared",
    operation_id="update_ad_account_to_ad_account_shared_audience",
    summary="Share an audience of an ad account with other ad accounts, or take it back",
    response_model=SharedAudienceResponse,
    responses=_UPDATE_ERRORS,
    openapi_extra=known_by(DESCRIPTION, ONCE),
)
async def ad_account_to_ad_accounts(
    request: MockRequest, ad_account_id: PathId, body: SharedAudience
) -> RawResponse:
    return await _update(request, ACCOUNT, ad_account_id, body)


@router.patch(
    _OF_ACCOUNT + "/businesses/shared",
    operation_id="update_ad_account_to_business_shared_audience",
    summary="Share an audience of an ad account with businesses, or take it back",
    response_model=BusinessSharedAudienceResponse,
    responses=_UPDATE_ERRORS,
    openapi_extra=known_by(DESCRIPTION, ONCE),
)
async def ad_account_to_businesses(
    request: MockRequest, ad_account_id: PathId, body: BusinessSharedAudience
) -> RawResponse:
    return await _update(request, ACCOUNT, ad_account_id, body)


@router.patch(
    _OF_BUSINESS + "/ad_accounts/shared",
    operation_id="update_business_to_ad_account_shared_audience",
    summary="Share an audience that a business owns or received with ad accounts, or take it back",
    response_model=SharedAudienceResponse,
    responses=_UPDATE_ERRORS,
    openapi_extra=known_by(DESCRIPTION, ONCE),
)
async def business_to_ad_accounts(
    request: MockRequest, business_id: PathBusiness, body: SharedAudience
) -> RawResponse:
    return await _update(request, BUSINESS, business_id, body)


@router.patch(
    _OF_BUSINESS + "/businesses/shared",
    operation_id="update_business_to_business_shared_audience",
    summary="Share an audience that a business owns with other businesses, or take it back",
    response_model=BusinessSharedAudienceResponse,
    responses=_UPDATE_ERRORS,
    openapi_extra=known_by(DESCRIPTION, ONCE),
)
async def business_to_businesses(
    request: MockRequest, business_id: PathBusiness, body: BusinessSharedAudience
) -> RawResponse:
    return await _update(request, BUSINESS, business_id, body)


async def _update(
    request: MockRequest, kind: str, giver: str, body: SharedAudience | BusinessSharedAudience
) -> RawResponse:
    if isinstance(body, SharedAudience):
        to, key, named = ACCOUNT, "recipient_account_ids", body.recipient_account_ids
    else:
        to, key, named = BUSINESS, "recipient_business_ids", body.recipient_business_ids
    recipients = list(dict.fromkeys(named))
    await request.world.transact(
        sharing.share if body.operation_type == "SHARE" else sharing.revoke,
        api=PINTEREST,
        kind=kind,
        giver=giver,
        number=int(body.audience_id) if len(body.audience_id) <= 18 else MAX_NUMBER + 1,
        recipient_kind=to,
        recipients=recipients,
    )
    permissions = PERMISSIONS[to] if body.operation_type == "SHARE" else ()
    told = {"audience_id": body.audience_id, "permissions": permissions, key: recipients}
    return response(request, 200, to_json(told))


async def _list_recipients(
    request: MockRequest, kind: str, giver: str, query: SharedAccountsQuery
) -> RawResponse:
    bound_to = ("shared_accounts", kind, giver, query.audience_id, query.account_type)
    to = KINDS[query.account_type]
    rows, more = await request.world.transact(
        sharing.list_recipients,
        api=PINTEREST,
        kind=kind,
        giver=giver,
        number=int(query.audience_id),
        recipient_kind=to,
        cursor=bookmarks.behind(query.bookmark, *bound_to),
        limit=query.page_size,
    )
    items = b",".join(
        _RECIPIENT
        % {
            b"account_id": b'"%b"' % row.id.encode(),
            b"account_name": text(row.name or _NAMES[to].format(row.id)),
            b"account_type": b'"%b"' % query.account_type.encode(),
            b"shared_on_timestamp": b"%d" % (row.shared_at_ms // 1000),
        }
        for row in rows
    )
    return response(request, 200, bookmarks.page(items, more, *bound_to))
