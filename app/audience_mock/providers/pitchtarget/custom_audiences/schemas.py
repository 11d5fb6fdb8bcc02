"""Custom audiences as clients send and read them, in the shapes of both revisions."""

import json
import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)
from pydantic_core import PydanticCustomError, to_json

from audience_mock.providers.pitchtarget.schema_types import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_RULE_CHARACTERS,
    AccountId,
    AccountQuery,
    Name,
    Parameters,
    not_blank,
)
from audience_mock.providers.pitchtarget.sources import (
    DOCUMENTATION,
    IN_APRIL,
    IN_BOTH,
    OURS,
    RAILS,
    SHOWN,
    exchanges,
)
from audience_mock.web.schema import ApiModel

MAX_RETENTION_DAYS = 180


def _no_constant(name: str) -> None:
    """Python reads NaN and Infinity; JSON has neither."""
    raise ValueError(name)


def _whole(value: Any) -> Any:
    """A whole number, or one in digits, as a form or a query has it."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return value


def _json_object(value: str) -> str:
    """Documented as a JSON object written as a string, which is stored unchanged."""
    try:
        parsed = json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise PydanticCustomError("invalid", "invalid")
    return value


def _hundredths(value: float) -> float:
    if abs(value * 100 - round(value * 100)) > 1e-9:
        raise PydanticCustomError("invalid", "invalid")
    return value


def _account_number(value: Any) -> Any:
    if type(value) is int and 0 <= value < 10**20:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return value
    raise PydanticCustomError("int_type", "not a number")


UserType = Literal[
    "email_hash", "phone_hash", "custom_audience_third_party_id", "mobile_advertiser_id", "fbid"
]
EitherId = Annotated[str, DOCUMENTATION, OURS.says("the server's own id, or Facebook's")]
Days = Annotated[int, Field(strict=True, ge=1, le=MAX_RETENTION_DAYS), BeforeValidator(_whole)]
Rule = Annotated[
    str,
    Field(max_length=MAX_RULE_CHARACTERS),
    AfterValidator(not_blank),
    AfterValidator(_json_object),
    OURS.says("at most 65,536 characters"),
]

Ratio = Annotated[
    float,
    Field(strict=True, ge=0.01, le=0.20, description="In steps of 0.01"),
    AfterValidator(_hundredths),
]

_NOT_BLANK = RAILS.says("not blank")


class LookalikeSpec(ApiModel):
    """Echoed as it was sent, keys that are not named here too."""

    model_config = ConfigDict(extra="allow")

    country: Annotated[
        str,
        Field(min_length=1, pattern=r"^[A-Z]{2}$", description="ISO 3166, two letters"),
        DOCUMENTATION,
        _NOT_BLANK,
    ]
    type: Annotated[Literal["similarity", "reach"] | None, SHOWN, DOCUMENTATION.says("this or ratio")] = None
    ratio: Annotated[Ratio | None, DOCUMENTATION, DOCUMENTATION.says("in steps of 0.01")] = None
    _sent: Any = PrivateAttr(None)

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """`type` or `ratio` says how similar the audience is."""
        spec = handler(value)
        if spec.type is None and spec.ratio is None:
            raise PydanticCustomError("invalid", "invalid")
        if len(to_json(value)) > MAX_RULE_CHARACTERS:
            raise PydanticCustomError("string_too_long", "too long", {"max_length": MAX_RULE_CHARACTERS})
        spec._sent = value
        return spec

    def as_sent(self) -> Any:
        return self._sent


class LookalikeCreate(Parameters):
    kind: ClassVar[str] = "LOOKALIKE"

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "lookalike",
                    "fb_ad_account_id": "2",
                    "name": "Similar to spending users",
                    "origin_audience_id": 6006164557194,
                    "lookalike_spec": {"type": "similarity", "country": "US"},
                }
            ]
        }
    )

    type: Annotated[Literal["lookalike"] | None, DOCUMENTATION] = None
    subtype: Annotated[Literal["LOOKALIKE"] | None, DOCUMENTATION] = None
    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Name, DOCUMENTATION]
    # A number in the examples; echoed as it was sent, number or string.
    origin_audience_id: Annotated[
        int | str, BeforeValidator(_account_number), SHOWN, RAILS.says("its digits as text too")
    ]
    lookalike_spec: Annotated[LookalikeSpec, DOCUMENTATION]


class _RuleCreate(Parameters):
    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Name, DOCUMENTATION]
    retention_days: Annotated[Days, DOCUMENTATION]
    rule: Annotated[Rule, DOCUMENTATION, DOCUMENTATION.says("a JSON object, written as a string")]


class WebsiteCreate(_RuleCreate):
    kind: ClassVar[str] = "WEBSITE"

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "website",
                    "fb_ad_account_id": "2",
                    "name": "Put items in the cart",
                    "retention_days": 15,
                    "rule": '{"url":{"i_contains":"cart"}}',
                }
            ]
        }
    )

    type: Annotated[Literal["website"] | None, DOCUMENTATION] = None
    subtype: Annotated[Literal["WEBSITE"] | None, DOCUMENTATION] = None


class AppCreate(_RuleCreate):
    """The response repeats none of its parameters."""

    kind: ClassVar[str] = "APP"

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fb_ad_account_id": "2",
                    "subtype": "APP",
                    "name": "Bought in the app",
                    "retention_days": 15,
                    "rule": '{"_eventName":"purchase"}',
                }
            ]
        }
    )

    subtype: Annotated[Literal["APP"], DOCUMENTATION]


class FileCreate(Parameters):
    """The text fields of a multipart create."""

    kind: ClassVar[str] = "CUSTOM"

    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Name, DOCUMENTATION]
    description: Annotated[
        Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARACTERS, pattern=r"^[^\x00]*$")] | None,
        DOCUMENTATION.says("text"),
        RAILS.says("no NUL"),
        OURS.says("at most 10,000 characters"),
    ] = None
    opt_out_link: Annotated[
        Annotated[str, Field(max_length=MAX_NAME_CHARACTERS, pattern=r"^(https?://[^\s\x00]+)?$")] | None,
        DOCUMENTATION.says("a URL"),
        OURS.says("at most 1,000 characters"),
    ] = None
    subtype: Annotated[Literal["CUSTOM"] | None, DOCUMENTATION] = None
    user_type: Annotated[UserType, DOCUMENTATION]


class MayAdd(Parameters):
    """The text fields that 2014-05 sends with more users."""

    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    user_type: Annotated[UserType, DOCUMENTATION]


class AprilAdd(Parameters):
    """2014-04 sends the file alone."""


class _WithFile(ApiModel):
    file: Annotated[
        bytes,
        Field(description="One user a line; email and phone as SHA-256 in hex."),
        DOCUMENTATION,
        DOCUMENTATION.says("one user a line; e-mail and phone as SHA-256 in hex"),
        DOCUMENTATION.says("lines of another kind are accepted, and match no person"),
    ]


class FileCreateForm(FileCreate, _WithFile):
    """A form with a file of users."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fb_ad_account_id": "2",
                    "name": "Spending users",
                    "description": "Users who bought something",
                    "opt_out_link": "http://www.myshop.example/opt_out",
                    "user_type": "email_hash",
                    "file": "users.csv",
                }
            ]
        }
    )


