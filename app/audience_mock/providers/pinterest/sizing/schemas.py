"""Audience sizing: whom an ad group targets, and how many people it may reach.

A key that is an empty list, or null where it may be, counts as missing (chosen for the empty list).
"""

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
from pydantic_core import PydanticKnownError

from audience_mock.providers.pinterest.api_versions import is_before_5_28, since_5_28
from audience_mock.providers.pinterest.errors import InvalidRequestError
from audience_mock.providers.pinterest.schema_types import Digits
from audience_mock.providers.pinterest.sources import BOUNDED, CHANGES, DESCRIPTION, OURS, PROSE
from audience_mock.providers.pinterest.strictness import SchemaAllows, is_schema_only
from audience_mock.web.schema import ApiModel

MAX_LISTED = 10_000
"""Items of one list. Not documented; chosen, so that a response takes no time."""
MAX_LISTED_AUDIENCES = 1_000
"""Not documented; chosen, so that one statement finds them."""
MAX_KEYWORD_CHARACTERS = 120
"""The prose of the description."""
MIN_AGE_YEARS, MAX_AGE_YEARS = 18, 65
"""The prose of the description; "65+" is more than 65."""

AgeBucket = Literal["18-24", "19+", "20+", "21+", "25-34", "35-44", "45-49", "50-54", "55-64", "65+"]
AppType = Literal["android_mobile", "android_tablet", "ipad", "iphone", "web", "web_mobile"]
Gender = Literal["unknown", "male", "female"]
CreativeType = Literal[
    "REGULAR", "VIDEO", "SHOPPING", "CAROUSEL", "MAX_VIDEO", "SHOP_THE_PIN", "COLLECTION", "IDEA"
]
MatchType = Literal["BROAD", "PHRASE", "EXACT", "EXACT_NEGATIVE", "PHRASE_NEGATIVE"]
Strategy = Literal["CHOOSE_YOUR_OWN", "FIND_NEW_CUSTOMERS", "RECONNECT_WITH_USERS"]
_Integer = Annotated[int, Field(strict=True)]
_Listed = Field(max_length=MAX_LISTED)
_TextList = Annotated[list[str], _Listed]
_AudienceIds = Annotated[list[Digits], Field(max_length=MAX_LISTED_AUDIENCES)]
_Age = Annotated[
    str,
    Field(max_length=3, pattern=r"^[0-9]+$", json_schema_extra={"pattern": r"^\d+$"}),
    SchemaAllows(Annotated[str, Field(pattern=r"^[0-9]+$")]),
]
_AgeOrOlder = Annotated[
    str,
    Field(max_length=3, pattern=r"^[0-9]+\+?$", json_schema_extra={"pattern": r"^\d+\+?$"}),
    SchemaAllows(Annotated[str, Field(pattern=r"^[0-9]+\+?$")]),
]
_FEW = BOUNDED.says(f"at most {MAX_LISTED}")
_AGES = PROSE.says(
    f"both, {MIN_AGE_YEARS} to {MAX_AGE_YEARS} or {MAX_AGE_YEARS}+, the least first, and no AGE_BUCKET"
)


def _not_null(error: Literal["list_type", "string_type"]) -> BeforeValidator:
    """Marks a key that may be left out and may not be null, as its schema has it."""

    def check(value: Any) -> Any:
        if value is None:
            raise PydanticKnownError(error)
        return value

    return BeforeValidator(check)


def _match_type_was_sent(value: MatchType | None, info: ValidationInfo) -> MatchType | None:
    if value is None and not is_before_5_28(info.context):
        raise PydanticKnownError("literal_error", {"expected": ", ".join(map(repr, get_args(MatchType)))})
    return value


_NO_LIST_OF_NULL, _NO_TEXT_OF_NULL = _not_null("list_type"), _not_null("string_type")


class ShoppingRetargeting(ApiModel):
    exclusion_window: Annotated[_Integer | None, DESCRIPTION] = None
    lookback_window: Annotated[_Integer | None, DESCRIPTION] = None
    tag_types: Annotated[Annotated[list[_Integer], _Listed] | None, DESCRIPTION, _FEW] = None


