"""/custom_audiences: create, add users, sync, list, get, delete; and their paths of 2014-04.

The fields of a create or an add determine its revision. Reads and deletes on /custom_audiences look alike in
both revisions and answer in the one that is set.
"""

from collections.abc import Callable
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from fastapi import APIRouter, Query

from audience_mock.core.audiences import changes, facebook_ids, queries
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.transaction import Transaction
from audience_mock.providers.pitchtarget.api import NAME
from audience_mock.providers.pitchtarget.custom_audiences import json_create, user_file
from audience_mock.providers.pitchtarget.custom_audiences.schemas import (
    APRIL_EXAMPLE,
    FACEBOOK_EXAMPLE,
    MAY_EXAMPLE,
    Created,
    CustomAudienceEnvelope,
    CustomAudiencePage,
    EitherId,
    FileAddForm,
    FileCreate,
    FileCreateForm,
    JsonCreate,
    ListQuery,
    LookalikeCreate,
    MayAdd,
    WebsiteCreate,
)
from audience_mock.providers.pitchtarget.custom_audiences.serializers import (
    april_audience,
    facebook_object,
    in_envelope,
    may_audience,
)
from audience_mock.providers.pitchtarget.openapi_responses import (
    NO_TOKEN,
    NOT_FOUND,
    QUERY_ERRORS,
    WRITE_ERRORS,
    created,
    success,
)
from audience_mock.providers.pitchtarget.responses import april_response, empty_response, json_response
from audience_mock.providers.pitchtarget.route import PitchTargetRoute
from audience_mock.providers.pitchtarget.schema_types import AccountQuery
from audience_mock.providers.pitchtarget.sources import (
    AT_ALL_DATES,
    DOCUMENTATION,
    IN_APRIL,
    IN_BOTH,
    IN_MAY,
    OURS,
)
from audience_mock.web.body import FORM, JSON, MULTIPART, check_json, media_type, read_parameters
from audience_mock.web.errors import InvalidInputError, UnsupportedContentTypeError
from audience_mock.web.openapi import link, operation, response
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.validation import validated

PAGE_SIZE = 10

router = APIRouter(route_class=PitchTargetRoute, tags=["custom audiences"])

P = ParamSpec("P")
T = TypeVar("T")

_ID = "$response.body#/fb_custom_audience/id"
_GET_SAME = {"Get": link("custom_audiences/get", id="$request.path.id")}
_GET_CREATED = {"Get": link("customaudiences/get", id="$response.body#/id")}


@router.post(
    "/custom_audiences",
    operation_id="custom_audiences/create",
    summary="Create a custom audience",
    description="From a file of users (multipart), or a lookalike, website or app audience (JSON).",
    status_code=201,
    response_model=CustomAudienceEnvelope | Created,
    responses=WRITE_ERRORS
    | created(
        in_envelope(APRIL_EXAMPLE),
        links={
            "Get": link("custom_audiences/get", id=_ID),
            "AddUsers": link("custom_audiences/add_users", id=_ID),
            "Delete": link("custom_audiences/delete", id=_ID),
        },
    ),
    openapi_extra=operation(
        AT_ALL_DATES,
        AT_ALL_DATES.says("success is 201"),
        DOCUMENTATION.says("type makes it 2014-04, subtype 2014-05, a form without subtype 2014-04"),
        IN_APRIL.says("2014-04: description is null though one was sent"),
        bodies={JSON: JsonCreate, MULTIPART: FileCreateForm},
    ),
)
async def create(request: MockRequest) -> RawResponse:
    body: FileCreate | JsonCreate
    if media_type(request) == MULTIPART:
        body, row = await user_file.create_audience(request)
    else:
        check_json(request, MULTIPART)
        body = await json_create.read(request)
        row = await json_create.create_audience(request, body)
    if body.subtype is not None:
        return json_response(request, in_envelope(may_audience(row)), 201)
    if isinstance(body, FileCreate):
        return april_response(request, in_envelope(april_audience(row)), 201)
    return json_response(request, {"id": row.facebook_id}, 201)


