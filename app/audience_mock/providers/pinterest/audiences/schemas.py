"""Audiences as Pinterest writes them: what a request may hold, and the three orders of an answer's keys.

Pinterest's prose and its schema disagree about the values of a rule (`"percentage": "10"` against an
integer). Both are read; answers have the schema's types, since strict clients refuse anything else.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError, to_json

from audience_mock.providers.pinterest.api_versions import (
    DocumentedConstraint,
    is_before_5_28,
    is_by_schema_alone,
    since_5_28,
)
from audience_mock.providers.pinterest.errors import DIGITS, InvalidRequest
from audience_mock.providers.pinterest.sources import (
    CLIENTS,
    DESCRIPTION,
    DOCUMENTATION,
    NEEDED,
    NEWEST,
    OURS,
    PRODUCTION,
    PROSE,
    QUOTED,
    UNTIL_5_18,
)
from audience_mock.web.evidence import inferred
from audience_mock.web.schema import ApiModel

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
PathId = Annotated[
    str,
    Field(pattern=r"^[0-9]+$", max_length=18, json_schema_extra={"pattern": DIGITS}),
    DESCRIPTION,
    DESCRIPTION.says("at most 18 digits"),
]
SoleDigits = Annotated[Digits, BeforeValidator(_sole)]
ListedDigits = Annotated[list[Digits], BeforeValidator(_listed)]
ListedText = Annotated[list[str], BeforeValidator(_listed)]
Whole = Annotated[int, Field(strict=True), BeforeValidator(_whole)]
Written = Annotated[str, BeforeValidator(_written)]
# Chosen: a name, and so a country or an event, has to say something.
Name = Annotated[
    str, Field(min_length=1, pattern=r"\S", json_schema_extra={"pattern": None}), DocumentedConstraint(str)
]


THERE = inferred("an audience is made of what it names").says("there, in this ad account")
_NOT_BLANK = NEEDED.says("not blank")
_AS_TEXT_TOO = PROSE.says("digits in quotes too")


class _Open(ApiModel):
    """Keys that Pinterest does not name are kept and echoed like the others (recorded: no key is lost)."""

    model_config = ConfigDict(extra="allow")


class LineItem(_Open):
    product_brand: Annotated[str | None, DESCRIPTION] = None
    product_category: Annotated[str | None, DESCRIPTION] = None
    product_id: Annotated[Whole | None, DESCRIPTION] = None
    product_name: Annotated[str | None, DESCRIPTION] = None
    product_price: Annotated[Written | None, DESCRIPTION] = None
    product_quantity: Annotated[Whole | None, DESCRIPTION] = None
    product_variant: Annotated[str | None, DESCRIPTION] = None
    product_variant_id: Annotated[Written | None, DESCRIPTION] = None


class EventData(_Open):
    currency: Annotated[Currency | None, DESCRIPTION] = None
    lead_type: Annotated[str | None, DESCRIPTION] = None
    line_items: Annotated[
        Annotated[LineItem, BeforeValidator(_first)] | None, DESCRIPTION, OURS.says("of a list, the first")
    ] = None
    order_id: Annotated[Written | None, DESCRIPTION] = None
    order_quantity: Annotated[Whole | None, DESCRIPTION] = None
    page_name: Annotated[str | None, DESCRIPTION] = None
    promo_code: Annotated[str | None, DESCRIPTION] = None
    property: Annotated[str | None, DESCRIPTION] = None
    search_query: Annotated[str | None, DESCRIPTION] = None
    value: Annotated[Written | None, DESCRIPTION] = None
    video_title: Annotated[str | None, DESCRIPTION] = None


class AudienceRule(_Open):
    """Whom an audience is made of. Which keys it needs depends on the type of the audience."""

    ad_account_id: Annotated[Digits | None, DESCRIPTION] = None
    ad_id: Annotated[ListedDigits | None, DESCRIPTION] = None
    campaign_id: Annotated[ListedDigits | None, DESCRIPTION] = None
    country: Annotated[
        Annotated[str, Field(min_length=2), DocumentedConstraint(str)] | None,
        DESCRIPTION,
        NEEDED.says("at least 2 characters"),
    ] = None
    customer_list_id: Annotated[SoleDigits | None, DESCRIPTION, THERE] = None
    engagement_domain: Annotated[ListedText | None, DESCRIPTION] = None
    engagement_type: Annotated[
        Annotated[Literal["click", "save", "closeup", "comment", "like"], DocumentedConstraint(str)] | None,
        PROSE,
    ] = None
    engager_type: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=2), BeforeValidator(_whole), DocumentedConstraint(Whole)]
        | None,
        PROSE,
        _AS_TEXT_TOO,
    ] = None
    event: Annotated[
        Annotated[str, Field(min_length=1), DocumentedConstraint(str)] | None, DESCRIPTION, _NOT_BLANK
    ] = None
    event_data: Annotated[EventData | None, DESCRIPTION] = None
    event_source: Annotated[
        Annotated[
            dict[
                Literal["="],
                Annotated[list[Literal["web", "mobile", "offline"]], BeforeValidator(_listed)],
            ],
            DocumentedConstraint(dict[str, Any]),
        ]
        | None,
        PROSE,
    ] = None
    ingestion_source: Annotated[
        Annotated[
            dict[
                Literal["="],
                Annotated[
                    list[Literal["tag", "mmp", "file_upload", "conversions_api"]], BeforeValidator(_listed)
                ],
            ],
            DocumentedConstraint(dict[str, Any]),
        ]
        | None,
        PROSE,
    ] = None
    objective_type: Annotated[
        Annotated[
            list[Annotated[ObjectiveType, AfterValidator(_described_objective)]], BeforeValidator(_listed)
        ]
        | None,
        DESCRIPTION,
    ] = None
    percentage: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=10), BeforeValidator(_whole), DocumentedConstraint(Whole)]
        | None,
        PROSE,
        _AS_TEXT_TOO,
    ] = None
    pin_id: Annotated[ListedDigits | None, DESCRIPTION] = None
    prefill: Annotated[StrictBool | None, DESCRIPTION] = None
    retention_days: Annotated[
        Annotated[
            int,
            Field(strict=True, ge=1, le=MAX_RETENTION_DAYS),
            BeforeValidator(_whole),
            DocumentedConstraint(Whole),
        ]
        | None,
        PROSE,
        _AS_TEXT_TOO,
    ] = None
    seed_id: Annotated[
        Annotated[
            list[Digits], Field(min_length=1), BeforeValidator(_listed), DocumentedConstraint(ListedDigits)
        ]
        | None,
        DESCRIPTION,
        THERE,
        NEEDED.says("at least one"),
    ] = None
    url: Annotated[
        Annotated[list[str], BeforeValidator(_url)] | None,
        DESCRIPTION,
        PROSE.says("text, or an object of operator and text, too"),
    ] = None
    visitor_source_id: Annotated[SoleDigits | None, DESCRIPTION, PROSE.says("a list of one too")] = None

    def echo(self) -> str:
        """The keys that were sent, sorted by name, no nulls, nothing added (recorded); JSON text."""
        return to_json(_sorted(self)).decode()


def _sorted(value: Any) -> Any:
    """Chosen for the inner objects; only the rule's own keys were seen sorted and without nulls."""
    if isinstance(value, str):
        return value
    if isinstance(value, _Open):
        held = value.__dict__ | (value.model_extra or {})
        sent: Iterable[str] = value.model_fields_set
    elif isinstance(value, dict):
        held = sent = value
    else:
        return [_sorted(inner) for inner in value] if isinstance(value, list) else value
    return {key: _sorted(held[key]) for key in sorted(sent) if held[key] is not None}


