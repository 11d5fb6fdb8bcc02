"""Audiences as Pinterest writes them: what a request may hold, and the three orders of an answer's keys.

Pinterest's prose and its schema disagree about the values of a rule (`"percentage": "10"` against an
integer). Both are read; answers have the schema's types, since strict clients refuse anything else.
"""

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError, to_json

from audience_mock.pinterest.contract import Prose, is_before_5_28, is_by_schema_alone, since_5_28
from audience_mock.pinterest.errors import DIGITS, InvalidRequest

MAX_RETENTION_DAYS = 540
MAX_PAGE_SIZE = 250
DEFAULT_PAGE_SIZE = 25

AudienceType = Literal["CUSTOMER_LIST", "VISITOR", "ENGAGEMENT", "ACTALIKE", "PERSONA"]
# Pinterest makes LOOKALIKE audiences itself; they are read, not created.
AnsweredType = Literal["CUSTOMER_LIST", "VISITOR", "ENGAGEMENT", "ACTALIKE", "PERSONA", "LOOKALIKE"]
AudienceStatus = Literal[
    "INITIALIZING", "READY", "TOO_SMALL", "ELIGIBLE", "PERSONAS_INELIGIBLE_SIZE", "PERSONAS_INITIALIZING"
]
# VIDEO_VIEW and WEB_SESSIONS are deprecated and still in use.
ObjectiveType = Literal[
    "AWARENESS",
    "CONSIDERATION",
    "WEB_CONVERSION",
    "CATALOG_SALES",
    "VIDEO_COMPLETION",
    "SALES",
    "VIDEO_VIEW",
    "WEB_SESSIONS",
]
_OBJECTIVES_BEFORE_5_28 = [objective for objective in get_args(ObjectiveType) if objective != "SALES"]
# fmt: off
Currency = Literal[
    "UNK", "USD", "GBP", "CAD", "EUR", "AUD", "NZD", "SEK", "ILS", "CHF", "HKD", "JPY", "SGD", "KRW",
    "NOK", "DKK", "PLN", "RON", "HUF", "CZK", "BRL", "MXN", "ARS", "CLP", "COP", "INR", "TRY",
]
# fmt: on


def _sole(value: Any) -> Any:
    """The prose has a list of one where the schema has the one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _first(value: Any) -> Any:
    """The prose lists the items of an order where the schema has one; chosen: the first comes back."""
    return value[0] if isinstance(value, list) and value else value


def _listed(value: Any) -> Any:
    """The prose has the one where the schema has a list."""
    return [value] if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    """The prose has digits in quotes where the schema has an integer."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def numeric(value: Any) -> Any:
    """A parameter of the query, digits only."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise PydanticCustomError("int_parsing", "not numeric")
    return value


def _written(value: Any) -> Any:
    """The prose has a number where the schema has a string."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _url(value: Any) -> Any:
    """The schema has a list of strings; the prose also a string, and an object of operator and value.

    Chosen: the object comes back as its JSON text in a list of one, which loses nothing and is of the
    schema's type.
    """
    if (
        isinstance(value, dict)
        and value
        and all(
            operator in ("=", "!=", "contains", "not_contains") and isinstance(operand, str)
            for operator, operand in value.items()
        )
    ):
        return [to_json(value).decode()]
    return _listed(value)


def _described_objective(value: str, info: ValidationInfo) -> str:
    """SALES came after 5.23."""
    if value not in _OBJECTIVES_BEFORE_5_28 and is_before_5_28(info.context):
        expected = ", ".join(f"'{objective}'" for objective in _OBJECTIVES_BEFORE_5_28)
        raise PydanticKnownError("literal_error", {"expected": expected})
    return value


# The description says `\d` as Pinterest's does; only ASCII digits are meant.
Digits = Annotated[str, Field(pattern=r"^[0-9]+$", json_schema_extra={"pattern": DIGITS})]
PathId = Annotated[str, Field(pattern=r"^[0-9]+$", max_length=18, json_schema_extra={"pattern": DIGITS})]
SoleDigits = Annotated[Digits, BeforeValidator(_sole)]
ListedDigits = Annotated[list[Digits], BeforeValidator(_listed)]
ListedText = Annotated[list[str], BeforeValidator(_listed)]
Whole = Annotated[int, Field(strict=True), BeforeValidator(_whole)]
Written = Annotated[str, BeforeValidator(_written)]
# Chosen: a name, and so a country or an event, has to say something.
Name = Annotated[str, Field(min_length=1, pattern=r"\S", json_schema_extra={"pattern": None}), Prose(str)]


