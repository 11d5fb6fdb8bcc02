"""/ad_accounts/{ad_account_id}/customer_segments: create, list, update; new in 5.28.

There is no GET of one segment and no DELETE: a PATCH, with the id in its body, removes one.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from audience_mock.core.audiences import segments
from audience_mock.providers.pinterest.bookmarks import PagedList
from audience_mock.providers.pinterest.customer_segments import serializers
from audience_mock.providers.pinterest.customer_segments.schemas import (
    PAGE_EXAMPLE,
    SEGMENT_EXAMPLE,
    CustomerSegment,
    CustomerSegmentCreate,
    CustomerSegmentListQuery,
    CustomerSegmentPage,
    CustomerSegmentUpdate,
)
from audience_mock.providers.pinterest.openapi_responses import (
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
from audience_mock.providers.pinterest.schema_types import PathId, audience_number
from audience_mock.providers.pinterest.security import ADS_READ_AS_USER, ADS_WRITE
from audience_mock.providers.pinterest.sources import (
    BOOKMARK,
    CREATED,
    KEYS_IN_ORDER,
    NEWEST,
    OURS,
    PRODUCTION,
    TEMPLATES,
)
from audience_mock.providers.pinterest.strictness import is_schema_only
from audience_mock.web.evidence import inferred
from audience_mock.web.openapi import Links, link, operation, response
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

router = APIRouter(route_class=PinterestRoute, tags=["customer_segments"])
_COLLECTION = "/ad_accounts/{ad_account_id}/customer_segments"
_VERSIONS = ["5.28"]

_NOT_FOUND: Responses = {
    404: error(
        "No such customer segment in the ad account", 4, "Sorry! We could not find your customer segment."
    )
}
_NULL = {"application/json": {"schema": {"type": "null"}, "example": None}}
_LIST = link("customer_segment/list", **SAME_ACCOUNT)


def _changes(id: str) -> Links:
    return {
        "Update": link(
            "customer_segment/update",
            {"id": id, "operation_type": "UPDATE", "audience_ids": []},
            **SAME_ACCOUNT,
        ),
        "Remove": link("customer_segment/update", {"id": id, "operation_type": "REMOVE"}, **SAME_ACCOUNT),
    }


@router.post(
    _COLLECTION,
    operation_id="customer_segment/create",
    summary="Create a customer segment from audiences",
    status_code=201,
    response_model=CustomerSegment,
    responses=created(CustomerSegment, SEGMENT_EXAMPLE, {"List": _LIST, **_changes("$response.body#/id")})
    | WRITE_ERRORS,
    openapi_extra=operation(
        PRODUCTION,
        KEYS_IN_ORDER,
        CREATED,
        security=ADS_WRITE,
        api_versions=_VERSIONS,
        parameters=[PREFER],
    ),
)
async def create(request: MockRequest, ad_account_id: PathId, body: CustomerSegmentCreate) -> RawResponse:
    row = await request.world.transact(
        segments.create,
        account=ad_account_id,
        name=body.name,
        members=body.audience_ids,
        check=not is_schema_only(request.options),
    )
    return json_response(request, serializers.customer_segment(row), status_of_create(request))


@router.get(
    _COLLECTION,
    operation_id="customer_segment/list",
    summary="List customer segments",
    response_model=CustomerSegmentPage,
    responses=success(
        PAGE_EXAMPLE,
        links={
            "Next": link_to_next_page("customer_segment/list", "order", "search_query", path="ad_account_id"),
            **_changes("$response.body#/items/0/id"),
        },
    )
    | READ_ERRORS,
    openapi_extra=operation(
        NEWEST,
        inferred("the response to a create").says("the keys of the items, and their order"),
        BOOKMARK,
        security=ADS_READ_AS_USER,
        api_versions=_VERSIONS,
    ),
)
async def list_page(
    request: MockRequest, ad_account_id: PathId, query: Annotated[CustomerSegmentListQuery, Query()]
) -> RawResponse:
    paged_list = PagedList("customer_segment/list", ad_account_id, query.order, query.search_query)
    rows, next_cursor = await request.world.read(
        segments.list_page,
        account=ad_account_id,
        named=query.search_query,
        cursor=paged_list.cursor(query.bookmark),
        limit=query.page_size,
        descending=query.descending,
    )
    return json_response(request, paged_list.page(serializers.listed_customer_segments(rows), next_cursor))


@router.patch(
    _COLLECTION,
    operation_id="customer_segment/update",
    summary="Give a customer segment other audiences, or remove it",
    response_model=None,
    responses={200: {**response(links={"List": _LIST}, description="Changed, or removed"), "content": _NULL}}
    | WRITE_ERRORS
    | {400: error("An invalid value", 1, "Invalid request: 'id' is a required property")}
    | _NOT_FOUND,
    openapi_extra=operation(
        NEWEST,
        TEMPLATES.says("null"),
        OURS.says("after REMOVE it is not found"),
        security=ADS_WRITE,
        api_versions=_VERSIONS,
    ),
)
async def update(request: MockRequest, ad_account_id: PathId, body: CustomerSegmentUpdate) -> RawResponse:
    number = audience_number(body.id)
    if body.operation_type == "REMOVE":
        await request.world.transact(segments.remove, account=ad_account_id, number=number)
    else:
        await request.world.transact(
            segments.replace_members,
            account=ad_account_id,
            number=number,
            members=body.audience_ids,
            check=not is_schema_only(request.options),
        )
    return json_response(request, serializers.UPDATED)
