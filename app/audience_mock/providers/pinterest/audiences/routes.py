"""/ad_accounts/{ad_account_id}/audiences: create, create_custom, list, get, update."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from audience_mock.core.audiences import changes, queries, sharing
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.tables import ACCOUNT
from audience_mock.core.users import customer_lists
from audience_mock.providers.pinterest.api import NAME
from audience_mock.providers.pinterest.audiences import serializers
from audience_mock.providers.pinterest.audiences.estimates import estimate_people
from audience_mock.providers.pinterest.audiences.rule_schema import AudienceRule, check_rule
from audience_mock.providers.pinterest.audiences.schemas import (
    AUDIENCE_EXAMPLE,
    COMPANY,
    CREATED_EXAMPLE,
    PAGE_EXAMPLE,
    UPDATED_EXAMPLE,
    Audience,
    AudienceCreate,
    AudienceCreateCustom,
    AudienceListQuery,
    AudiencePage,
    AudienceUpdate,
    CreatedAudience,
)
from audience_mock.providers.pinterest.bookmarks import PagedList
from audience_mock.providers.pinterest.openapi_responses import (
    AUDIENCE_NOT_FOUND,
    PREFER,
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    created,
    link_to_next_page,
    success,
)
from audience_mock.providers.pinterest.responses import json_response, status_of_create
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.schema_types import LongPathId, PathId, audience_number
from audience_mock.providers.pinterest.security import ADS_READ, ADS_WRITE
from audience_mock.providers.pinterest.sources import (
    BOOKMARK,
    CLIENTS,
    CREATED,
    KEYS_IN_ORDER,
    OURS,
    PRODUCTION,
    UNTIL_5_18,
)
from audience_mock.web.evidence import inferred
from audience_mock.web.openapi import link, operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

router = APIRouter(route_class=PinterestRoute, tags=["audiences"])
_COLLECTION = "/ad_accounts/{ad_account_id}/audiences"
_AUDIENCE = _COLLECTION + "/{audience_id}"

_NEW_ID = "$response.body#/id"
_ACTALIKE = {
    "audience_type": "ACTALIKE",
    "name": "More of them",
    "rule": {"seed_id": [_NEW_ID], "country": "US", "percentage": 5},
}
_SIZING = {"targeting_spec": {"AUDIENCE_INCLUDE": [_NEW_ID]}}
_LINKS_FROM_CREATED = {
    "Get": link("audiences/get", **SAME_ACCOUNT, audience_id=_NEW_ID),
    "Update": link("audiences/update", **SAME_ACCOUNT, audience_id=_NEW_ID),
    "List": link("audiences/list", **SAME_ACCOUNT),
    "CreateActalike": link("audiences/create", _ACTALIKE, **SAME_ACCOUNT),
    "ShareWithAdAccounts": link(
        "update_ad_account_to_ad_account_shared_audience", {"audience_id": _NEW_ID}, **SAME_ACCOUNT
    ),
    "ShareWithBusinesses": link(
        "update_ad_account_to_business_shared_audience", {"audience_id": _NEW_ID}, **SAME_ACCOUNT
    ),
    "ListRecipients": link("ad_accounts_audiences_shared_accounts/list", **SAME_ACCOUNT, audience_id=_NEW_ID),
    "Size": link("ad_groups/audience_sizing", _SIZING, **SAME_ACCOUNT),
}


@router.post(
    _COLLECTION,
    operation_id="audiences/create",
    summary="Create an audience",
    status_code=201,
    response_model=CreatedAudience,
    responses=created(CreatedAudience, CREATED_EXAMPLE, _LINKS_FROM_CREATED) | WRITE_ERRORS,
    openapi_extra=operation(PRODUCTION, KEYS_IN_ORDER, CREATED, security=ADS_WRITE, parameters=[PREFER]),
)
async def create(request: MockRequest, ad_account_id: PathId, body: AudienceCreate) -> RawResponse:
    return await _create(request, ad_account_id, body, description=body.description)


@router.post(
    _COLLECTION + "/custom",
    operation_id="audiences/create_custom",
    summary="Create an audience from a data partner's data",
    status_code=201,
    response_model=CreatedAudience,
    responses=created(CreatedAudience, CREATED_EXAMPLE, _LINKS_FROM_CREATED) | WRITE_ERRORS,
    openapi_extra=operation(
        UNTIL_5_18,
        CREATED,
        inferred("the keys of its rule").says("audience_type in the response"),
        security=ADS_WRITE,
        # Described from 5.8 to 5.18. All other operations are taken to be in every version: of 5.18 only this
        # one is available, and the available excerpt of 5.23 leaves out the ad accounts and
        # `oauth/token/revoke`, which says nothing of the version (chosen).
        api_versions=["5.18"],
        parameters=[PREFER],
    ),
)
async def create_custom(
    request: MockRequest, ad_account_id: PathId, body: AudienceCreateCustom
) -> RawResponse:
    return await _create(request, ad_account_id, body, description=None)


async def _create(
    request: MockRequest,
    ad_account_id: str,
    body: AudienceCreate | AudienceCreateCustom,
    *,
    description: str | None,
) -> RawResponse:
    kind = body.audience_type
    definition = body.rule.echo()
    sources = _sources(kind, body.rule)
    create: Callable[..., AudienceRow] = (
        customer_lists.create_audience if sources.get("customer_list") else changes.create
    )
    row = await request.world.transact(
        create,
        api=NAME,
        account=ad_account_id,
        kind=kind,
        name=body.name,
        people=estimate_people(kind, body.rule, definition),
        columns={"description": description, "definition": definition, "created_by": COMPANY},
        **sources,
    )
    return json_response(request, serializers.created_audience(request, row), status_of_create(request))


@router.get(
    _COLLECTION,
    operation_id="audiences/list",
    summary="List audiences",
    response_model=AudiencePage,
    responses=success(
        PAGE_EXAMPLE,
        links={
            "Next": link_to_next_page(
                "audiences/list", "order", "ownership_type", "exclude_nca", path="ad_account_id"
            ),
            "GetFirst": link("audiences/get", **SAME_ACCOUNT, audience_id="$response.body#/items/0/id"),
        },
    )
    | READ_ERRORS,
    openapi_extra=operation(PRODUCTION, KEYS_IN_ORDER, BOOKMARK, security=ADS_READ),
)
async def list_page(
    request: MockRequest, ad_account_id: PathId, query: Annotated[AudienceListQuery, Query()]
) -> RawResponse:
    paged_list = PagedList(
        "audiences/list", ad_account_id, query.order, query.ownership_type, str(query.exclude_nca)
    )
    page: dict[str, Any] = {
        "cursor": paged_list.cursor(query.bookmark),
        "limit": query.page_size,
        "descending": query.descending,
    }
    if query.ownership_type == "OWNED":
        rows, next_cursor = await request.world.read(
            queries.list_page, api=NAME, account=ad_account_id, **page
        )
    else:  # by the time of sharing, as described
        rows, next_cursor = await request.world.read(
            sharing.list_received, api=NAME, kind=ACCOUNT, recipient=ad_account_id, **page
        )
    items = serializers.listed_audiences(request, rows)
    return json_response(request, paged_list.page(items, next_cursor))


@router.get(
    _AUDIENCE,
    operation_id="audiences/get",
    summary="Get an audience",
    response_model=Audience,
    responses=success(AUDIENCE_EXAMPLE) | READ_ERRORS | AUDIENCE_NOT_FOUND,
    openapi_extra=operation(PRODUCTION, KEYS_IN_ORDER, security=ADS_READ),
)
async def get(request: MockRequest, ad_account_id: PathId, audience_id: LongPathId) -> RawResponse:
    row = await request.world.read(
        sharing.find_visible, api=NAME, account=ad_account_id, number=audience_number(audience_id)
    )
    if row.policy is not None:
        row = await request.world.transact(changes.record_read, key=row.key or 0)
    return json_response(request, serializers.audience(request, row, company=row.created_by))


@router.patch(
    _AUDIENCE,
    operation_id="audiences/update",
    summary="Update an audience, or remove it",
    response_model=Audience,
    responses=success(
        UPDATED_EXAMPLE,
        links={
            "Get": link("audiences/get", **SAME_ACCOUNT, audience_id="$request.path.audience_id"),
            "List": link("audiences/list", **SAME_ACCOUNT),
        },
    )
    | WRITE_ERRORS
    | AUDIENCE_NOT_FOUND,
    openapi_extra=operation(
        PRODUCTION,
        KEYS_IN_ORDER,
        CLIENTS.says("what was written is read at once"),
        OURS.says("after REMOVE: 404, and absent from the list"),
        security=ADS_WRITE,
    ),
)
async def update(
    request: MockRequest, ad_account_id: PathId, audience_id: LongPathId, body: AudienceUpdate
) -> RawResponse:
    target: dict[str, Any] = {"api": NAME, "account": ad_account_id, "number": audience_number(audience_id)}
    if body.operation_type == "REMOVE":
        row = await request.world.transact(changes.delete, **target)
    else:
        values: dict[str, Any] = body.model_dump(include={"name", "description"}, exclude_unset=True)
        sources: dict[str, Any] = {}
        if "rule" in body.model_fields_set:
            kind = (await request.world.read(queries.find, **target)).kind
            check_rule(kind, body.rule, request.options)
            # A rule replaces the one before it as a whole (chosen), and with it the people that it matches.
            values["definition"] = definition = body.rule.echo()
            values["people"] = estimate_people(kind, body.rule, definition)
            sources = _sources(kind, body.rule)
        row = await request.world.transact(changes.update, **target, values=values, **sources)
    return json_response(request, serializers.audience(request, row, company=None))


def _sources(kind: str, rule: AudienceRule) -> dict[str, Any]:
    """What the ad account must have: the customer list, or the seed audiences."""
    match kind:
        case "CUSTOMER_LIST":
            return {"customer_list": rule.customer_list_id}
        case "ACTALIKE":
            return {"seeds": rule.seed_id or ()}
        case _:
            return {}
