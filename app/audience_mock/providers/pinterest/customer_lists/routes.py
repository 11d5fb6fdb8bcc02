"""/ad_accounts/{ad_account_id}/customer_lists: create, list, get, update."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query

from audience_mock.core.audiences.lifecycle import list_status_at
from audience_mock.core.store.rows import CustomerListRow
from audience_mock.core.users import customer_lists
from audience_mock.core.users.records import EMAIL, Records
from audience_mock.core.users.uploads import prepare_for
from audience_mock.providers.pinterest import bookmarks
from audience_mock.providers.pinterest.api_versions import ANSWERED_SINCE_5_28, by_contract
from audience_mock.providers.pinterest.audiences.schemas import PathId
from audience_mock.providers.pinterest.customer_lists.schemas import (
    CustomerList,
    CustomerListCreate,
    CustomerListListQuery,
    CustomerListPage,
    CustomerListUpdate,
    ListedCustomerList,
)
from audience_mock.providers.pinterest.openapi_responses import (
    PREFER,
    READ_ERRORS,
    SAME_ACCOUNT,
    WRITE_ERRORS,
    Responses,
    create_status,
    described_error,
    link_to_next_page,
)
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.providers.pinterest.sources import (
    BOOKMARK,
    CREATED,
    DESCRIPTION,
    KEYS_IN_ORDER,
    PRODUCTION,
)
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.templates import FALSE, TRUE, Pieces, template, text

MAX_RECORDS_BODY_BYTES = 32 << 20
"""The most that a body with records may have. Not documented; chosen."""

MAX_RECORD_ROWS = 100_000
"""The most arrays and objects, and so rows, of one body. Not documented; chosen: they take 0.2 seconds."""

_ONE = template(CustomerList)
_LISTED = by_contract(
    newest=template(ListedCustomerList),
    before_5_28=template(ListedCustomerList, without=ANSWERED_SINCE_5_28),
)

NOT_FOUND: Responses = {
    404: described_error(
        "No such customer list in the ad account", 4, "Sorry! We could not find your customer list."
    ),
}
_CREATED_TOO: Responses = {200: {"model": CustomerList, "description": "Made, where 200 is set or preferred"}}
_TOO_LARGE: Responses = {
    413: described_error(
        "A body over 32 MiB", 1, f"Invalid request: body is larger than {MAX_RECORDS_BODY_BYTES} bytes"
    )
}

_EXAMPLE = {
    "ad_account_id": "549755885175",
    "created_time": 1795305607,
    "id": "5497558",
    "name": "Newsletter",
    "num_batches": 1,
    "num_removed_user_records": 0,
    "num_uploaded_user_records": 2,
    "type": "customerlist",
    "updated_time": 1795305607,
    "exceptions": {},
    "status": "PROCESSING",
}
_CHANGED = {**_EXAMPLE, "num_batches": 2, "num_uploaded_user_records": 3}
_ITEM = {key: (_CHANGED | {"is_nca": False})[key] for key in ListedCustomerList.model_fields}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "customer_lists/create": {"201": _EXAMPLE, "200": _EXAMPLE},
    "customer_lists/list": {"200": {"items": [_ITEM], "bookmark": None}},
    "customer_lists/get": {"200": _EXAMPLE},
    "customer_lists/update": {"200": _CHANGED},
}
"""Answers by operation and status, for the description."""

_ID = "$response.body#/id"
_OF_THE_LIST = {
    "audience_type": "CUSTOMER_LIST",
    "name": "Those on the list",
    "rule": {"customer_list_id": _ID},
}
LINKS: Mapping[str, Any] = {
    "customer_lists/create": {
        "Get": link("customer_lists/get", **SAME_ACCOUNT, customer_list_id=_ID),
        "Update": link("customer_lists/update", **SAME_ACCOUNT, customer_list_id=_ID),
        "List": link("customer_lists/list", **SAME_ACCOUNT),
        "Upload": link("customer_list_uploads/create", **SAME_ACCOUNT, customer_list_id=_ID),
        "CreateAudience": link("audiences/create", _OF_THE_LIST, **SAME_ACCOUNT),
    },
    "customer_lists/list": {
        "Next": link_to_next_page("customer_lists/list", "ad_account_id", "order", "exclude_nca"),
        "GetFirst": link("customer_lists/get", **SAME_ACCOUNT, customer_list_id="$response.body#/items/0/id"),
    },
    "customer_lists/update": {
        "Get": link("customer_lists/get", **SAME_ACCOUNT, customer_list_id="$request.path.customer_list_id")
    },
}


class RecordsRoute(PinterestRoute):
    """Takes bodies with many records."""

    max_body_bytes = MAX_RECORDS_BODY_BYTES
    max_containers = MAX_RECORD_ROWS


router = APIRouter(route_class=RecordsRoute, tags=["customer_lists"])
_COLLECTION = "/ad_accounts/{ad_account_id}/customer_lists"
CUSTOMER_LIST = _COLLECTION + "/{customer_list_id}"


def to_pieces(row: CustomerListRow, now_ms: int) -> Pieces:
    """A row in Pinterest's words, as JSON text by key."""
    return {
        b"ad_account_id": b'"%b"' % row.account.encode(),
        b"created_time": b"%d" % (row.created_at_ms // 1000),
        b"id": b'"%d"' % row.number,
        b"name": text(row.name),
        b"num_batches": b"%d" % row.batches,
        b"num_removed_user_records": b"%d" % row.removed_records,
        b"num_uploaded_user_records": b"%d" % row.uploaded_records,
        b"type": b'"customerlist"',
        b"updated_time": b"%d" % (row.updated_at_ms // 1000),
        b"exceptions": b"{}",
        b"is_nca": TRUE if row.is_nca else FALSE,
        b"status": b'"%b"' % list_status_at(row, now_ms).encode(),
    }


@router.post(
    _COLLECTION,
    operation_id="customer_lists/create",
    summary="Create a customer list from records",
    status_code=201,
    response_model=CustomerList,
    responses=_CREATED_TOO | WRITE_ERRORS | _TOO_LARGE,
    openapi_extra=PREFER | known_by(PRODUCTION, KEYS_IN_ORDER, CREATED),
)
async def create(request: MockRequest, ad_account_id: PathId, body: CustomerListCreate) -> RawResponse:
    list_type = body.list_type or EMAIL
    with Records(list_type) as records:
        await _read(records, body)
        row = await customer_lists.create(
            request.world,
            records,
            account=ad_account_id,
            name=body.name,
            list_type=list_type,
            is_nca=bool(body.is_nca),
        )
    return response(request, create_status(request), _ONE % to_pieces(row, request.world.clock.now_ms()))


@router.get(
    _COLLECTION,
    operation_id="customer_lists/list",
    summary="List customer lists",
    response_model=CustomerListPage,
    responses=READ_ERRORS,
    openapi_extra=known_by(PRODUCTION, KEYS_IN_ORDER, BOOKMARK),
)
async def list_page(
    request: MockRequest, ad_account_id: PathId, query: Annotated[CustomerListListQuery, Query()]
) -> RawResponse:
    bound_to = ("customer_lists/list", ad_account_id, query.order, str(query.exclude_nca))
    rows, more = await request.world.read(
        customer_lists.list_page,
        account=ad_account_id,
        cursor=bookmarks.behind(query.bookmark, *bound_to),
        limit=query.page_size,
        descending=query.order == "DESCENDING",
        exclude_nca=query.exclude_nca,
    )
    now_ms = request.world.clock.now_ms()
    listed = _LISTED[request.options.contract]
    items = b",".join(listed % to_pieces(row, now_ms) for row in rows)
    return response(request, 200, bookmarks.page(items, more, *bound_to))


@router.get(
    CUSTOMER_LIST,
    operation_id="customer_lists/get",
    summary="Get a customer list",
    response_model=CustomerList,
    responses=READ_ERRORS | NOT_FOUND,
    openapi_extra=known_by(DESCRIPTION, KEYS_IN_ORDER),
)
async def get(request: MockRequest, ad_account_id: PathId, customer_list_id: PathId) -> RawResponse:
    row = await request.world.read(customer_lists.find, account=ad_account_id, number=int(customer_list_id))
    return response(request, 200, _ONE % to_pieces(row, request.world.clock.now_ms()))


@router.patch(
    CUSTOMER_LIST,
    operation_id="customer_lists/update",
    summary="Add records to a customer list, or remove them",
    response_model=CustomerList,
    responses=WRITE_ERRORS | _TOO_LARGE | NOT_FOUND,
    openapi_extra=known_by(PRODUCTION, KEYS_IN_ORDER),
)
async def update(
    request: MockRequest, ad_account_id: PathId, customer_list_id: PathId, body: CustomerListUpdate
) -> RawResponse:
    number = int(customer_list_id)
    before = await request.world.read(customer_lists.find, account=ad_account_id, number=number)
    with Records(before.list_type) as records:
        await _read(records, body)
        row = await customer_lists.apply_batch(
            request.world, records, account=ad_account_id, number=number, action=body.operation_type
        )
    return response(request, 200, _ONE % to_pieces(row, request.world.clock.now_ms()))


async def _read(records: Records, body: CustomerListCreate | CustomerListUpdate) -> None:
    sent = (body.records or "").encode()
    await prepare_for(len(sent))
    await records.read_text(sent)
    records.finish()
    await records.read_rows(body.records_v2 or ())