class _Open(BaseModel):
    """Keys that Pinterest does not name are kept and echoed like the others (recorded: no key is lost)."""

    model_config = ConfigDict(extra="allow")


class LineItem(_Open):
    product_brand: str | None = None
    product_category: str | None = None
    product_id: Whole | None = None
    product_name: str | None = None
    product_price: Written | None = None
    product_quantity: Whole | None = None
    product_variant: str | None = None
    product_variant_id: Written | None = None


class EventData(_Open):
    currency: Currency | None = None
    lead_type: str | None = None
    line_items: Annotated[LineItem, BeforeValidator(_first)] | None = None
    order_id: Written | None = None
    order_quantity: Whole | None = None
    page_name: str | None = None
    promo_code: str | None = None
    property: str | None = None
    search_query: str | None = None
    value: Written | None = None
    video_title: str | None = None


class AudienceRule(_Open):
    """Whom an audience is made of. Which keys it needs depends on the type of the audience."""

    ad_account_id: Digits | None = None
    ad_id: ListedDigits | None = None
    campaign_id: ListedDigits | None = None
    country: Annotated[str, Field(min_length=2), Prose(str)] | None = None
    customer_list_id: SoleDigits | None = None
    engagement_domain: ListedText | None = None
    engagement_type: Annotated[Literal["click", "save", "closeup", "comment", "like"], Prose(str)] | None = (
        None
    )
    engager_type: (
        Annotated[int, Field(strict=True, ge=1, le=2), BeforeValidator(_whole), Prose(Whole)] | None
    ) = None
    event: Annotated[str, Field(min_length=1), Prose(str)] | None = None
    event_data: EventData | None = None
    event_source: (
        Annotated[
            dict[
                Literal["="],
                Annotated[list[Literal["web", "mobile", "offline"]], BeforeValidator(_listed)],
            ],
            Prose(dict[str, Any]),
        ]
        | None
    ) = None
    ingestion_source: (
        Annotated[
            dict[
                Literal["="],
                Annotated[
                    list[Literal["tag", "mmp", "file_upload", "conversions_api"]], BeforeValidator(_listed)
                ],
            ],
            Prose(dict[str, Any]),
        ]
        | None
    ) = None
    objective_type: (
        Annotated[
            list[Annotated[ObjectiveType, AfterValidator(_described_objective)]], BeforeValidator(_listed)
        ]
        | None
    ) = None
    percentage: (
        Annotated[int, Field(strict=True, ge=1, le=10), BeforeValidator(_whole), Prose(Whole)] | None
    ) = None
    pin_id: ListedDigits | None = None
    prefill: StrictBool | None = None
    retention_days: (
        Annotated[int, Field(strict=True, ge=1, le=MAX_RETENTION_DAYS), BeforeValidator(_whole), Prose(Whole)]
        | None
    ) = None
    seed_id: (
        Annotated[list[Digits], Field(min_length=1), BeforeValidator(_listed), Prose(ListedDigits)] | None
    ) = None
    url: Annotated[list[str], BeforeValidator(_url)] | None = None
    visitor_source_id: SoleDigits | None = None

    def echo(self) -> str:
        """The keys that were sent, sorted by name, no nulls, nothing added (recorded); JSON text."""
        # By schema alone a value need not be of the narrower type that its field is declared with.
        sent = self.model_dump(exclude_unset=True, exclude_none=True, warnings=False)
        return to_json(_sorted(sent)).decode()


