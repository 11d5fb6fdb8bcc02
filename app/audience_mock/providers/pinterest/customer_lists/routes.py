"""/ad_accounts/{ad_account_id}/customer_lists: create, list, get, update."""

from typing import Annotated

from fastapi import APIRouter, Query

from audience_mock.core.users import customer_lists
from audience_mock.core.users.digests import prepare_for
from audience_mock.core.users.magic import watched_by
from audience_mock.core.users.records import EMAIL, Records
from audience_mock.core.users.samples import sample_of
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.bookmarks import PagedList
from audience_mock.providers.pinterest.customer_lists import serializers
from audience_mock.providers.pinterest.customer_lists.schemas import (
    CREATED_EXAMPLE,
    PAGE_EXAMPLE,
    UPDATED_EXAMPLE,
    CustomerList,
    CustomerListCreate,
    CustomerListListQuery,
    CustomerListPage,
    CustomerListUpdate,
)
from audience_mock.providers.pinterest.openapi_responses import (
    CUSTOMER_LIST_NOT_FOUND,
    PREFER,
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    Responses,
    created,
    error,
    link_to_next_page,
    success,
)
from audience_mock.providers.pinterest.responses import json_response, status_of_create
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.schema_types import PathId
from audience_mock.providers.pinterest.security import ADS_READ, ADS_READ_AS_USER, ADS_WRITE
from audience_mock.providers.pinterest.sources import (
    BOOKMARK,
    CREATED,
    DESCRIPTION,
    KEYS_IN_ORDER,
    PRODUCTION,
)
from audience_mock.web.openapi import link, operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

MAX_RECORDS_BODY_BYTES = 32 << 20
"""Of a body with records. Not documented; chosen."""

MAX_RECORDS_CONTAINERS = 100_000
"""Arrays and objects in a body, and so records. Not documented; chosen: they take 0.2 seconds."""


class RecordsRoute(PinterestRoute):
    """Takes bodies with many records."""

    max_body_bytes = MAX_RECORDS_BODY_BYTES
    max_containers = MAX_RECORDS_CONTAINERS


router = APIRouter(route_class=RecordsRoute, tags=["customer_lists"])
_COLLECTION = "/ad_accounts/{ad_account_id}/customer_lists"
_CUSTOMER_LIST = _COLLECTION + "/{customer_list_id}"

_TOO_LARGE: Responses = {
    413: error(
        "A body over 32 MiB", 1, f"Invalid request: body is larger than {MAX_RECORDS_BODY_BYTES} bytes"
    )
}
_NEW_ID = "$response.body#/id"
_AUDIENCE_OF_LIST = {
    "audience_type": "CUSTOMER_LIST",
    "name": "Those on the list",
    "rule": {"customer_list_id": _NEW_ID},
}


@router.post(
    _COLLECTION,
    operation_id="customer_lists/create",
    summary="Create a customer list from records",
    status_code=201,
    response_model=CustomerList,
    responses=created(
        CustomerList,
        CREATED_EXAMPLE,
        links={
            "Get": link("customer_lists/get", **SAME_ACCOUNT, customer_list_id=_NEW_ID),
            "Update": link("customer_lists/update", **SAME_ACCOUNT, customer_list_id=_NEW_ID),
            "List": link("customer_lists/list", **SAME_ACCOUNT),
            "Upload": link("customer_list_uploads/create", **SAME_ACCOUNT, customer_list_id=_NEW_ID),
            "CreateAudience": link("audiences/create", _AUDIENCE_OF_LIST, **SAME_ACCOUNT),
        },
    )
    | WRITE_ERRORS
    | _TOO_LARGE,
    openapi_extra=operation(PRODUCTION, KEYS_IN_ORDER, CREATED, security=ADS_WRITE, parameters=[PREFER]),
)
async def create(request: MockRequest, ad_account_id: PathId, body: CustomerListCreate) -> RawResponse:
    list_type = body.list_type or EMAIL
    with _records(request.world, list_type) as records:
        await _read_records(records, body)
        row = await customer_lists.create(
            request.world,
            records,
            account=ad_account_id,
            name=body.name,
            list_type=list_type,
            is_nca=bool(body.is_nca),
        )
    return json_response(request, serializers.customer_list(request, row), status_of_create(request))


