"""/custom_audiences/remarketing_pixel, /offsite_pixels and their path of 2014-04."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query

from audience_mock.core.audiences import pixels
from audience_mock.core.store.rows import PixelRow
from audience_mock.providers.pitchtarget.custom_audiences.schemas import AccountId, AccountQuery, Text
from audience_mock.providers.pitchtarget.errors import NO_TOKEN, NOT_FOUND, QUERY_REFUSED, REFUSED
from audience_mock.providers.pitchtarget.responses import response
from audience_mock.providers.pitchtarget.route import PitchTargetRoute
from audience_mock.providers.pitchtarget.sources import DOCUMENTATION, EXCHANGES
from audience_mock.web import body as bodies
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.validation import validated

router = APIRouter(route_class=PitchTargetRoute, tags=["pixels"])

REMARKETING = {"js": "remarketing pixel code here"}
"""The documentation shows this text in the code's place."""

# The code that Facebook gave out, as published; what it is worth is in it as 0.01 GBP.
_CODE = """\
<!-- Facebook Conversion Code for {name} -->
<script type="text/javascript">
var fb_param = {{}};
fb_param.pixel_id = '{id}';
fb_param.value = '0.01';
fb_param.currency = 'GBP';
(function(){{
  var fpw = document.createElement('script');
  fpw.async = true;
  fpw.src = '//connect.facebook.net/en_US/fp.js';
  var ref = document.getElementsByTagName('script')[0];
  ref.parentNode.insertBefore(fpw, ref);
}})();
</script>
<noscript><img height="1" width="1" alt="" style="display:none" \
src="https://www.facebook.com/offsite_event.php?id={id}&amp;value=0.01&amp;currency=GBP" /></noscript>"""


class RemarketingPixel(ApiModel):
    js: Annotated[str, EXCHANGES.says("this text in the place of the code")]


class OffsitePixelCreate(ApiModel):
    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Text, DOCUMENTATION]
    tag: Annotated[
        Literal["CHECKOUT", "REGISTRATION", "LEAD", "KEY_PAGE_VIEW", "ADD_TO_CART", "OTHER"], DOCUMENTATION
    ]


class PixelId(ApiModel):
    id: str


class CreatedPixel(ApiModel):
    """The id stands in an object of its own, as published."""

    id: PixelId


class OffsitePixel(ApiModel):
    id: str
    name: str
    tag: str
    status: Annotated[str, EXCHANGES.says("Inactive: nothing fires it here")]
    creator: str
    js_pixel: Annotated[str, EXCHANGES.says("Facebook's code of 2014")]


BODIES = {"offsite_pixels/create": {bodies.FORM: OffsitePixelCreate, bodies.JSON: OffsitePixelCreate}}


def to_wire(pixel: PixelRow) -> dict[str, Any]:
    return {
        "id": pixel.facebook_id,
        "name": pixel.name,
        "tag": pixel.tag,
        # Published; a pixel is active once it was fired, and nothing fires it here.
        "status": "Inactive",
        "creator": pixel.creator,
        "js_pixel": _CODE.format(id=pixel.facebook_id, name=pixel.name),
    }


# No Pixel: the first instance of any table has SQLAlchemy look through the mappings of all of them.
_PUBLISHED = SimpleNamespace(
    facebook_id="6014360342904", account="18", name="CV uploaded", tag="registration", creator="18 (Ann)"
)
_EXAMPLE = to_wire(cast(PixelRow, _PUBLISHED))
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "remarketing_pixel/get": {"200": REMARKETING},
    "remarketing_pixel/get_2014_04": {"200": REMARKETING},
    "offsite_pixels/create": {"200": {"id": {"id": "6014360342904"}}},
    "offsite_pixels/list": {"200": [_EXAMPLE]},
    "offsite_pixels/get": {"200": _EXAMPLE},
}
LINKS: Mapping[str, Any] = {
    "offsite_pixels/create": {"Get": link("offsite_pixels/get", id="$response.body#/id/id")},
    "offsite_pixels/list": {"GetFirst": link("offsite_pixels/get", id="$response.body#/0/id")},
}


@router.get(
    "/custom_audiences/remarketing_pixel",
    operation_id="remarketing_pixel/get",
    summary="Get the remarketing pixel code",
    response_model=RemarketingPixel,
    responses=QUERY_REFUSED,
    openapi_extra=known_by(EXCHANGES),
)
async def get_remarketing_pixel(request: MockRequest, query: Annotated[AccountQuery, Query()]) -> RawResponse:
    return response(request, 200, REMARKETING)


@router.get(
    "/remarketingpixel",
    operation_id="remarketing_pixel/get_2014_04",
    summary="Get the remarketing pixel code, at its path of 2014-04",
    response_model=RemarketingPixel,
    responses=QUERY_REFUSED,
    openapi_extra=known_by(EXCHANGES),
)
async def get_remarketing_pixel_of_april(
    request: MockRequest, query: Annotated[AccountQuery, Query()]
) -> RawResponse:
    return response(request, 200, REMARKETING, chrome_frame=request.options.chrome_frame)


@router.post(
    "/offsite_pixels",
    operation_id="offsite_pixels/create",
    summary="Create an offsite pixel",
    response_model=CreatedPixel,
    responses=REFUSED,
    openapi_extra=known_by(EXCHANGES, EXCHANGES.says("the id in an object of its own")),
)
async def create(request: MockRequest) -> RawResponse:
    body = validated(OffsitePixelCreate, await bodies.read_parameters(request))
    id = await request.world.transact(
        pixels.create, account=body.fb_ad_account_id, name=body.name, tag=body.tag.lower()
    )
    return response(request, 200, {"id": {"id": id}})


@router.get(
    "/offsite_pixels",
    operation_id="offsite_pixels/list",
    summary="List the offsite pixels of an ad account",
    response_model=list[OffsitePixel],
    responses=QUERY_REFUSED,
    openapi_extra=known_by(EXCHANGES),
)
async def list_all(request: MockRequest, query: Annotated[AccountQuery, Query()]) -> RawResponse:
    rows = await request.world.read(pixels.list_all, account=query.fb_ad_account_id)
    return response(request, 200, [to_wire(row) for row in rows])


@router.get(
    "/offsite_pixels/{id}",
    operation_id="offsite_pixels/get",
    summary="Get an offsite pixel",
    response_model=OffsitePixel,
    responses=NO_TOKEN | NOT_FOUND,
    openapi_extra=known_by(EXCHANGES),
)
async def get(request: MockRequest, id: Annotated[str, DOCUMENTATION]) -> RawResponse:
    return response(request, 200, to_wire(await request.world.read(pixels.find, id=id)))