def _sorted(value: Any) -> Any:
    """Chosen for the inner objects; only the rule's own keys were seen sorted and without nulls."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value) if value[key] is not None}
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value


REQUIRED = {
    "VISITOR": ("visitor_source_id",),
    "CUSTOMER_LIST": ("customer_list_id",),
    "ACTALIKE": ("seed_id", "country", "percentage"),
    # The prose calls engagement_domain required; live tests of the official client create without it.
    "ENGAGEMENT": (),
}


def check_rule(audience_type: str, rule: AudienceRule, options: Any) -> None:
    """Raises InvalidRequest if the rule lacks what its type needs, as the prose has it: no key of a rule is
    required by a schema."""
    if is_by_schema_alone(options):
        return
    for key in REQUIRED.get(audience_type, ()):
        if getattr(rule, key) is None:
            raise InvalidRequest(f"{key!r} is a required property")
    if rule.event_data is not None and rule.event is None:
        raise InvalidRequest("'event' is a dependency of 'event_data'")


class AudienceCreate(BaseModel):
    """Keys that are not named here are read over, as Pinterest's descriptions allow."""

    ad_account_id: Digits | None = Field(
        default=None, description="Read over: the path says whose audience it is."
    )
    audience_type: AudienceType
    description: str | None = None
    name: Name
    rule: AudienceRule

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "People who checked out",
                    "audience_type": "VISITOR",
                    "description": "The last 30 days",
                    "rule": {"visitor_source_id": "2612523499806", "event": "checkout", "retention_days": 30},
                }
            ]
        }
    )

    @model_validator(mode="after")
    def _whole_request(self, info: ValidationInfo) -> Self:
        if self.audience_type == "PERSONA" and not is_by_schema_alone(info.context):
            # Documented as made by Pinterest's staff only; the refusal's words are chosen.
            raise InvalidRequest("'PERSONA' audiences cannot be created")
        check_rule(self.audience_type, self.rule, info.context)
        return self


class AudienceCreateCustom(BaseModel):
    """For data partners; described from 5.8 to 5.18."""

    ad_account_id: Digits | None = None
    category: str | None = None
    data_party: Literal["1p", "3p"]
    name: Name
    rule: AudienceRule
    sharing_type: Literal["CUSTOM", "SYNDICATED"]

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
        """The request has none and the answer does: inferred from the keys of the rule."""
        for audience_type in ("CUSTOMER_LIST", "ACTALIKE", "VISITOR"):
            if getattr(self.rule, REQUIRED[audience_type][0]) is not None:
                return audience_type
        return "ENGAGEMENT"

    @model_validator(mode="after")
    def _whole_request(self, info: ValidationInfo) -> Self:
        check_rule(self.audience_type, self.rule, info.context)
        return self


class AudienceUpdate(BaseModel):
    """All keys are optional; one that is not sent keeps its value."""

    ad_account_id: Digits | None = None
    # In the newest description; a type cannot be changed, so it is read over.
    audience_type: Annotated[AudienceType | None, since_5_28(None)] = None
    description: str | None = None
    name: Name = Field(default_factory=str)
    operation_type: Literal["UPDATE", "REMOVE"] = "UPDATE"
    rule: AudienceRule = Field(default_factory=AudienceRule)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Buyers"}, {"operation_type": "REMOVE"}]}
    )


class AudienceListQuery(BaseModel):
    bookmark: str | None = None
    order: Literal["ASCENDING", "DESCENDING"] = "ASCENDING"
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE), BeforeValidator(numeric)] = DEFAULT_PAGE_SIZE
    ownership_type: Literal["OWNED", "RECEIVED"] = "OWNED"
    exclude_nca: Annotated[bool, since_5_28(False)] = False


class CreatedAudience(BaseModel):
    """The answer to a POST; recorded key order."""

    ad_account_id: Digits
    id: Digits
    name: str
    audience_type: AnsweredType
    description: str | None
    rule: AudienceRule
    size: int
    status: AudienceStatus
    type: Literal["audience"]
    created_timestamp: int
    updated_timestamp: int
    created_by_company_name: str | None
    is_nca: bool


class Audience(BaseModel):
    """The answer to GET and PATCH of one; recorded key order."""

    type: Literal["audience"]
    id: Digits
    name: str
    ad_account_id: Digits
    audience_type: AnsweredType
    description: str | None
    status: AudienceStatus
    size: int
    updated_timestamp: int
    created_timestamp: int
    rule: AudienceRule
    created_by_company_name: str | None
    is_nca: bool


class ListedAudience(Audience):
    """An item of the list; recorded key order."""

    is_ctv_enabled: bool


class AudiencePage(BaseModel):
    """`bookmark` is null on the last page."""

    items: list[ListedAudience]
    bookmark: str | None
