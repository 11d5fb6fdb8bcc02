"""Audience insights as Pinterest writes them."""

from typing import Annotated, Literal

from pydantic import Field

from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.schema import ApiModel

InsightType = Literal["YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE"]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class InsightsQuery(ApiModel):
    audience_insight_type: Annotated[InsightType, DESCRIPTION]


class AudienceSubcategory(ApiModel):
    """`ratio` is a share of the whole audience, `index` that share over Pinterest's own."""

    key: str
    name: str
    ratio: float
    index: float
    id: str


class AudienceCategory(AudienceSubcategory):
    """`ratio` is a share of the whole audience, `index` that share over Pinterest's own."""

    subcategories: list[AudienceSubcategory]


class AudienceDemographicValue(ApiModel):
    key: str
    name: str
    ratio: float


class AudienceDemographics(ApiModel):
    """The ratios of each but `metros` sum to 1."""

    ages: list[AudienceDemographicValue]
    genders: list[AudienceDemographicValue]
    devices: list[AudienceDemographicValue]
    metros: list[AudienceDemographicValue]
    countries: list[AudienceDemographicValue]


class AudienceInsightsResponse(ApiModel):
    """`size` is rounded up where `size_is_upper_bound`."""

    categories: list[AudienceCategory]
    demographics: AudienceDemographics
    type: InsightType
    date: Annotated[Date, OURS.says("today, in UTC, by the world's clock")]
    size: Annotated[int, OURS.says("a made-up number, the same on every run")]
    size_is_upper_bound: bool


class AudienceDefinition(ApiModel):
    date: str
    type: str
    scope: str


class AudienceDefinitionResponse(ApiModel):
    items: list[AudienceDefinition]
