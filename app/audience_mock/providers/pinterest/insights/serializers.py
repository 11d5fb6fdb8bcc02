"""Estimates as Pinterest's audience insights."""

from typing import Any

from pydantic_core import to_json

from audience_mock.providers.pinterest.insights import estimates
from audience_mock.providers.pinterest.insights.estimates import Interest
from audience_mock.providers.pinterest.insights.schemas import DEFINITIONS

_DEMOGRAPHICS = ("ages", "genders", "devices", "metros", "countries")


def insights(account: str, kind: str, date: str, own_people: int) -> bytes:
    """`own_people` are the sizes of the ad account's audiences, summed up."""
    size, is_upper_bound = estimates.size(account, kind, own_people)
    groups = estimates.demographics(account, kind)
    return to_json(
        {
            "categories": [_category(interest) for interest in estimates.interests(account, kind)],
            "demographics": {
                group: [
                    {"key": part.key, "name": part.name, "ratio": part.per_mille / 1000}
                    for part in groups[group]
                ]
                for group in _DEMOGRAPHICS
            },
            "type": kind,
            "date": date,
            "size": size,
            "size_is_upper_bound": is_upper_bound,
        }
    )


def definitions(date: str) -> bytes:
    items = [{"date": date, "type": kind, "scope": scope} for kind, scope in DEFINITIONS]
    return to_json({"items": items})


def _category(interest: Interest) -> dict[str, Any]:
    return {**_interest(interest), "subcategories": [_interest(sub) for sub in interest.subcategories]}


def _interest(interest: Interest) -> dict[str, Any]:
    return {
        "key": interest.id,
        "name": interest.name,
        "ratio": interest.per_mille / 1000,
        "index": interest.index_percent / 100,
        "id": interest.id,
    }
