"""Custom audiences as PitchTarget writes them, in the shapes of both revisions."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)
from pydantic_core import PydanticCustomError

from audience_mock.core.store.rows import AudienceRow
from audience_mock.providers.pitchtarget.sources import DOCUMENTATION, EXCHANGES, OURS, RAILS, SHOWN
from audience_mock.web.schema import ApiModel

Revision = Literal["2014-04", "2014-05"]

LOOKALIKE, WEBSITE, APP, CUSTOM = "LOOKALIKE", "WEBSITE", "APP", "CUSTOM"
MAX_RETENTION_DAYS = 180


def _digits_as_text(value: Any) -> Any:
    """Documented as a string; a client may send the number."""
    return str(value) if type(value) is int and 0 <= value < 10**20 else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "blank")
    if "\x00" in value:
        raise PydanticCustomError("invalid", "invalid")
    return value


def _no_constant(name: str) -> None:
    """Python reads NaN and Infinity; JSON has neither."""
    raise ValueError(name)


def _whole(value: Any) -> Any:
    """A whole number, or one in digits, as a form or a query has it."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return value


def _json_object(value: str) -> str:
    """Documented as a JSON object written as a string; it is kept to the character."""
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


def _account_like(value: Any) -> Any:
    if type(value) is int and 0 <= value < 10**20:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return value
    raise PydanticCustomError("int_type", "not a number")


AccountId = Annotated[
    str,
    Field(min_length=1, pattern=r"^[0-9]{1,20}$"),
    BeforeValidator(_digits_as_text),
    DOCUMENTATION.says("digits"),
    OURS.says("at most 20 of them; a number too"),
]
UserType = Literal[
    "email_hash", "phone_hash", "custom_audience_third_party_id", "mobile_advertiser_id", "fbid"
]
EitherId = Annotated[str, DOCUMENTATION, OURS.says("the server's own id, or Facebook's")]
Text = Annotated[str, AfterValidator(_not_blank)]
Days = Annotated[int, Field(strict=True, ge=1, le=MAX_RETENTION_DAYS), BeforeValidator(_whole)]
Rule = Annotated[str, AfterValidator(_not_blank), AfterValidator(_json_object)]


Ratio = Annotated[
    float,
    Field(strict=True, ge=0.01, le=0.20, description="In steps of 0.01"),
    AfterValidator(_hundredths),
]

_NEEDED = RAILS.says("not blank")


class _Open(ApiModel):
    """Parameters that are not named here are ignored, as Rails does."""

    model_config = ConfigDict(extra="ignore")


class LookalikeSpec(ApiModel):
    """Echoed as it came, keys that are not named here too."""

    model_config = ConfigDict(extra="allow")

    country: Annotated[
        str,
        Field(min_length=1, pattern=r"^[A-Z]{2}$", description="ISO 3166, two letters"),
        DOCUMENTATION,
        _NEEDED,
    ]
    type: Annotated[Literal["similarity", "reach"] | None, SHOWN, DOCUMENTATION.says("this or ratio")] = None
    ratio: Annotated[Ratio | None, DOCUMENTATION, DOCUMENTATION.says("in steps of 0.01")] = None
    _came: Any = PrivateAttr(None)

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """It says how alike: by `type` or by `ratio`."""
        spec = handler(value)
        if spec.type is None and spec.ratio is None:
            raise PydanticCustomError("invalid", "invalid")
        spec._came = value
        return spec

    def as_it_came(self) -> Any:
        return self._came


class LookalikeCreate(_Open):
    type: Annotated[Literal["lookalike"] | None, DOCUMENTATION] = None
    subtype: Annotated[Literal["LOOKALIKE"] | None, DOCUMENTATION] = None
    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Text, DOCUMENTATION]
    # A number in the examples; echoed as it came, number or string.
    origin_audience_id: Annotated[
        int | str, BeforeValidator(_account_like), SHOWN, RAILS.says("its digits as text too")
    ]
    lookalike_spec: Annotated[LookalikeSpec, DOCUMENTATION]


class _ByRule(_Open):
    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Text, DOCUMENTATION]
    retention_days: Annotated[Days, DOCUMENTATION]
    rule: Annotated[Rule, DOCUMENTATION, DOCUMENTATION.says("a JSON object, written as a string")]


class WebsiteCreate(_ByRule):
    type: Annotated[Literal["website"] | None, DOCUMENTATION] = None
    subtype: Annotated[Literal["WEBSITE"] | None, DOCUMENTATION] = None


class AppCreate(_ByRule):
    """The answer repeats none of its parameters."""

    subtype: Annotated[Literal["APP"], DOCUMENTATION]


class FileCreate(_Open):
    """The text fields of a multipart create."""

    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    name: Annotated[Text, DOCUMENTATION]
    description: Annotated[
        Annotated[str, Field(pattern=r"^[^\x00]*$")] | None, DOCUMENTATION.says("text"), RAILS.says("no NUL")
    ] = None
    opt_out_link: Annotated[
        Annotated[str, Field(pattern=r"^(https?://[^\s\x00]+)?$")] | None, DOCUMENTATION.says("a URL")
    ] = None
    subtype: Annotated[Literal["CUSTOM"] | None, DOCUMENTATION] = None
    user_type: Annotated[UserType, DOCUMENTATION]