@router.get(
    _COLLECTION,
    operation_id="customer_lists/list",
    summary="List customer lists",
    response_model=CustomerListPage,
    responses=success(
        PAGE_EXAMPLE,
        links={
            "Next": link_to_next_page("customer_lists/list", "order", "exclude_nca", path="ad_account_id"),
            "GetFirst": link(
                "customer_lists/get", **SAME_ACCOUNT, customer_list_id="$response.body#/items/0/id"
            ),
        },
    )
    | READ_ERRORS,
    openapi_extra=operation(PRODUCTION, KEYS_IN_ORDER, BOOKMARK, security=ADS_READ_AS_USER),
)
async def list_page(
    request: MockRequest, ad_account_id: PathId, query: Annotated[CustomerListListQuery, Query()]
) -> RawResponse:
    paged_list = PagedList("customer_lists/list", ad_account_id, query.order, str(query.exclude_nca))
    rows, next_cursor = await request.world.read(
        customer_lists.list_page,
        account=ad_account_id,
        cursor=paged_list.cursor(query.bookmark),
        limit=query.page_size,
        descending=query.descending,
        exclude_nca=query.exclude_nca,
    )
    items = serializers.listed_customer_lists(request, rows)
    return json_response(request, paged_list.page(items, next_cursor))


@router.get(
    _CUSTOMER_LIST,
    operation_id="customer_lists/get",
    summary="Get a customer list",
    response_model=CustomerList,
    responses=success(CREATED_EXAMPLE) | READ_ERRORS | CUSTOMER_LIST_NOT_FOUND,
    openapi_extra=operation(DESCRIPTION, KEYS_IN_ORDER, security=ADS_READ),
)
async def get(request: MockRequest, ad_account_id: PathId, customer_list_id: PathId) -> RawResponse:
    row = await request.world.read(customer_lists.find, account=ad_account_id, number=int(customer_list_id))
    return json_response(request, serializers.customer_list(request, row))


@router.patch(
    _CUSTOMER_LIST,
    operation_id="customer_lists/update",
    summary="Add records to a customer list, or remove them",
    response_model=CustomerList,
    responses=success(
        UPDATED_EXAMPLE,
        links={
            "Get": link(
                "customer_lists/get", **SAME_ACCOUNT, customer_list_id="$request.path.customer_list_id"
            )
        },
    )
    | WRITE_ERRORS
    | _TOO_LARGE
    | CUSTOMER_LIST_NOT_FOUND,
    openapi_extra=operation(PRODUCTION, KEYS_IN_ORDER, security=ADS_WRITE),
)
async def update(
    request: MockRequest, ad_account_id: PathId, customer_list_id: PathId, body: CustomerListUpdate
) -> RawResponse:
    number = int(customer_list_id)
    before = await request.world.read(customer_lists.find, account=ad_account_id, number=number)
    with _records(request.world, before.list_type) as records:
        await _read_records(records, body)
        row = await customer_lists.apply_batch(
            request.world, records, account=ad_account_id, number=number, action=body.operation_type
        )
    return json_response(request, serializers.customer_list(request, row))


def _records(world: World, list_type: str) -> Records:
    return Records(list_type, sample=sample_of(world), watched=watched_by(world))


async def _read_records(records: Records, body: CustomerListCreate | CustomerListUpdate) -> None:
    sent = (body.records or "").encode()
    await prepare_for(len(sent))
    await records.read_text(sent)
    records.finish()
    await records.read_rows(body.records_v2 or ())
