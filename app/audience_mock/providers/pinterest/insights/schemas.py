"""Audience insights: requests and responses."""

from typing import Annotated, Any, Literal

from pydantic import Field

from audience_mock.providers.pinterest.sources import DESCRIPTION, OURS
from audience_mock.web.schema import ApiModel

InsightType = Literal["YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE"]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


DEFINITIONS = (
    ("ENGAGEMENT", "PARTNER"),
    ("IMPRESSION_PLUS_ENGAGEMENT", "PARTNER"),
    ("IMPRESSION_PLUS_ENGAGEMENT", "PINTEREST"),
)
"""Type and scope of the audiences that have insights. Two values of each are described; chosen: the three are
the engaged, the total, and Pinterest's total audience of the insights."""


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


INSIGHTS_EXAMPLE: dict[str, Any] = {
    "categories": [
        {
            "key": "934876475639",
            "name": "travel",
            "ratio": 0.551,
            "index": 1.2,
            "id": "934876475639",
            "subcategories": [
                {
                    "key": "958862518888",
                    "name": "travel destinations",
                    "ratio": 0.482,
                    "index": 1.1,
                    "id": "958862518888",
                }
            ],
        }
    ],
    "demographics": {
        "ages": [
            {"key": "25-34", "name": "25-34", "ratio": 0.6},
            {"key": "18-24", "name": "18-24", "ratio": 0.4},
        ],
        "genders": [{"key": "female", "name": "female", "ratio": 1.0}],
        "devices": [{"key": "iphone", "name": "iphone", "ratio": 1.0}],
        "metros": [{"key": "501", "name": "New York", "ratio": 0.1}],
        "countries": [{"key": "us", "name": "United States", "ratio": 1.0}],
    },
    "type": "YOUR_TOTAL_AUDIENCE",
    "date": "2026-11-21",
    "size": 660000,
    "size_is_upper_bound": True,
}
DEFINITIONS_EXAMPLE = {
    "items": [{"date": "2026-11-21", "type": kind, "scope": scope} for kind, scope in DEFINITIONS]
}