class FileAdd(_Open):
    """The text fields that 2014-05 sends along with more users."""

    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]
    user_type: Annotated[UserType, DOCUMENTATION]


class FileAlone(_Open):
    """2014-04 sends nothing along."""


class _WithFile(ApiModel):
    file: Annotated[
        bytes,
        Field(description="One user a line; email and phone as SHA-256 in hex."),
        DOCUMENTATION,
        DOCUMENTATION.says("one user a line; e-mail and phone as SHA-256 in hex"),
        DOCUMENTATION.says("lines of another kind are taken, and are nobody"),
    ]


class FileCreateForm(FileCreate, _WithFile):
    """For the description: a form is read while it streams in."""


class FileAddForm(_WithFile):
    """For the description. 2014-04 sends the file alone."""

    fb_ad_account_id: Annotated[AccountId | None, DOCUMENTATION, OURS.says("the audience's own")] = None
    user_type: Annotated[UserType | None, DOCUMENTATION, OURS.says("the audience's own")] = None


class AccountQuery(_Open):
    fb_ad_account_id: Annotated[AccountId, DOCUMENTATION]


class ListQuery(AccountQuery):
    """`page` and `subtype` are of 2014-05-12."""

    page: Annotated[
        int, Field(strict=True, ge=1, le=10**9), BeforeValidator(_whole), DOCUMENTATION.says("from 1")
    ] = 1
    subtype: Annotated[Literal["CUSTOM", "LOOKALIKE", "WEBSITE", "APP"] | None, DOCUMENTATION] = None


class Created(ApiModel):
    """The answer to the JSON creates of 2014-04: Facebook's id, a decimal string."""

    id: Annotated[str, EXCHANGES.says("Facebook's id, a string of 13 to 15 digits")]


class CustomAudience(ApiModel):
    """2014-04 has `user_type` and `fb_id` last; 2014-05 has `fb_id` and `subtype` first, and then what
    the subtype has."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[int, EXCHANGES.says("a small number of the server's own, rising by one")]
    name: str
    fb_id: Annotated[
        str | int | None, EXCHANGES.says("2014-04: null until Facebook has taken the audience, then a number")
    ]


class CustomAudienceEnvelope(ApiModel):
    fb_custom_audience: CustomAudience


class PageOfAudiences(ApiModel):
    page: int
    total: int


class CustomAudiencePage(ApiModel):
    custom_audiences: list[CustomAudience]
    meta: PageOfAudiences


def to_wire(row: AudienceRow, revision: Revision) -> dict[str, Any]:
    """The enveloped shape of a revision, keys in the published order."""
    return {"fb_custom_audience": to_audience(row, revision)}


def to_audience(row: AudienceRow, revision: Revision) -> dict[str, Any]:
    if revision == "2014-04":
        return {
            "id": row.number,
            "name": row.name,
            # Null in every published exchange, though one was sent.
            "description": None,
            "opt_out_link": row.opt_out_link,
            "user_type": row.user_type,
            "fb_id": int(row.facebook_id) if row.facebook_id and row.facebook_id.isdigit() else None,
        }
    return {
        "id": row.number,
        "name": row.name,
        "fb_id": row.facebook_id,
        "subtype": row.kind,
        **_of_subtype(row),
    }


def _of_subtype(row: AudienceRow) -> dict[str, Any]:
    match row.kind:
        case "LOOKALIKE":
            return {
                "origin_audience_id": json.loads(row.origin_id or "null"),
                "lookalike_spec": json.loads(row.definition or "null"),
            }
        case "WEBSITE":
            return {"rule": row.definition, "retention_days": row.retention_days}
        case "CUSTOM":
            return {"description": row.description, "opt_out_link": row.opt_out_link}
        case _:
            return {}


_OF_APRIL = {
    "id": 54,
    "name": "Spending users",
    "description": None,
    "opt_out_link": "http://www.myshop.com/opt_out",
    "user_type": "email_hash",
    "fb_id": None,
}
_OF_MAY = {
    "id": 89,
    "name": "Boys Apparel_lookalike_US_Similarity",
    "fb_id": "6006183285954",
    "subtype": "LOOKALIKE",
    "origin_audience_id": 6006164557194,
    "lookalike_spec": {"type": "similarity", "country": "US"},
}
_OF_FACEBOOK = {
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
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "custom_audiences/create": {"201": {"fb_custom_audience": _OF_APRIL}},
    "lookalikeaudiences/create": {"201": {"id": "6006183285954"}},
    "websitecustomaudiences/create": {"201": {"id": "6006183285954"}},
    "custom_audiences/add_users": {"200": {"fb_custom_audience": _OF_APRIL}},
    "custom_audiences/list": {"200": {"custom_audiences": [_OF_MAY], "meta": {"page": 1, "total": 1}}},
    "customaudiences/list": {"200": [_OF_FACEBOOK]},
    "custom_audiences/get": {"200": {"fb_custom_audience": _OF_MAY}},
    "customaudiences/get": {"200": _OF_FACEBOOK},
    "custom_audiences/delete": {"200": {"fb_custom_audience": _OF_APRIL}},
}
"""Answers by operation and status, for the description."""
