"""Pixels as clients create and read them."""

from typing import Annotated, Literal

from audience_mock.providers.pitchtarget.schema_types import AccountId, Name
from audience_mock.providers.pitchtarget.sources import DOCUMENTATION, EXCHANGES
from audience_mock.web.schema import ApiModel


class RemarketingPixel(ApiModel):
    js: Annotated[str, EXCHANGES.says("this text in the place of the code")]


class OffsitePixelCreate(ApiModel):
    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Name, DOCUMENTATION]
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
