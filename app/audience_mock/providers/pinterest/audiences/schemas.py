"""Audiences: requests, and the three key orders of responses."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationInfo, model_validator

from audience_mock.providers.pinterest.api_versions import since_5_28
from audience_mock.providers.pinterest.audiences.rule_schema import (
    EVENT_DATA_NEEDS_EVENT,
    KEYS_NEEDED,
    AudienceRule,
    check_rule,
    infer_type,
)
from audience_mock.providers.pinterest.errors import InvalidRequestError
from audience_mock.providers.pinterest.schema_types import (
    NOT_SENT,
    Description,
    Digits,
    Name,
    PageQuery,
    required_but_by_schema,
)
from audience_mock.providers.pinterest.sources import (
    CHANGES,
    CLIENTS,
    DESCRIPTION,
    DOCUMENTATION,
    NEEDED,
    NEWEST,
    OURS,
    PRODUCTION,
    QUOTED,
    UNTIL_5_18,
)
from audience_mock.providers.pinterest.strictness import is_schema_only
from audience_mock.web.schema import ApiModel

COMPANY = "Audience Mock"
"""`created_by_company_name`: null in the response to a POST or PATCH, filled in GET and list (recorded)."""

AudienceType = Literal["CUSTOMER_LIST", "VISITOR", "ENGAGEMENT", "ACTALIKE", "PERSONA"]
# Pinterest makes LOOKALIKE audiences itself; what a business received may be one.
ReceivedType = Literal["CUSTOMER_LIST", "VISITOR", "ENGAGEMENT", "ACTALIKE", "PERSONA", "LOOKALIKE"]
AudienceStatus = Literal[
    "INITIALIZING", "READY", "TOO_SMALL", "ELIGIBLE", "PERSONAS_INELIGIBLE_SIZE", "PERSONAS_INITIALIZING"
]

_NOT_BLANK = NEEDED.says("not blank")
_BY_SCHEMA = CHANGES.says("not required by the schema alone")


class AudienceCreate(ApiModel):
    """Keys that are not named here are ignored, as Pinterest's descriptions allow."""

    ad_account_id: Annotated[Digits | None, DESCRIPTION, CLIENTS.says("sent along, and ignored")] = Field(
        default=None, description="Ignored: the path says whose audience it is."
    )
    audience_type: Annotated[
        AudienceType,
        required_but_by_schema(str),
        DESCRIPTION,
        _BY_SCHEMA,
        DOCUMENTATION.says("PERSONA is not for callers to create"),
    ] = NOT_SENT
    description: Annotated[Description | None, DESCRIPTION, OURS.says("at most 10,000 characters")] = None
    name: Annotated[
        Name,
        required_but_by_schema(str),
        DESCRIPTION,
        _BY_SCHEMA,
        QUOTED.says("required"),
        _NOT_BLANK,
        PRODUCTION.says("equal names are allowed"),
    ] = NOT_SENT
    rule: Annotated[
        AudienceRule,
        required_but_by_schema(AudienceRule),
        DESCRIPTION,
        _BY_SCHEMA,
        KEYS_NEEDED,
        EVENT_DATA_NEEDS_EVENT,
    ] = NOT_SENT

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["audience_type", "name", "rule"],
            "examples": [
                {
                    "name": "People who checked out",
                    "audience_type": "VISITOR",
                    "description": "The last 30 days",
                    "rule": {"visitor_source_id": "2612523499806", "event": "checkout", "retention_days": 30},
                }
            ],
        }
    )

    @model_validator(mode="after")
    def _check_request(self, info: ValidationInfo) -> Self:
        if self.audience_type == "PERSONA" and not is_schema_only(info.context):
            # Documented as made by Pinterest's staff only; the message is chosen.
            raise InvalidRequestError("'PERSONA' audiences cannot be created")
        if not self.audience_type:
            self.audience_type = infer_type(self.rule)
        check_rule(self.audience_type, self.rule, info.context)
        return self


class AudienceCreateCustom(ApiModel):
    """For data partners; described from 5.8 to 5.18."""

    ad_account_id: Annotated[Digits | None, UNTIL_5_18] = None
    category: Annotated[str | None, UNTIL_5_18] = None
    data_party: Annotated[Literal["1p", "3p"], UNTIL_5_18]
    name: Annotated[Name, UNTIL_5_18, _NOT_BLANK]
    rule: Annotated[AudienceRule, UNTIL_5_18, KEYS_NEEDED, EVENT_DATA_NEEDS_EVENT]
    sharing_type: Annotated[Literal["CUSTOM", "SYNDICATED"], UNTIL_5_18]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Quilters, from a partner",
                    "sharing_type": "SYNDICATED",
                    "data_party": "3p",
                    "category": "DLX Demographics",
                    "rule": {"customer_list_id": "5497558"},
                }
            ]
        }
    )

    @property
    def audience_type(self) -> str:
        """The request has none and the response does: inferred from the keys of the rule."""
        return infer_type(self.rule)

    @model_validator(mode="after")
    def _check_request(self, info: ValidationInfo) -> Self:
        check_rule(self.audience_type, self.rule, info.context)
        return self


