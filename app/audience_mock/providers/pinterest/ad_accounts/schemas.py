"""Ad accounts: requests and responses, after the AdAccount of Pinterest's description."""

from typing import Annotated, Any

from pydantic import Field

from audience_mock.providers.pinterest.schema_types import DEFAULT_PAGE_SIZE, Digits, PageSize
from audience_mock.providers.pinterest.sources import NEWEST
from audience_mock.web.schema import ApiModel


class Owner(ApiModel):
    username: str
    id: Digits


class AdAccount(ApiModel):
    id: Digits
    name: str
    owner: Owner
    country: str
    currency: str
    permissions: list[str]
    created_time: int
    updated_time: int


class AdAccountPage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[AdAccount]
    bookmark: str | None


class AdAccountListQuery(ApiModel):
    bookmark: Annotated[str | None, NEWEST] = None
    page_size: Annotated[PageSize, NEWEST] = DEFAULT_PAGE_SIZE
    include_shared_accounts: Annotated[bool, NEWEST] = Field(
        default=True, description="Ignored: whole accounts are never shared."
    )


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
PAGE_EXAMPLE = {"items": [AD_ACCOUNT_EXAMPLE], "bookmark": None}
