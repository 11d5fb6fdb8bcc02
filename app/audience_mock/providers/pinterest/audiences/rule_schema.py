"""The rule of an audience: whom it is made of, as requests send it and responses repeat it.

Pinterest's prose and its schema disagree about the values of a rule (`"percentage": "10"` against an
integer). Both are accepted; responses have the schema's types, since strict clients reject anything else.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, ValidationInfo
from pydantic_core import PydanticKnownError, to_json

from audience_mock.providers.pinterest.api_versions import is_before_5_28
from audience_mock.providers.pinterest.errors import InvalidRequestError
from audience_mock.providers.pinterest.schema_types import Digits
from audience_mock.providers.pinterest.settings import PinterestOptions
from audience_mock.providers.pinterest.sources import DESCRIPTION, NEEDED, OURS, PROSE
from audience_mock.providers.pinterest.strictness import SchemaAllows, is_schema_only
from audience_mock.web.evidence import inferred
from audience_mock.web.schema import ApiModel

MAX_RETENTION_DAYS = 540

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


def _unwrap_single(value: Any) -> Any:
    """The prose has a list of one where the schema has the one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _first_item(value: Any) -> Any:
    """The prose lists the items of an order where the schema has one; chosen: the first comes back."""
    return value[0] if isinstance(value, list) and value else value


def _as_list(value: Any) -> Any:
    """The prose has the one where the schema has a list."""
    return [value] if isinstance(value, str) else value


def _as_integer(value: Any) -> Any:
    """The prose has digits in quotes where the schema has an integer."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _as_text(value: Any) -> Any:
    """The prose has a number where the schema has a string."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_url_list(value: Any) -> Any:
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
    return _as_list(value)


def _supported_objective(value: str, info: ValidationInfo) -> str:
    """SALES came after 5.23."""
    if value not in _OBJECTIVES_BEFORE_5_28 and is_before_5_28(info.context):
        expected = ", ".join(f"'{objective}'" for objective in _OBJECTIVES_BEFORE_5_28)
        raise PydanticKnownError("literal_error", {"expected": expected})
    return value


_SingleDigits = Annotated[Digits, BeforeValidator(_unwrap_single)]
_DigitsList = Annotated[list[Digits], BeforeValidator(_as_list)]
_TextList = Annotated[list[str], BeforeValidator(_as_list)]
_Integer = Annotated[int, Field(strict=True), BeforeValidator(_as_integer)]
MAX_RULE_BYTES = 1 << 16
"""As compact JSON. Not documented; chosen, so that a page of the largest audiences is 16 MiB."""

_Text = Annotated[str, BeforeValidator(_as_text)]

_Country = Annotated[str, Field(min_length=2), SchemaAllows(str)]
_Event = Annotated[str, Field(min_length=1), SchemaAllows(str)]
_EngagementType = Annotated[Literal["click", "save", "closeup", "comment", "like"], SchemaAllows(str)]
_EngagerType = Annotated[
    int, Field(strict=True, ge=1, le=2), BeforeValidator(_as_integer), SchemaAllows(_Integer)
]
_Percentage = Annotated[
    int, Field(strict=True, ge=1, le=10), BeforeValidator(_as_integer), SchemaAllows(_Integer)
]
_RetentionDays = Annotated[
    int,
    Field(strict=True, ge=1, le=MAX_RETENTION_DAYS),
    BeforeValidator(_as_integer),
    SchemaAllows(_Integer),
]
_EventSource = Annotated[
    dict[Literal["="], Annotated[list[Literal["web", "mobile", "offline"]], BeforeValidator(_as_list)]],
    SchemaAllows(dict[str, Any]),
]
_IngestionSource = Annotated[
    dict[
        Literal["="],
        Annotated[list[Literal["tag", "mmp", "file_upload", "conversions_api"]], BeforeValidator(_as_list)],
    ],
    SchemaAllows(dict[str, Any]),
]
_Objectives = Annotated[
    list[Annotated[ObjectiveType, AfterValidator(_supported_objective)]], BeforeValidator(_as_list)
]
_SeedIds = Annotated[list[Digits], Field(min_length=1), BeforeValidator(_as_list), SchemaAllows(_DigitsList)]
_Urls = Annotated[list[str], BeforeValidator(_as_url_list)]

_IN_ACCOUNT = inferred("an audience is made of what it names").says("exists in this ad account")
_NOT_BLANK = NEEDED.says("not blank")
_AS_TEXT_TOO = PROSE.says("digits in quotes too")


class _OpenModel(ApiModel):
    """Keys that Pinterest does not name are kept and echoed like the others (recorded: no key is lost)."""

    model_config = ConfigDict(extra="allow")


class LineItem(_OpenModel):
    product_brand: Annotated[str | None, DESCRIPTION] = None
    product_category: Annotated[str | None, DESCRIPTION] = None
    product_id: Annotated[_Integer | None, DESCRIPTION] = None
    product_name: Annotated[str | None, DESCRIPTION] = None
    product_price: Annotated[_Text | None, DESCRIPTION] = None
    product_quantity: Annotated[_Integer | None, DESCRIPTION] = None
    product_variant: Annotated[str | None, DESCRIPTION] = None
    product_variant_id: Annotated[_Text | None, DESCRIPTION] = None