@router.post(
    "/lookalikeaudiences",
    operation_id="lookalikeaudiences/create",
    summary="Create a lookalike audience, at its path of 2014-04",
    status_code=201,
    response_model=Created,
    responses=WRITE_ERRORS | created({"id": "6006183285954"}, links=_GET_CREATED),
    openapi_extra=operation(IN_APRIL),
)
async def create_lookalike(request: MockRequest, body: LookalikeCreate) -> RawResponse:
    row = await json_create.create_audience(request, body)
    return april_response(request, {"id": row.facebook_id}, 201)


@router.post(
    "/websitecustomaudiences",
    operation_id="websitecustomaudiences/create",
    summary="Create a website audience, at its path of 2014-04",
    status_code=201,
    response_model=Created,
    responses=WRITE_ERRORS | created({"id": "6006183285954"}, links=_GET_CREATED),
    openapi_extra=operation(IN_APRIL),
)
async def create_website(request: MockRequest, body: WebsiteCreate) -> RawResponse:
    row = await json_create.create_audience(request, body)
    return april_response(request, {"id": row.facebook_id}, 201)


@router.put(
    "/custom_audiences/{id}",
    operation_id="custom_audiences/add_users",
    summary="Add users to a custom audience",
    response_model=CustomAudienceEnvelope,
    responses=WRITE_ERRORS | NOT_FOUND | success(in_envelope(APRIL_EXAMPLE), links=_GET_SAME),
    openapi_extra=operation(
        IN_BOTH,
        OURS.says("only to an audience that was made from a file"),
        bodies={MULTIPART: FileAddForm},
    ),
)
async def add_users(request: MockRequest, id: EitherId) -> RawResponse:
    if media_type(request) != MULTIPART:
        raise UnsupportedContentTypeError(media_type(request), MULTIPART)
    row = await _find(request, id)
    if row.kind != FileCreate.kind:
        # Chosen: only an audience that was made from a file has users of its own.
        raise InvalidInputError("body", [{"type": "no_users", "loc": (), "input": id}])
    fields, row = await user_file.add_users(request, row)
    if isinstance(fields, MayAdd):
        return json_response(request, in_envelope(may_audience(row)))
    return april_response(request, in_envelope(april_audience(row)))


@router.put(
    "/custom_audiences",
    operation_id="custom_audiences/sync",
    summary="Fetch from Facebook what it knows of an ad account's audiences, at once",
    status_code=204,
    response_model=None,
    responses=WRITE_ERRORS,
    openapi_extra=operation(
        IN_MAY,
        IN_MAY.says("success is 204"),
        bodies={FORM: AccountQuery, JSON: AccountQuery},
    ),
)
async def sync(request: MockRequest) -> RawResponse:
    body = validated(AccountQuery, await read_parameters(request))
    await request.world.transact(facebook_ids.assign_to_account, account=body.fb_ad_account_id)
    return empty_response(request)


