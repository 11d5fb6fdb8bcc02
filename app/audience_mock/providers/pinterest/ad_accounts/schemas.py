"""Ad accounts: requests and responses, after the AdAccount of Pinterest's description."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from audience_mock.providers.pinterest.ad_accounts.countries import Country
from audience_mock.providers.pinterest.api_versions import since_5_28
from audience_mock.providers.pinterest.audiences.rule_schema import Currency
from audience_mock.providers.pinterest.schema_types import DEFAULT_PAGE_SIZE, Digits, PageSize
from audience_mock.providers.pinterest.sources import NEWEST, OURS, PRODUCTION
from audience_mock.web.schema import ApiModel

MAX_NAME_CHARACTERS = 256
"""Described."""


class AdAccountCreate(ApiModel):
    """All keys are optional; what is left out is as in any ad account."""

    country: Annotated[Country | None, NEWEST] = None
    currency: Annotated[Currency | None, NEWEST] = None
    name: Annotated[str | None, Field(max_length=MAX_NAME_CHARACTERS), NEWEST] = None
    owner_user_id: Annotated[Digits | None, NEWEST] = None
    time_zone: Annotated[
        str | None, since_5_28(None), NEWEST, OURS.says("any text, though an IANA name is asked for")
    ] = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Quilts, Europe",
                    "country": "DE",
                    "currency": "EUR",
                    "owner_user_id": "549755885100",
                    "time_zone": "Europe/Berlin",
                }
            ]
        }
    )


class Owner(ApiModel):
    username: str
    id: Digits


class AdAccount(ApiModel):
    id: Digits
    name: str
    owner: Owner
    country: str
    currency: str
    permissions: Annotated[
        list[str], PRODUCTION.says("[] in the response to a POST"), OURS.says("then OWNER, or a seed's")
    ]
    created_time: int
    updated_time: int
    time_zone: Annotated[str, PRODUCTION.says("the last key, and only of ad accounts that have one")] = ""


class AdAccountPage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[AdAccount]
    bookmark: str | None


class AdAccountListQuery(ApiModel):
    bookmark: Annotated[str | None, NEWEST] = None
    page_size: Annotated[PageSize, NEWEST] = DEFAULT_PAGE_SIZE
    include_shared_accounts: Annotated[
        bool, NEWEST, OURS.says("a shared one is one whose permissions lack OWNER")
    ] = True


AD_ACCOUNT_EXAMPLE: dict[str, Any] = {
    "id": "549755885175",
    "name": "Ad account 549755885175",
    "owner": {"username": "audience_mock", "id": "549755885100"},
    "country": "US",
    "currency": "USD",
    "permissions": ["OWNER"],
    "created_time": 1795305607,
    "updated_time": 1795305607,
}
CREATED_EXAMPLE = AD_ACCOUNT_EXAMPLE | {
    "id": "549769000001",
    "name": "Quilts, Europe",
    "country": "DE",
    "currency": "EUR",
    "permissions": [],
    "time_zone": "Europe/Berlin",
}
PAGE_EXAMPLE = {"items": [AD_ACCOUNT_EXAMPLE], "bookmark": None}