class AudienceUpdate(ApiModel):
    """All keys are optional; one that is not sent keeps its value."""

    ad_account_id: Annotated[Digits | None, DESCRIPTION, CLIENTS.says("sent along, and ignored")] = None
    audience_type: Annotated[
        AudienceType | None, since_5_28(None), NEWEST, OURS.says("ignored: a type cannot be changed")
    ] = None
    description: Annotated[
        Description | None,
        DESCRIPTION,
        PRODUCTION.says("kept where it is not sent"),
        OURS.says("at most 10,000 characters"),
    ] = None
    name: Annotated[Name, DESCRIPTION, _NOT_BLANK, PRODUCTION.says("kept where it is not sent")] = Field(
        default_factory=str
    )
    operation_type: Annotated[Literal["UPDATE", "REMOVE"], DESCRIPTION] = "UPDATE"
    rule: Annotated[
        AudienceRule,
        DESCRIPTION,
        KEYS_NEEDED,
        EVENT_DATA_NEEDS_EVENT,
        OURS.says("replaces the one before as a whole"),
    ] = Field(default_factory=AudienceRule)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Buyers"}, {"operation_type": "REMOVE"}]}
    )


class AudienceListQuery(PageQuery):
    ownership_type: Annotated[Literal["OWNED", "RECEIVED"], DESCRIPTION] = "OWNED"
    exclude_nca: Annotated[bool, since_5_28(False), NEWEST] = False


_SECONDS = PRODUCTION.says("whole Unix seconds")
_INITIALIZING = PRODUCTION.says("INITIALIZING at first")
_READY = DOCUMENTATION.says("then READY, or TOO_SMALL under 100 matched people")
_SIZE = OURS.says("a made-up number once it is built, or the matched people of a customer list")
_COMPANY_NAME = PRODUCTION.says("null in the response to a POST or PATCH, filled in GET and list")


class CreatedAudience(ApiModel):
    """The response to a POST; recorded key order."""

    ad_account_id: Digits
    id: Annotated[Digits, PRODUCTION.says("13 digits, rising from 2542623499806")]
    name: str
    audience_type: AudienceType
    description: str | None
    rule: Annotated[
        AudienceRule, PRODUCTION.says("the keys that were sent, sorted by name, without nulls or defaults")
    ]
    size: Annotated[int, PRODUCTION.says("0 at first"), _SIZE]
    status: Annotated[AudienceStatus, _INITIALIZING, _READY]
    type: Literal["audience"]
    created_timestamp: Annotated[int, _SECONDS]
    updated_timestamp: Annotated[int, _SECONDS, PRODUCTION.says("moved by a PATCH that changes something")]
    created_by_company_name: Annotated[str | None, _COMPANY_NAME]
    is_nca: Annotated[bool, PRODUCTION.says("false")]


class Audience(ApiModel):
    """The response to GET and PATCH of one; recorded key order."""

    type: Literal["audience"]
    id: Annotated[Digits, PRODUCTION.says("13 digits, rising from 2542623499806")]
    name: str
    ad_account_id: Digits
    audience_type: AudienceType
    description: str | None
    status: Annotated[AudienceStatus, _INITIALIZING, _READY]
    size: Annotated[int, PRODUCTION.says("0 at first"), _SIZE]
    updated_timestamp: Annotated[int, _SECONDS, PRODUCTION.says("moved by a PATCH that changes something")]
    created_timestamp: Annotated[int, _SECONDS]
    rule: Annotated[
        AudienceRule, PRODUCTION.says("the keys that were sent, sorted by name, without nulls or defaults")
    ]
    created_by_company_name: Annotated[str | None, _COMPANY_NAME]
    is_nca: Annotated[bool, PRODUCTION.says("false")]


class ListedAudience(Audience):
    """An item of the list; recorded key order."""

    is_ctv_enabled: Annotated[bool, PRODUCTION.says("false, in a list alone")]


class ReceivedAudience(ListedAudience):
    """An item of the list of a business; recorded key order of an ad account's list."""

    audience_type: ReceivedType  # type: ignore[assignment]


class AudiencePage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[ListedAudience]
    bookmark: str | None


class ReceivedAudiencePage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[ReceivedAudience]
    bookmark: str | None


AUDIENCE_EXAMPLE: dict[str, Any] = {
    "type": "audience",
    "id": "2542623499806",
    "name": "People who checked out",
    "ad_account_id": "549755885175",
    "audience_type": "VISITOR",
    "description": "The last 30 days",
    "status": "READY",
    "size": 31416,
    "updated_timestamp": 1795305607,
    "created_timestamp": 1795305607,
    "rule": {"event": "checkout", "retention_days": 30, "visitor_source_id": "2612523499806"},
    "created_by_company_name": COMPANY,
    "is_nca": False,
}
CREATED_EXAMPLE = {key: AUDIENCE_EXAMPLE[key] for key in CreatedAudience.model_fields} | {
    "size": 0,
    "status": "INITIALIZING",
    "created_by_company_name": None,
}
UPDATED_EXAMPLE = AUDIENCE_EXAMPLE | {"created_by_company_name": None}
PAGE_EXAMPLE = {"items": [AUDIENCE_EXAMPLE | {"is_ctv_enabled": False}], "bookmark": None}