@router.get(
    "/custom_audiences",
    operation_id="custom_audiences/list",
    summary="List the custom audiences of an ad account",
    response_model=CustomAudiencePage | list[dict[str, Any]],
    responses=QUERY_ERRORS
    | success(
        {"custom_audiences": [MAY_EXAMPLE], "meta": {"page": 1, "total": 1}},
        links={"GetFirst": link("custom_audiences/get", id="$response.body#/custom_audiences/0/id")},
    ),
    openapi_extra=operation(IN_MAY, DOCUMENTATION.says("2014-05: 10 a page, from 1")),
)
async def list_page(request: MockRequest, query: Annotated[ListQuery, Query()]) -> RawResponse:
    if request.options.is_april:
        return await list_as_facebook(request, query)
    rows, total = await _transact(
        request,
        queries.list_by_offset,
        api=NAME,
        account=query.fb_ad_account_id,
        kind=query.subtype,
        offset=(query.page - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
    )
    page = [may_audience(row) for row in rows]
    return json_response(request, {"custom_audiences": page, "meta": {"page": query.page, "total": total}})


@router.get(
    "/customaudiences",
    operation_id="customaudiences/list",
    summary="List the custom audiences of an ad account, at its path of 2014-04",
    response_model=list[dict[str, Any]],
    responses=QUERY_ERRORS
    | success(
        [FACEBOOK_EXAMPLE],
        links={"GetFirst": link("customaudiences/get", id="$response.body#/0/id")},
    ),
    openapi_extra=operation(IN_APRIL, IN_APRIL.says("a bare array")),
)
async def list_as_facebook(request: MockRequest, query: Annotated[AccountQuery, Query()]) -> RawResponse:
    found = await _transact(request, queries.list_with_origins, api=NAME, account=query.fb_ad_account_id)
    now_ms = request.world.clock.now_ms()
    return april_response(request, [facebook_object(row, origin, now_ms) for row, origin in found])


@router.get(
    "/custom_audiences/{id}",
    operation_id="custom_audiences/get",
    summary="Get a custom audience",
    response_model=CustomAudienceEnvelope | dict[str, Any],
    responses=NO_TOKEN | NOT_FOUND | success(in_envelope(MAY_EXAMPLE)),
    openapi_extra=operation(IN_MAY),
)
async def get(request: MockRequest, id: EitherId) -> RawResponse:
    if request.options.is_april:
        return await get_as_facebook(request, id)
    row = await _count_read(request, await _find(request, id))
    return json_response(request, in_envelope(may_audience(row)))


@router.get(
    "/customaudiences/{id}",
    operation_id="customaudiences/get",
    summary="Get a custom audience as Facebook has it, at its path of 2014-04",
    response_model=dict[str, Any],
    responses=NO_TOKEN | NOT_FOUND | success(FACEBOOK_EXAMPLE),
    openapi_extra=operation(IN_APRIL, OURS.says("Facebook's object of another kind than a lookalike")),
)
async def get_as_facebook(request: MockRequest, id: EitherId) -> RawResponse:
    row, origin = await _transact(request, queries.find_with_origin, api=NAME, id=id)
    row = await _count_read(request, row)
    return april_response(request, facebook_object(row, origin, request.world.clock.now_ms()))


@router.delete(
    "/custom_audiences/{id}",
    operation_id="custom_audiences/delete",
    summary="Delete a custom audience",
    description="2014-05 answers 204, 2014-04 the audience that was.",
    status_code=204,
    response_model=None,
    responses=NO_TOKEN
    | NOT_FOUND
    | {
        # It no longer exists then.
        204: response(links=_GET_SAME),
        200: response(
            in_envelope(APRIL_EXAMPLE), links=_GET_SAME, description="2014-04", model=CustomAudienceEnvelope
        ),
    },
    openapi_extra=operation(IN_BOTH, IN_BOTH.says("2014-05 answers 204, 2014-04 the audience that was")),
)
async def delete(request: MockRequest, id: EitherId) -> RawResponse:
    row = await _transact(request, changes.delete_by_any_id, api=NAME, id=id)
    if request.options.is_april:
        return april_response(request, in_envelope(april_audience(row)))
    return empty_response(request)


async def _find(request: MockRequest, id: str) -> AudienceRow:
    return await _transact(request, queries.find_by_any_id, api=NAME, id=id)


async def _count_read(request: MockRequest, row: AudienceRow) -> AudienceRow:
    """The audience after this read of it: a policy may count reads."""
    if row.policy is None:
        return row
    return await request.world.transact(changes.record_read, key=row.key)


async def _transact(
    request: MockRequest,
    operation: Callable[Concatenate[Transaction, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run an operation of the core once Facebook has taken the audiences that are due."""
    return await request.world.transact(facebook_ids.assign_due_then, operation, *args, **kwargs)
