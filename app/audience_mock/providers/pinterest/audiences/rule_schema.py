"""The rule of an audience: whom it is made of, as requests send it and responses repeat it.

Pinterest's prose and its schema disagree about the values of a rule (`"percentage": "10"` against an
integer). Both are accepted; responses have the schema's types, since strict clients reject anything else.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, ValidationInfo
from pydantic_core import PydanticKnownError, to_json

from audience_mock.providers.pinterest.api_versions import before_5_28, is_before_5_28
from audience_mock.providers.pinterest.audiences.rule_values import (
    as_ids_of_version,
    as_integer,
    as_list,
    as_text,
    as_url_list,
    first_item,
    match_digits,
    number_before,
    one_source_before,
    unwrap_single,
)
from audience_mock.providers.pinterest.errors import InvalidRequestError
from audience_mock.providers.pinterest.schema_types import Digits
from audience_mock.providers.pinterest.settings import PinterestOptions
from audience_mock.providers.pinterest.sources import CHANGES, DESCRIPTION, NEEDED, OURS, PROSE
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


def _supported_objective(value: str, info: ValidationInfo) -> str:
    """SALES came after 5.23."""
    if value not in _OBJECTIVES_BEFORE_5_28 and is_before_5_28(info.context):
        expected = ", ".join(f"'{objective}'" for objective in _OBJECTIVES_BEFORE_5_28)
        raise PydanticKnownError("literal_error", {"expected": expected})
    return value


_SingleDigits = Annotated[Digits, BeforeValidator(unwrap_single)]
_DigitsList = Annotated[list[Digits], BeforeValidator(as_ids_of_version)]
_TextIdList = Annotated[list[Annotated[str, before_5_28(match_digits)]], BeforeValidator(as_list)]
_Sources = Annotated[
    # Chosen: a list of one comes back as the one, in the recorded form.
    Annotated[str, Field(strict=True)] | list[str],
    BeforeValidator(unwrap_single),
    before_5_28(one_source_before),
]
_TextList = Annotated[list[str], BeforeValidator(as_list)]
_Integer = Annotated[int, Field(strict=True), BeforeValidator(as_integer)]
_Text = Annotated[str, BeforeValidator(as_text)]
MAX_RULE_BYTES = 1 << 16
"""As compact JSON. Not documented; chosen, so that a page of the largest audiences is 16 MiB."""

_Country = Annotated[str, Field(min_length=2), SchemaAllows(str)]
_Event = Annotated[str, Field(min_length=1), SchemaAllows(str)]
_EngagementType = Annotated[Literal["click", "save", "closeup", "comment", "like"], SchemaAllows(str)]
_EngagerType = Annotated[
    int, Field(strict=True, ge=1, le=2), BeforeValidator(as_integer), SchemaAllows(_Integer)
]
_Percentage = Annotated[
    int,
    Field(strict=True, ge=1, le=10),
    BeforeValidator(as_integer),
    SchemaAllows(Annotated[int | str, BeforeValidator(as_integer), before_5_28(number_before)]),
]
_RetentionDays = Annotated[
    int,
    Field(strict=True, ge=1, le=MAX_RETENTION_DAYS),
    BeforeValidator(as_integer),
    SchemaAllows(_Integer),
]
_EventSource = Annotated[
    dict[Literal["="], Annotated[list[Literal["web", "mobile", "offline"]], BeforeValidator(as_list)]],
    SchemaAllows(dict[str, Any]),
]
_IngestionSource = Annotated[
    dict[
        Literal["="],
        Annotated[list[Literal["tag", "mmp", "file_upload", "conversions_api"]], BeforeValidator(as_list)],
    ],
    SchemaAllows(dict[str, Any]),
]
_Objectives = Annotated[
    list[Annotated[ObjectiveType, AfterValidator(_supported_objective)]], BeforeValidator(as_list)
]
_SeedIds = Annotated[
    list[Digits],
    Field(min_length=1),
    BeforeValidator(as_ids_of_version),
    SchemaAllows(_DigitsList),
]
_Urls = Annotated[list[str], BeforeValidator(as_url_list)]

_IN_ACCOUNT = inferred("an audience is made of what it names").says("exists in this ad account")
_NOT_BLANK = NEEDED.says("not blank")
_DIGITS = DESCRIPTION.says("digits, before 5.28")
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
        Annotated[LineItem, BeforeValidator(first_item)] | None,
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
    ad_id: Annotated[_TextIdList | None, DESCRIPTION, _DIGITS] = None
    campaign_id: Annotated[_TextIdList | None, DESCRIPTION, _DIGITS] = None
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
    pin_id: Annotated[_TextIdList | None, DESCRIPTION, _DIGITS] = None
    prefill: Annotated[StrictBool | None, DESCRIPTION] = None
    retention_days: Annotated[_RetentionDays | None, PROSE, _AS_TEXT_TOO] = None
    seed_id: Annotated[
        _SeedIds | None,
        DESCRIPTION,
        CHANGES.says("integers, too"),
        _IN_ACCOUNT,
        NEEDED.says("at least one"),
    ] = None
    url: Annotated[_Urls | None, DESCRIPTION, PROSE.says("text, or an object of operator and text, too")] = (
        None
    )
    visitor_source_id: Annotated[
        _Sources | None,
        CHANGES,
        CHANGES.says("text or a list of texts"),
        _DIGITS,
        PROSE.says("a list of one"),
    ] = None

    def echo(self) -> str:
        """The keys that were sent, sorted by name, no nulls, nothing added (recorded); JSON text. Raises
        InvalidRequestError for one that is larger than any page should hold."""
        raw = to_json(_echo(self))
        if len(raw) > MAX_RULE_BYTES:
            raise InvalidRequestError(f"'rule' is larger than {MAX_RULE_BYTES} bytes")
        return raw.decode()


def rule_text(text: str) -> str:
    """The text of a rule that no request sent, as the echo of one that was sent. Raises ValueError,
    RecursionError."""
    return to_json(_echo(json.loads(text))).decode()


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


def plain(definition: str) -> str:
    """The JSON text of a rule as before 5.28, and as a business reads it: of several visitor sources the
    first (chosen)."""
    if '"visitor_source_id":[' not in definition:
        return definition
    rule = json.loads(definition)
    rule["visitor_source_id"] = next(iter(rule["visitor_source_id"]), None)
    return json.dumps(
        {key: value for key, value in rule.items() if value is not None},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def infer_type(rule: AudienceRule) -> str:
    """The type of an audience whose request has none: by the keys of its rule."""
    for audience_type in ("CUSTOMER_LIST", "ACTALIKE", "VISITOR"):
        if getattr(rule, REQUIRED_KEYS[audience_type][0]) is not None:
            return audience_type
    return "ENGAGEMENT"


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
        if getattr(rule, key) in (None, []):
            raise InvalidRequestError(f"{key!r} is a required property")
    if rule.event_data is not None and rule.event is None:
        raise InvalidRequestError("'event' is a dependency of 'event_data'")