REQUIRED = {
    "VISITOR": ("visitor_source_id",),
    "CUSTOMER_LIST": ("customer_list_id",),
    "ACTALIKE": ("seed_id", "country", "percentage"),
    # The prose calls engagement_domain required; live tests of the official client create without it.
    "ENGAGEMENT": (),
}

NEEDS = PROSE.says(
    "has the keys that its type of audience needs: "
    + "; ".join(f"{kind} {', '.join(keys)}" for kind, keys in REQUIRED.items() if keys)
)
EVENT_DATA_NEEDS = PROSE.says("event_data needs event")


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


class AudienceCreate(ApiModel):
    """Keys that are not named here are ignored, as Pinterest's descriptions allow."""

    ad_account_id: Annotated[Digits | None, DESCRIPTION, CLIENTS.says("sent along, and ignored")] = Field(
        default=None, description="Ignored: the path says whose audience it is."
    )
    audience_type: Annotated[
        AudienceType, DESCRIPTION, DOCUMENTATION.says("PERSONA is not for callers to create")
    ]
    description: Annotated[str | None, DESCRIPTION] = None
    name: Annotated[
        Name, DESCRIPTION, QUOTED.says("required"), _NOT_BLANK, PRODUCTION.says("equal names are allowed")
    ]
    rule: Annotated[AudienceRule, DESCRIPTION, NEEDS, EVENT_DATA_NEEDS]

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


