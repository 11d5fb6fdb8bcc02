"""Sharing as Pinterest writes it: who gets an audience, who has it, with which permissions."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from audience_mock.core.store.tables import ACCOUNT, BUSINESS
from audience_mock.providers.pinterest.api_versions import DocumentedConstraint
from audience_mock.providers.pinterest.audiences.schemas import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    Digits,
    PathId,
    numeric,
)
from audience_mock.providers.pinterest.errors import DIGITS
from audience_mock.providers.pinterest.sources import BOUNDED, DESCRIPTION, OURS
from audience_mock.web.schema import ApiModel

MAX_RECIPIENTS = 100
"""Recipients of one request. Not documented; chosen, so that a request stays small."""

AccountType = Literal["AD_ACCOUNT", "BUSINESS_ACCOUNT"]
KINDS = {"AD_ACCOUNT": ACCOUNT, "BUSINESS_ACCOUNT": BUSINESS}

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

PathBusiness = Annotated[
    str,
    Field(pattern=r"^[0-9]+$", min_length=1, max_length=20, json_schema_extra={"pattern": DIGITS}),
    DESCRIPTION,
    DESCRIPTION.says("1 to 20 digits"),
]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE), BeforeValidator(numeric)]
# That there has to be one is chosen; the schema lets a list be empty.
Recipients = Field(min_length=1, max_length=MAX_RECIPIENTS)
MaybeNoRecipients = Field(max_length=MAX_RECIPIENTS)
_FEW = BOUNDED.says(f"1 to {MAX_RECIPIENTS} of them")


class SharedAccountsQuery(ApiModel):
    audience_id: PathId
    account_type: Annotated[AccountType, DESCRIPTION]
    page_size: Annotated[PageSize, DESCRIPTION] = DEFAULT_PAGE_SIZE
    bookmark: Annotated[str | None, DESCRIPTION] = None


class ReceivedAudiencesQuery(ApiModel):
    bookmark: Annotated[str | None, DESCRIPTION] = None
    order: Annotated[Literal["ASCENDING", "DESCENDING"], DESCRIPTION] = "ASCENDING"
    page_size: Annotated[PageSize, DESCRIPTION] = DEFAULT_PAGE_SIZE


class _Update(ApiModel):
    audience_id: Annotated[Digits, DESCRIPTION]
    operation_type: Annotated[Literal["SHARE", "REVOKE"], DESCRIPTION]


class SharedAudience(_Update):
    """Ad accounts that get an audience or lose it."""

    recipient_account_ids: Annotated[
        list[PathId],
        Recipients,
        DocumentedConstraint(Annotated[list[PathId], MaybeNoRecipients]),
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


class BusinessSharedAudience(_Update):
    """Businesses that get an audience or lose it."""

    recipient_business_ids: Annotated[
        list[PathBusiness],
        Recipients,
        DocumentedConstraint(Annotated[list[PathBusiness], MaybeNoRecipients]),
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
