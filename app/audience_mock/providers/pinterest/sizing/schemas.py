"""Audience sizing as Pinterest writes it: whom an ad group is to reach, and how many these may be.

A key that is null or an empty list counts as one that is missing (chosen for the empty list).
"""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, ValidationInfo, model_validator

from audience_mock.providers.pinterest.api_versions import DocumentedConstraint, is_by_schema_alone
from audience_mock.providers.pinterest.audiences.schemas import Digits
from audience_mock.providers.pinterest.errors import InvalidRequest
from audience_mock.providers.pinterest.sources import BOUNDED, DESCRIPTION, OURS, PROSE
from audience_mock.web.schema import ApiModel

MAX_LISTED = 10_000
"""Items of one list. Not documented; chosen, so that a request is answered at once."""
MAX_LISTED_AUDIENCES = 1_000
"""Not documented; chosen, so that they are looked up in one statement."""
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
Integer = Annotated[int, Field(strict=True)]
Listed = Field(max_length=MAX_LISTED)
Texts = Annotated[list[str], Listed]
AudienceIds = Annotated[list[Digits], Field(max_length=MAX_LISTED_AUDIENCES)]
Age = Annotated[
    str,
    Field(max_length=3, pattern=r"^[0-9]+$", json_schema_extra={"pattern": r"^\d+$"}),
    DocumentedConstraint(Annotated[str, Field(pattern=r"^[0-9]+$")]),
]
AgeOrOlder = Annotated[
    str,
    Field(max_length=3, pattern=r"^[0-9]+\+?$", json_schema_extra={"pattern": r"^\d+\+?$"}),
    DocumentedConstraint(Annotated[str, Field(pattern=r"^[0-9]+\+?$")]),
]
_FEW = BOUNDED.says(f"at most {MAX_LISTED}")
_AGES = PROSE.says(
    f"both, {MIN_AGE_YEARS} to {MAX_AGE_YEARS} or {MAX_AGE_YEARS}+, the least first, and no AGE_BUCKET"
)


class ShoppingRetargeting(ApiModel):
    exclusion_window: Annotated[Integer | None, DESCRIPTION] = None
    lookback_window: Annotated[Integer | None, DESCRIPTION] = None
    tag_types: Annotated[Annotated[list[Integer], Listed] | None, DESCRIPTION, _FEW] = None


class TargetingSpec(ApiModel):
    """Keys that are not named here are ignored, as Pinterest's descriptions allow."""

    AGE_BUCKET: Annotated[Annotated[list[AgeBucket], Listed] | None, DESCRIPTION, _FEW] = None
    APPTYPE: Annotated[Annotated[list[AppType], Listed] | None, DESCRIPTION, _FEW] = None
    AUDIENCE_EXCLUDE: Annotated[
        AudienceIds | None, DESCRIPTION, BOUNDED.says(f"at most {MAX_LISTED_AUDIENCES}")
    ] = None
    AUDIENCE_INCLUDE: Annotated[
        AudienceIds | None, DESCRIPTION, BOUNDED.says(f"at most {MAX_LISTED_AUDIENCES}")
    ] = None
    GENDER: Annotated[Annotated[list[Gender], Listed] | None, DESCRIPTION, _FEW] = None
    GEO: Annotated[Texts | None, DESCRIPTION, _FEW] = None
    INTEREST: Annotated[Texts | None, DESCRIPTION, _FEW] = None
    LOCALE: Annotated[Texts | None, DESCRIPTION, _FEW] = None
    LOCATION: Annotated[Texts | None, DESCRIPTION, _FEW] = None
    MAXIMUM_AGE: Annotated[AgeOrOlder | None, DESCRIPTION, _AGES] = None
    MINIMUM_AGE: Annotated[Age | None, DESCRIPTION, _AGES] = None
    SHOPPING_RETARGETING: Annotated[
        Annotated[list[ShoppingRetargeting], Listed] | None, DESCRIPTION, _FEW
    ] = None
    TARGETING_STRATEGY: Annotated[Annotated[list[Strategy], Listed] | None, DESCRIPTION, _FEW] = None

    @model_validator(mode="after")
    def _ages(self, info: ValidationInfo) -> Self:
        """The prose of the description; the words of a refusal are chosen."""
        if is_by_schema_alone(info.context):
            return self
        if self.MINIMUM_AGE is None and self.MAXIMUM_AGE is None:
            return self
        if self.MINIMUM_AGE is None:
            raise InvalidRequest("'MINIMUM_AGE' is a dependency of 'MAXIMUM_AGE'")
        if self.MAXIMUM_AGE is None:
            raise InvalidRequest("'MAXIMUM_AGE' is a dependency of 'MINIMUM_AGE'")
        if self.AGE_BUCKET:
            raise InvalidRequest("'AGE_BUCKET' cannot be combined with 'MINIMUM_AGE' and 'MAXIMUM_AGE'")
        for age in (self.MINIMUM_AGE, self.MAXIMUM_AGE):
            if int(age.rstrip("+")) < MIN_AGE_YEARS:
                raise InvalidRequest(f"{age!r} is less than the minimum of {MIN_AGE_YEARS}")
            if int(age.rstrip("+")) > MAX_AGE_YEARS or (age.endswith("+") and age != f"{MAX_AGE_YEARS}+"):
                raise InvalidRequest(f"{age!r} is greater than the maximum of {MAX_AGE_YEARS}")
        if int(self.MINIMUM_AGE) > int(self.MAXIMUM_AGE.rstrip("+")):
            raise InvalidRequest(
                f"{self.MAXIMUM_AGE!r} is less than the minimum of {self.MINIMUM_AGE}, which is 'MINIMUM_AGE'"
            )
        return self


class Keyword(ApiModel):
    match_type: Annotated[MatchType | None, DESCRIPTION]
    value: Annotated[
        str,
        Field(max_length=MAX_KEYWORD_CHARACTERS),
        DocumentedConstraint(str),
        DESCRIPTION,
        PROSE.says(f"at most {MAX_KEYWORD_CHARACTERS} characters"),
    ]


class AdGroupAudienceSizingRequest(ApiModel):
    auto_targeting_enabled: Annotated[StrictBool | None, DESCRIPTION] = True
    creative_types: Annotated[Annotated[list[CreativeType], Listed] | None, DESCRIPTION, _FEW] = None
    keywords: Annotated[Annotated[list[Keyword], Listed] | None, DESCRIPTION, _FEW] = None
    placement_group: Annotated[Literal["ALL", "SEARCH", "BROWSE", "OTHER"] | None, DESCRIPTION] = "ALL"
    product_group_ids: Annotated[Annotated[list[Digits], Listed] | None, DESCRIPTION, _FEW] = None
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
