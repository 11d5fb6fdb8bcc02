"""Sharing: who gets an audience or loses it, who has it, with which permissions."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from audience_mock.core.store.tables import ACCOUNT, BUSINESS
from audience_mock.providers.pinterest.schema_types import (
    DEFAULT_PAGE_SIZE,
    DIGITS,
    Digits,
    PageSize,
    PathId,
)
from audience_mock.providers.pinterest.sources import BOUNDED, DESCRIPTION, OURS
from audience_mock.providers.pinterest.strictness import SchemaAllows
from audience_mock.web.schema import ApiModel

MAX_RECIPIENTS = 100
"""Recipients of one request. Not documented; chosen, so that a request stays small."""

AccountType = Literal["AD_ACCOUNT", "BUSINESS_ACCOUNT"]
RECIPIENT_KINDS = {"AD_ACCOUNT": ACCOUNT, "BUSINESS_ACCOUNT": BUSINESS}

PERMISSIONS = {
    ACCOUNT: ("RESOURCE_PINNER_LIST_READER",),
    BUSINESS: ("RESOURCE_PINNER_LIST_READER", "BIZ_PINNER_LIST_SHARER"),
}
"""What SHARE grants. The roles are described, who gets which is chosen: a recipient may use the audience,
and a business may pass it on to its ad accounts."""

# fmt: off
Role = Literal[
    "UNKNOWN", "OWNER", "ADMIN", "ANALYST", "SOS_READER", "FINANCE_MANAGER", "FINANCE_EDIT", "FINANCE_VIEW",
    "AUDIENCE_MANAGER", "CAMPAIGN_MANAGER", "CATALOGS_MANAGER", "CATALOGS_VIEWER", "RESTRICTED_OWNER",
    "PROFILE_MANAGER", "PROFILE_PUBLISHER", "RESOURCE_PINNER_LIST_OWNER", "RESOURCE_PINNER_LIST_READER",
    "BIZ_PINNER_LIST_SHARER", "RESOURCE_CONVERSION_TAGS_READER",
]
# fmt: on

BusinessId = Annotated[
    str,
    Field(pattern=r"^[0-9]+$", min_length=1, max_length=20, json_schema_extra={"pattern": DIGITS}),
    DESCRIPTION,
    DESCRIPTION.says("1 to 20 digits"),
]
# Chosen: at least one. The schema allows an empty list.
_Recipients = Field(min_length=1, max_length=MAX_RECIPIENTS)
_RecipientsOrNone = Field(max_length=MAX_RECIPIENTS)
_FEW = BOUNDED.says(f"1 to {MAX_RECIPIENTS} of them")


class SharedAccountsQuery(ApiModel):
    audience_id: PathId
    account_type: Annotated[AccountType, DESCRIPTION]
    page_size: Annotated[PageSize, DESCRIPTION] = DEFAULT_PAGE_SIZE
    bookmark: Annotated[str | None, DESCRIPTION] = None


class SharingUpdate(ApiModel):
    """What the requests for ad accounts and for businesses have in common."""

    recipient_kind: ClassVar[str]
    recipients_key: ClassVar[str]

    audience_id: Annotated[Digits, DESCRIPTION]
    operation_type: Annotated[Literal["SHARE", "REVOKE"], DESCRIPTION]

    @property
    def recipients(self) -> list[str]:
        """Each of them once."""
        return list(dict.fromkeys(getattr(self, self.recipients_key)))


class SharedAudience(SharingUpdate):
    """Ad accounts that get an audience or lose it."""

    recipient_kind = ACCOUNT
    recipients_key = "recipient_account_ids"

    recipient_account_ids: Annotated[
        list[PathId],
        _Recipients,
        SchemaAllows(Annotated[list[PathId], _RecipientsOrNone]),
        DESCRIPTION,
        _FEW,
    ]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "audience_id": "2542623499806",
                    "operation_type": "SHARE",
                    "recipient_account_ids": ["549755885176"],
                }
            ]
        }
    )


class BusinessSharedAudience(SharingUpdate):
    """Businesses that get an audience or lose it."""

    recipient_kind = BUSINESS
    recipients_key = "recipient_business_ids"

    recipient_business_ids: Annotated[
        list[BusinessId],
        _Recipients,
        SchemaAllows(Annotated[list[BusinessId], _RecipientsOrNone]),
        DESCRIPTION,
        _FEW,
    ]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "audience_id": "2542623499806",
                    "operation_type": "SHARE",
                    "recipient_business_ids": ["729090764583391194"],
                }
            ]
        }
    )


class SharedAudienceResponse(ApiModel):
    """`permissions` are those that the recipients have afterwards: none after REVOKE (chosen)."""

    audience_id: str
    permissions: Annotated[
        list[Role], OURS.says("those that the recipients have afterwards: none after REVOKE")
    ]
    recipient_account_ids: list[str]


class BusinessSharedAudienceResponse(ApiModel):
    """`permissions` are those that the recipients have afterwards: none after REVOKE (chosen)."""

    audience_id: str
    permissions: Annotated[
        list[Role], OURS.says("those that the recipients have afterwards: none after REVOKE")
    ]
    recipient_business_ids: list[str]


class SharedAudienceAccount(ApiModel):
    """Who has an audience, since when."""

    account_id: Digits
    account_name: str
    account_type: AccountType
    shared_on_timestamp: int


class SharedAccountsPage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[SharedAudienceAccount]
    bookmark: str | None


ACCOUNTS_EXAMPLE: dict[str, Any] = {
    "audience_id": "2542623499806",
    "permissions": list(PERMISSIONS[ACCOUNT]),
    "recipient_account_ids": ["549755885176"],
}
BUSINESSES_EXAMPLE: dict[str, Any] = {
    "audience_id": "2542623499806",
    "permissions": list(PERMISSIONS[BUSINESS]),
    "recipient_business_ids": ["729090764583391194"],
}
RECIPIENTS_EXAMPLE: dict[str, Any] = {
    "items": [
        {
            "account_id": "549755885176",
            "account_name": "Ad account 549755885176",
            "account_type": "AD_ACCOUNT",
            "shared_on_timestamp": 1795305607,
        }
    ],
    "bookmark": None,
}
