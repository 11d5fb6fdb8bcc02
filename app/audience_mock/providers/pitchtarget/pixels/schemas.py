"""Pixels as clients create and read them."""

from typing import Annotated, Literal

from pydantic import ConfigDict

from audience_mock.providers.pitchtarget.schema_types import AccountId, Name
from audience_mock.providers.pitchtarget.sources import DOCUMENTATION, IN_BOTH, IN_MAY
from audience_mock.web.schema import ApiModel


class RemarketingPixel(ApiModel):
    js: Annotated[str, IN_BOTH.says("this text in the place of the code")]


class OffsitePixelCreate(ApiModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"fb_ad_account_id": "2", "name": "Orders", "tag": "CHECKOUT"}]}
    )

    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Name, DOCUMENTATION, DOCUMENTATION.says("unique in the ad account")]
    tag: Annotated[
        Literal["CHECKOUT", "REGISTRATION", "LEAD", "KEY_PAGE_VIEW", "ADD_TO_CART", "OTHER"], DOCUMENTATION
    ]


class PixelId(ApiModel):
    id: str


class CreatedPixel(ApiModel):
    """The id stands in an object of its own, as published."""

    id: PixelId


class CreatedPixelOfApril3(ApiModel):
    """The response of 2014-04-03."""

    id: str


class OffsitePixel(ApiModel):
    id: str
    name: str
    tag: str
    status: Annotated[str, IN_MAY.says("Inactive: nothing fires it here")]
    creator: str
    js_pixel: Annotated[str, IN_MAY.says("Facebook's code of 2014")]