class AudienceCreateCustom(ApiModel):
    """For data partners; described from 5.8 to 5.18."""

    ad_account_id: Annotated[Digits | None, UNTIL_5_18] = None
    category: Annotated[str | None, UNTIL_5_18] = None
    data_party: Annotated[Literal["1p", "3p"], UNTIL_5_18]
    name: Annotated[Name, UNTIL_5_18, _NOT_BLANK]
    rule: Annotated[AudienceRule, UNTIL_5_18, NEEDS, EVENT_DATA_NEEDS]
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
        """The request has none and the answer does: inferred from the keys of the rule."""
        for audience_type in ("CUSTOMER_LIST", "ACTALIKE", "VISITOR"):
            if getattr(self.rule, REQUIRED[audience_type][0]) is not None:
                return audience_type
        return "ENGAGEMENT"

    @model_validator(mode="after")
    def _whole_request(self, info: ValidationInfo) -> Self:
        check_rule(self.audience_type, self.rule, info.context)
        return self


class AudienceUpdate(ApiModel):
    """All keys are optional; one that is not sent keeps its value."""

    ad_account_id: Annotated[Digits | None, DESCRIPTION, CLIENTS.says("sent along, and ignored")] = None
    audience_type: Annotated[
        AudienceType | None, since_5_28(None), NEWEST, OURS.says("ignored: a type cannot be changed")
    ] = None
    description: Annotated[str | None, DESCRIPTION, PRODUCTION.says("kept where it is not sent")] = None
    name: Annotated[Name, DESCRIPTION, _NOT_BLANK, PRODUCTION.says("kept where it is not sent")] = Field(
        default_factory=str
    )
    operation_type: Annotated[Literal["UPDATE", "REMOVE"], DESCRIPTION] = "UPDATE"
    rule: Annotated[
        AudienceRule, DESCRIPTION, NEEDS, EVENT_DATA_NEEDS, OURS.says("replaces the one before as a whole")
    ] = Field(default_factory=AudienceRule)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Buyers"}, {"operation_type": "REMOVE"}]}
    )


class AudienceListQuery(ApiModel):
    bookmark: Annotated[str | None, DESCRIPTION] = None
    order: Annotated[Literal["ASCENDING", "DESCENDING"], DESCRIPTION] = "ASCENDING"
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE), BeforeValidator(numeric), DESCRIPTION] = (
        DEFAULT_PAGE_SIZE
    )
    ownership_type: Annotated[Literal["OWNED", "RECEIVED"], DESCRIPTION] = "OWNED"
    exclude_nca: Annotated[bool, since_5_28(False), NEWEST] = False


SECONDS = PRODUCTION.says("whole Unix seconds")
STATUS_AT_FIRST = PRODUCTION.says("INITIALIZING at first")
STATUS_LATER = DOCUMENTATION.says("then READY, or TOO_SMALL under 100 matched people")
COMPANY = PRODUCTION.says("null in the answer to a POST or PATCH, filled in GET and list")


class CreatedAudience(ApiModel):
    """The answer to a POST; recorded key order."""

    ad_account_id: Digits
    id: Annotated[Digits, PRODUCTION.says("13 digits, rising from 2542623499806")]
    name: str
    audience_type: AnsweredType
    description: str | None
    rule: Annotated[
        AudienceRule, PRODUCTION.says("the keys that were sent, sorted by name, without nulls or defaults")
    ]
    size: Annotated[int, PRODUCTION.says("0 at first")]
    status: Annotated[AudienceStatus, STATUS_AT_FIRST, STATUS_LATER]
    type: Literal["audience"]
    created_timestamp: Annotated[int, SECONDS]
    updated_timestamp: Annotated[int, SECONDS, PRODUCTION.says("moved by a PATCH")]
    created_by_company_name: Annotated[str | None, COMPANY]
    is_nca: Annotated[bool, PRODUCTION.says("false")]


class Audience(ApiModel):
    """The answer to GET and PATCH of one; recorded key order."""

    type: Literal["audience"]
    id: Annotated[Digits, PRODUCTION.says("13 digits, rising from 2542623499806")]
    name: str
    ad_account_id: Digits
    audience_type: AnsweredType
    description: str | None
    status: Annotated[AudienceStatus, STATUS_AT_FIRST, STATUS_LATER]
    size: Annotated[int, PRODUCTION.says("0 at first")]
    updated_timestamp: Annotated[int, SECONDS, PRODUCTION.says("moved by a PATCH")]
    created_timestamp: Annotated[int, SECONDS]
    rule: Annotated[
        AudienceRule, PRODUCTION.says("the keys that were sent, sorted by name, without nulls or defaults")
    ]
    created_by_company_name: Annotated[str | None, COMPANY]
    is_nca: Annotated[bool, PRODUCTION.says("false")]


class ListedAudience(Audience):
    """An item of the list; recorded key order."""

    is_ctv_enabled: Annotated[bool, PRODUCTION.says("false, in a list alone")]


class AudiencePage(ApiModel):
    """`bookmark` is null on the last page."""

    items: list[ListedAudience]
    bookmark: str | None