class FileAddForm(_WithFile):
    """A form with a file of users; 2014-04 sends the file alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"fb_ad_account_id": "2", "user_type": "email_hash", "file": "users.csv"}]
        }
    )

    fb_ad_account_id: Annotated[AccountId | None, DOCUMENTATION, OURS.says("the audience's own")] = None
    user_type: Annotated[UserType | None, DOCUMENTATION, OURS.says("the audience's own")] = None


class ListQuery(AccountQuery):
    """`page` and `subtype` are of 2014-05-12."""

    page: Annotated[
        int, Field(strict=True, ge=1, le=10**9), BeforeValidator(_whole), DOCUMENTATION.says("from 1")
    ] = 1
    subtype: Annotated[Literal["CUSTOM", "LOOKALIKE", "WEBSITE", "APP"] | None, DOCUMENTATION] = None


class Created(ApiModel):
    """The response to the JSON creates of 2014-04: Facebook's id, a decimal string."""

    id: Annotated[
        str, exchanges("2014-04-03", "2014-04-15").says("Facebook's id, a string of 13 to 15 digits")
    ]


class CustomAudience(ApiModel):
    """2014-04 has `user_type` and `fb_id` last; 2014-05 has `fb_id` and `subtype` first, and then what
    the subtype has."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[int, IN_BOTH.says("a small number of the server's own, rising by one")]
    name: str
    fb_id: Annotated[
        str | int | None,
        IN_APRIL.says("2014-04: null until Facebook has taken the audience"),
        DOCUMENTATION.says("2014-04: then a number"),
    ]


class CustomAudienceEnvelope(ApiModel):
    fb_custom_audience: CustomAudience


class PageOfAudiences(ApiModel):
    page: int
    total: int


class CustomAudiencePage(ApiModel):
    custom_audiences: list[CustomAudience]
    meta: PageOfAudiences


JsonCreate = LookalikeCreate | WebsiteCreate | AppCreate

APRIL_EXAMPLE = {
    "id": 54,
    "name": "Spending users",
    "description": None,
    "opt_out_link": "http://www.myshop.com/opt_out",
    "user_type": "email_hash",
    "fb_id": None,
}
MAY_EXAMPLE = {
    "id": 89,
    "name": "Boys Apparel_lookalike_US_Similarity",
    "fb_id": "6006183285954",
    "subtype": "LOOKALIKE",
    "origin_audience_id": 6006164557194,
    "lookalike_spec": {"type": "similarity", "country": "US"},
}
FACEBOOK_EXAMPLE = {
    "id": "6006183285954",
    "account_id": "2",
    "approximate_count": 5000,
    "description": None,
    "name": "Spending users",
    "parent_audience_id": 0,
    "parent_category": "Custom",
    "status": "ready",
    "run_status": {"code": 0, "description": "This audience is ready to use."},
    "subtype": "CUSTOM",
    "type": 4,
    "type_name": "Advertiser Generated",
    "time_updated": 1392808117,
    "data_source": {"type": 1, "sub_type": 1001},
}