class TargetingSpec(ApiModel):
    """Keys that are not named here are ignored, as Pinterest's descriptions allow."""

    AGE_BUCKET: Annotated[Annotated[list[AgeBucket], _Listed] | None, DESCRIPTION, _FEW] = None
    APPTYPE: Annotated[Annotated[list[AppType], _Listed] | None, DESCRIPTION, _FEW] = None
    AUDIENCE_EXCLUDE: Annotated[
        _AudienceIds | None, DESCRIPTION, BOUNDED.says(f"at most {MAX_LISTED_AUDIENCES}")
    ] = None
    AUDIENCE_INCLUDE: Annotated[
        _AudienceIds | None, DESCRIPTION, BOUNDED.says(f"at most {MAX_LISTED_AUDIENCES}")
    ] = None
    GENDER: Annotated[Annotated[list[Gender], _Listed] | None, DESCRIPTION, _FEW] = None
    GEO: Annotated[_TextList | None, DESCRIPTION, _FEW] = None
    GEO_EXCLUDE: Annotated[_TextList | None, _NO_LIST_OF_NULL, since_5_28(None), CHANGES, _FEW] = None
    INTEREST: Annotated[_TextList | None, _NO_LIST_OF_NULL, DESCRIPTION, _FEW] = None
    LOCALE: Annotated[_TextList | None, DESCRIPTION, _FEW] = None
    LOCATION: Annotated[_TextList | None, DESCRIPTION, _FEW] = None
    LOCATION_EXCLUDE: Annotated[_TextList | None, _NO_LIST_OF_NULL, since_5_28(None), CHANGES, _FEW] = None
    MAXIMUM_AGE: Annotated[_AgeOrOlder | None, _NO_TEXT_OF_NULL, DESCRIPTION, _AGES] = None
    MINIMUM_AGE: Annotated[_Age | None, _NO_TEXT_OF_NULL, DESCRIPTION, _AGES] = None
    SHOPPING_RETARGETING: Annotated[
        Annotated[list[ShoppingRetargeting], _Listed] | None, DESCRIPTION, _FEW
    ] = None
    TARGETING_STRATEGY: Annotated[Annotated[list[Strategy], _Listed] | None, DESCRIPTION, _FEW] = None

    @model_validator(mode="after")
    def _check_ages(self, info: ValidationInfo) -> Self:
        """The prose of the description; the messages are chosen."""
        if is_schema_only(info.context):
            return self
        if self.MINIMUM_AGE is None and self.MAXIMUM_AGE is None:
            return self
        if self.MINIMUM_AGE is None:
            raise InvalidRequestError("'MINIMUM_AGE' is a dependency of 'MAXIMUM_AGE'")
        if self.MAXIMUM_AGE is None:
            raise InvalidRequestError("'MAXIMUM_AGE' is a dependency of 'MINIMUM_AGE'")
        if self.AGE_BUCKET:
            raise InvalidRequestError("'AGE_BUCKET' cannot be combined with 'MINIMUM_AGE' and 'MAXIMUM_AGE'")
        for age in (self.MINIMUM_AGE, self.MAXIMUM_AGE):
            if int(age.rstrip("+")) < MIN_AGE_YEARS:
                raise InvalidRequestError(f"{age!r} is less than the minimum of {MIN_AGE_YEARS}")
            if int(age.rstrip("+")) > MAX_AGE_YEARS or (age.endswith("+") and age != f"{MAX_AGE_YEARS}+"):
                raise InvalidRequestError(f"{age!r} is greater than the maximum of {MAX_AGE_YEARS}")
        if int(self.MINIMUM_AGE) > int(self.MAXIMUM_AGE.rstrip("+")):
            raise InvalidRequestError(
                f"{self.MAXIMUM_AGE!r} is less than the minimum of {self.MINIMUM_AGE}, which is 'MINIMUM_AGE'"
            )
        return self


class Keyword(ApiModel):
    match_type: Annotated[
        MatchType | None, AfterValidator(_match_type_was_sent), CHANGES, DESCRIPTION.says("null, before 5.28")
    ]
    value: Annotated[
        str,
        Field(max_length=MAX_KEYWORD_CHARACTERS),
        SchemaAllows(str),
        DESCRIPTION,
        PROSE.says(f"at most {MAX_KEYWORD_CHARACTERS} characters"),
    ]


class AdGroupAudienceSizingRequest(ApiModel):
    auto_targeting_enabled: Annotated[StrictBool | None, DESCRIPTION] = True
    creative_types: Annotated[Annotated[list[CreativeType], _Listed] | None, DESCRIPTION, _FEW] = None
    keywords: Annotated[Annotated[list[Keyword], _Listed] | None, DESCRIPTION, _FEW] = None
    placement_group: Annotated[Literal["ALL", "SEARCH", "BROWSE", "OTHER"] | None, DESCRIPTION] = "ALL"
    product_group_ids: Annotated[Annotated[list[Digits], _Listed] | None, DESCRIPTION, _FEW] = None
    targeting_spec: Annotated[TargetingSpec | None, DESCRIPTION] = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "auto_targeting_enabled": False,
                    "placement_group": "ALL",
                    "targeting_spec": {"LOCATION": ["US"], "GENDER": ["female"], "AGE_BUCKET": ["25-34"]},
                    "keywords": [{"match_type": "BROAD", "value": "quilts"}],
                }
            ]
        }
    )


class AdGroupAudienceSizingResponse(ApiModel):
    """Whole numbers of people."""

    audience_size_lower_bound: Annotated[float, OURS.says("a made-up number, the same on every run")]
    audience_size_upper_bound: Annotated[float, OURS.says("a made-up number, the same on every run")]


SIZING_EXAMPLE = {"audience_size_lower_bound": 1_400_000, "audience_size_upper_bound": 2_200_000}