class EventData(_OpenModel):
    currency: Annotated[Currency | None, DESCRIPTION] = None
    lead_type: Annotated[str | None, DESCRIPTION] = None
    line_items: Annotated[
        Annotated[LineItem, BeforeValidator(_first_item)] | None,
        DESCRIPTION,
        OURS.says("of a list, the first"),
    ] = None
    order_id: Annotated[_Text | None, DESCRIPTION] = None
    order_quantity: Annotated[_Integer | None, DESCRIPTION] = None
    page_name: Annotated[str | None, DESCRIPTION] = None
    promo_code: Annotated[str | None, DESCRIPTION] = None
    property: Annotated[str | None, DESCRIPTION] = None
    search_query: Annotated[str | None, DESCRIPTION] = None
    value: Annotated[_Text | None, DESCRIPTION] = None
    video_title: Annotated[str | None, DESCRIPTION] = None


class AudienceRule(_OpenModel):
    """Whom an audience is made of. Which keys it needs depends on the type of the audience."""

    ad_account_id: Annotated[Digits | None, DESCRIPTION] = None
    ad_id: Annotated[_DigitsList | None, DESCRIPTION] = None
    campaign_id: Annotated[_DigitsList | None, DESCRIPTION] = None
    country: Annotated[_Country | None, DESCRIPTION, NEEDED.says("at least 2 characters")] = None
    customer_list_id: Annotated[_SingleDigits | None, DESCRIPTION, _IN_ACCOUNT] = None
    engagement_domain: Annotated[_TextList | None, DESCRIPTION] = None
    engagement_type: Annotated[_EngagementType | None, PROSE] = None
    engager_type: Annotated[_EngagerType | None, PROSE, _AS_TEXT_TOO] = None
    event: Annotated[_Event | None, DESCRIPTION, _NOT_BLANK] = None
    event_data: Annotated[EventData | None, DESCRIPTION] = None
    event_source: Annotated[_EventSource | None, PROSE] = None
    ingestion_source: Annotated[_IngestionSource | None, PROSE] = None
    objective_type: Annotated[_Objectives | None, DESCRIPTION] = None
    percentage: Annotated[_Percentage | None, PROSE, _AS_TEXT_TOO] = None
    pin_id: Annotated[_DigitsList | None, DESCRIPTION] = None
    prefill: Annotated[StrictBool | None, DESCRIPTION] = None
    retention_days: Annotated[_RetentionDays | None, PROSE, _AS_TEXT_TOO] = None
    seed_id: Annotated[_SeedIds | None, DESCRIPTION, _IN_ACCOUNT, NEEDED.says("at least one")] = None
    url: Annotated[_Urls | None, DESCRIPTION, PROSE.says("text, or an object of operator and text, too")] = (
        None
    )
    visitor_source_id: Annotated[_SingleDigits | None, DESCRIPTION, PROSE.says("a list of one too")] = None

    def echo(self) -> str:
        """The keys that were sent, sorted by name, no nulls, nothing added (recorded); JSON text. Raises
        InvalidRequestError for one that is larger than any page should hold."""
        raw = to_json(_echo(self))
        if len(raw) > MAX_RULE_BYTES:
            raise InvalidRequestError(f"'rule' is larger than {MAX_RULE_BYTES} bytes")
        return raw.decode()


def _echo(value: Any) -> Any:
    """Sorted, without nulls: recorded for the rule's own keys, chosen for the objects in it."""
    if isinstance(value, str):
        return value
    if isinstance(value, _OpenModel):
        held = value.__dict__ | (value.model_extra or {})
        sent: Iterable[str] = value.model_fields_set
    elif isinstance(value, dict):
        held = sent = value
    else:
        return [_echo(inner) for inner in value] if isinstance(value, list) else value
    return {key: _echo(held[key]) for key in sorted(sent) if held[key] is not None}


REQUIRED_KEYS = {
    "VISITOR": ("visitor_source_id",),
    "CUSTOMER_LIST": ("customer_list_id",),
    "ACTALIKE": ("seed_id", "country", "percentage"),
    # The prose calls engagement_domain required; live tests of the official client create without it.
    "ENGAGEMENT": (),
}

KEYS_NEEDED = PROSE.says(
    "has the keys that its type of audience needs: "
    + "; ".join(f"{kind} {', '.join(keys)}" for kind, keys in REQUIRED_KEYS.items() if keys)
)
EVENT_DATA_NEEDS_EVENT = PROSE.says("event_data needs event")


def check_rule(audience_type: str, rule: AudienceRule, settings: PinterestOptions | None) -> None:
    """Raises InvalidRequestError if the rule lacks keys that its type needs. The prose asks for them; the
    schema requires none."""
    if is_schema_only(settings):
        return
    for key in REQUIRED_KEYS.get(audience_type, ()):
        if getattr(rule, key) is None:
            raise InvalidRequestError(f"{key!r} is a required property")
    if rule.event_data is not None and rule.event is None:
        raise InvalidRequestError("'event' is a dependency of 'event_data'")
