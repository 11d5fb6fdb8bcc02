"""/custom_audiences/remarketing_pixel, /offsite_pixels and their paths of 2014-04."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from audience_mock.core.audiences import pixels
from audience_mock.core.store.rows import PixelRow
from audience_mock.providers.pitchtarget.openapi_responses import (
    NO_TOKEN,
    NOT_FOUND,
    QUERY_ERRORS,
    WRITE_ERRORS,
    success,
)
from audience_mock.providers.pitchtarget.pixels.schemas import (
    CreatedPixel,
    CreatedPixelOfApril3,
    OffsitePixel,
    OffsitePixelCreate,
    RemarketingPixel,
)
from audience_mock.providers.pitchtarget.pixels.serializers import REMARKETING_PIXEL, offsite_pixel
from audience_mock.providers.pitchtarget.responses import april_response, json_response
from audience_mock.providers.pitchtarget.route import PitchTargetRoute
from audience_mock.providers.pitchtarget.schema_types import AccountQuery
from audience_mock.providers.pitchtarget.sources import ANSWERS, DOCUMENTATION, IN_APRIL, IN_MAY
from audience_mock.web.body import FORM, JSON, read_parameters
from audience_mock.web.openapi import link, operation
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.validation import validated

router = APIRouter(route_class=PitchTargetRoute, tags=["pixels"])

_PUBLISHED = PixelRow(
    key=1,
    facebook_id="6014360342904",
    account="18",
    name="CV uploaded",
    tag="registration",
    creator="18 (Ann)",
)


@router.get(
    "/custom_audiences/remarketing_pixel",
    operation_id="remarketing_pixel/get",
    summary="Get the remarketing pixel code",
    response_model=RemarketingPixel,
    responses=QUERY_ERRORS | success(REMARKETING_PIXEL),
    openapi_extra=operation(IN_MAY),
)
async def get_remarketing_pixel(request: MockRequest, query: Annotated[AccountQuery, Query()]) -> RawResponse:
    return json_response(request, REMARKETING_PIXEL)


@router.get(
    "/remarketingpixel",
    operation_id="remarketing_pixel/get_2014_04",
    summary="Get the remarketing pixel code, at its path of 2014-04",
    response_model=RemarketingPixel,
    responses=QUERY_ERRORS | success(REMARKETING_PIXEL),
    openapi_extra=operation(IN_APRIL),
)
async def get_remarketing_pixel_in_april(
    request: MockRequest, query: Annotated[AccountQuery, Query()]
) -> RawResponse:
    return april_response(request, REMARKETING_PIXEL)


@router.post(
    "/offsite_pixels",
    operation_id="offsite_pixels/create",
    summary="Create an offsite pixel",
    response_model=CreatedPixel,
    responses=WRITE_ERRORS
    | success(
        {"id": {"id": _PUBLISHED.facebook_id}},
        links={"Get": link("offsite_pixels/get", id="$response.body#/id/id")},
    ),
    openapi_extra=operation(
        IN_MAY,
        IN_MAY.says("the id in an object of its own"),
        bodies={FORM: OffsitePixelCreate, JSON: OffsitePixelCreate},
    ),
)
async def create(request: MockRequest) -> RawResponse:
    return json_response(request, {"id": {"id": await _create(request)}})


@router.post(
    "/offsitepixels",
    operation_id="offsitepixels/create",
    summary="Create an offsite pixel, at its path of 2014-04",
    response_model=CreatedPixel | CreatedPixelOfApril3,
    responses=WRITE_ERRORS
    | success(
        {"id": _PUBLISHED.facebook_id},
        links={"Get": link("offsitepixels/get", id="$response.body#/id")},
    ),
    openapi_extra=operation(
        ANSWERS,
        ANSWERS.says("the id in an object of its own from 2014-04-08 on, bare before"),
        bodies={FORM: OffsitePixelCreate, JSON: OffsitePixelCreate},
    ),
)
async def create_in_april(request: MockRequest) -> RawResponse:
    id = await _create(request)
    is_bare = request.options.april_revision < "2014-04-08"
    return april_response(request, {"id": id if is_bare else {"id": id}})


async def _create(request: MockRequest) -> str:
    body = validated(OffsitePixelCreate, await read_parameters(request))
    return await request.world.transact(
        pixels.create, account=body.fb_ad_account_id, name=body.name, tag=body.tag.lower()
    )


@router.get(
    "/offsite_pixels",
    operation_id="offsite_pixels/list",
    summary="List the offsite pixels of an ad account",
    response_model=list[OffsitePixel],
    responses=QUERY_ERRORS
    | success(
        [offsite_pixel(_PUBLISHED)],
        links={"GetFirst": link("offsite_pixels/get", id="$response.body#/0/id")},
    ),
    openapi_extra=operation(IN_MAY),
)
async def list_all(request: MockRequest, query: Annotated[AccountQuery, Query()]) -> RawResponse:
    return json_response(request, await _list(request, query))


@router.get(
    "/offsitepixels",
    operation_id="offsitepixels/list",
    summary="List the offsite pixels of an ad account, at its path of 2014-04",
    response_model=list[OffsitePixel],
    responses=QUERY_ERRORS
    | success(
        [offsite_pixel(_PUBLISHED)],
        links={"GetFirst": link("offsitepixels/get", id="$response.body#/0/id")},
    ),
    openapi_extra=operation(ANSWERS, ANSWERS.says("a bare array")),
)
async def list_in_april(request: MockRequest, query: Annotated[AccountQuery, Query()]) -> RawResponse:
    return april_response(request, await _list(request, query))


async def _list(request: MockRequest, query: AccountQuery) -> list[dict[str, Any]]:
    rows = await request.world.read(pixels.list_all, account=query.fb_ad_account_id)
    return [offsite_pixel(row) for row in rows]


@router.get(
    "/offsite_pixels/{id}",
    operation_id="offsite_pixels/get",
    summary="Get an offsite pixel",
    response_model=OffsitePixel,
    responses=NO_TOKEN | NOT_FOUND | success(offsite_pixel(_PUBLISHED)),
    openapi_extra=operation(IN_MAY),
)
async def get(request: MockRequest, id: Annotated[str, DOCUMENTATION]) -> RawResponse:
    return json_response(request, offsite_pixel(await request.world.read(pixels.find, id=id)))


@router.get(
    "/offsitepixels/{id}",
    operation_id="offsitepixels/get",
    summary="Get an offsite pixel, at its path of 2014-04",
    response_model=OffsitePixel,
    responses=NO_TOKEN | NOT_FOUND | success(offsite_pixel(_PUBLISHED)),
    openapi_extra=operation(ANSWERS, ANSWERS.says("keys as in 2014-05")),
)
async def get_in_april(request: MockRequest, id: Annotated[str, DOCUMENTATION]) -> RawResponse:
    return april_response(request, offsite_pixel(await request.world.read(pixels.find, id=id)))
