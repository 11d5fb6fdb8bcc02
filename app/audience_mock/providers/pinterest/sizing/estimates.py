"""How many people a targeting may reach: invented, and the same for the same targeting on every run.

Everything here is chosen. What can be relied on: narrower targeting never reaches more. Of two requests the
narrower is the one that has a filter more, fewer values in a filter, more excluded audiences or negative
keywords, EXACT for PHRASE or PHRASE for BROAD, or no auto targeting. All figures are whole numbers (shares in
millionths, rounded down), so rounding cannot reverse that.
"""

import re
from collections.abc import Iterable

from audience_mock.core.users.match_rate import estimate
from audience_mock.providers.pinterest.population import (
    AGES,
    ALL_USERS,
    DEVICES,
    GENDERS,
    round_up,
    users_in,
)
from audience_mock.providers.pinterest.sizing.schemas import (
    MAX_AGE_YEARS,
    MIN_AGE_YEARS,
    AdGroupAudienceSizingRequest,
    Keyword,
    ShoppingRetargeting,
    TargetingSpec,
)

WHOLE = 1_000_000
"""Millionths in everyone."""

_OLDER = MAX_AGE_YEARS + 1
"""Stands for everyone above the highest age: "65+" is 65 and these."""
_PER_AGE = {
    # 70 is a multiple of the years of each bucket, so each year has a whole part of its bucket.
    age: AGES[bucket] * 70 // (last - first + 1)
    for bucket, first, last in (
        ("18-24", 18, 24),
        ("25-34", 25, 34),
        ("35-44", 35, 44),
        ("45-49", 45, 49),
        ("50-54", 50, 54),
        ("55-64", 55, 64),
        ("65+", MAX_AGE_YEARS, _OLDER),
    )
    for age in range(first, last + 1)
}
_PLACEMENTS = {"ALL": WHOLE, "BROWSE": 600_000, "SEARCH": 300_000, "OTHER": 100_000}
_STRATEGIES = {"CHOOSE_YOUR_OWN": 900_000, "FIND_NEW_CUSTOMERS": 800_000, "RECONNECT_WITH_USERS": 200_000}
_KEYWORD_WIDTH = {
    None: 4,
    "BROAD": 4,
    "PHRASE": 2,
    "EXACT": 1,
    "PHRASE_NEGATIVE": 2,
    "EXACT_NEGATIVE": 1,
}
_LONGEST_WINDOW_DAYS = 540


def people_reached(
    request: AdGroupAudienceSizingRequest, *, included: int | None = None, excluded: int = 0
) -> int:
    """People whom an ad group may reach. `included` are those in the audiences that it targets (None: it
    targets none), `excluded` those in the audiences that it leaves out."""
    spec = request.targeting_spec or TargetingSpec()
    people = _people_at(
        {*(spec.LOCATION or ()), *(spec.GEO or ())},
        {*(spec.LOCATION_EXCLUDE or ()), *(spec.GEO_EXCLUDE or ())},
    )
    if included is not None:
        people = min(people, included)
    people = max(0, people - excluded)
    wider = 2 if request.auto_targeting_enabled is not False else 1
    for share in (
        _share_of_ages(_ages(spec)),
        _share_of_weights(GENDERS, spec.GENDER),
        _share_of_weights(DEVICES, spec.APPTYPE),
        _share_of_any("LOCALE", spec.LOCALE, 20_000, 300_000),
        min(WHOLE, wider * _share_of_any("INTEREST", spec.INTEREST, 20_000, 150_000)),
        min(WHOLE, wider * _share_of_keywords(request.keywords or ())),
        WHOLE - _share_of_negatives(request.keywords or ()),
        _share_of_any("creative_types", request.creative_types, 100_000, 900_000),
        _PLACEMENTS[request.placement_group or "ALL"],
        _share_of_strategies(spec.TARGETING_STRATEGY),
        _share_of_retargeting(spec.SHOPPING_RETARGETING, request.product_group_ids),
    ):
        people = people * share // WHOLE
    return people


def bounds(people: int) -> tuple[int, int]:
    """Four fifths and six fifths of them, outwards to two digits."""
    lower, upper = people * 8 // 10, -(-people * 12 // 10)
    step: int = 10 ** max(0, len(str(lower)) - 2)
    return lower // step * step, round_up(upper)


def any_of(shares: Iterable[int]) -> int:
    """The share of those to whom at least one of several applies: each adds less, and together never all."""
    whole = sum(shares)
    return WHOLE * whole // (WHOLE + whole)


def _people_at(places: set[str], excluded: set[str]) -> int:
    """People in any of the places, or everywhere, without those in the excluded ones."""
    left_out = _by_country(excluded)
    everywhere = max(0, ALL_USERS - sum(left_out.values()))
    if not places:
        return everywhere
    left = sum(max(0, people - left_out.get(at, 0)) for at, people in _by_country(places).items())
    return min(everywhere, left)


def _by_country(places: set[str]) -> dict[str, int]:
    """People in countries, or in metros and regions, which fill up their country."""
    by_country: dict[str, int] = {}
    for place in places:
        country, people = _place(place)
        by_country[country] = min(users_in(country), by_country.get(country, 0) + people)
    return by_country


def _place(place: str) -> tuple[str, int]:
    """The country that a place lies in, and its people: a country, a metro of the US by its number, a region
    or a postal code behind its country."""
    if re.fullmatch(r"[A-Z]{2}", place):
        return place, users_in(place)
    if re.fullmatch(r"[0-9]+", place):
        return "US", estimate(200_000, 5_000_000, "metro", place)
    return place.partition("-")[0], estimate(10_000, 500_000, "region", place)


def _ages(spec: TargetingSpec) -> set[int]:
    ages = set(_PER_AGE)
    if spec.MINIMUM_AGE is not None or spec.MAXIMUM_AGE is not None:
        ages &= _ages_of(f"{spec.MINIMUM_AGE or MIN_AGE_YEARS}-{spec.MAXIMUM_AGE or f'{MAX_AGE_YEARS}+'}")
    if spec.AGE_BUCKET:
        ages &= {age for bucket in set(spec.AGE_BUCKET) for age in _ages_of(bucket)}
    return ages


def _ages_of(bucket: str) -> set[int]:
    """The ages of "18-24", "19+" or "18-65+"; `_OLDER` is in those that end with a plus, or with a number
    above the highest age, which the schema alone allows."""
    first, _, last = bucket.rstrip("+").partition("-")
    highest = _OLDER if bucket.endswith("+") else _years(last)
    return set(range(max(MIN_AGE_YEARS, _years(first)), highest + 1))


def _years(digits: str) -> int:
    digits = digits.lstrip("0")
    return min(int(digits or 0), _OLDER) if len(digits) < 4 else _OLDER


def _share_of_ages(ages: set[int]) -> int:
    return WHOLE * sum(_PER_AGE[age] for age in ages) // sum(_PER_AGE.values())


def _share_of_weights(weights: dict[str, int], chosen: Iterable[str] | None) -> int:
    return WHOLE * sum(weights[one] for one in set(chosen or weights)) // sum(weights.values())


def _share_of_any(what: str, chosen: Iterable[str] | None, least: int, most: int) -> int:
    return any_of(estimate(least, most, what, one) for one in set(chosen)) if chosen else WHOLE


def _share_of_keywords(keywords: Iterable[Keyword]) -> int:
    """Of those that are wanted, each counted as wide as its widest match."""
    wanted = [one for one in keywords if not (one.match_type or "").endswith("NEGATIVE")]
    return any_of(_widths(wanted)) if wanted else WHOLE


def _share_of_negatives(keywords: Iterable[Keyword]) -> int:
    return any_of(_widths(one for one in keywords if (one.match_type or "").endswith("NEGATIVE")))


def _widths(keywords: Iterable[Keyword]) -> Iterable[int]:
    widest: dict[str, int] = {}
    for keyword in keywords:
        value = keyword.value.strip().lower()
        widest[value] = max(widest.get(value, 0), _KEYWORD_WIDTH[keyword.match_type])
    return [width * estimate(2_000, 20_000, "keyword", value) for value, width in widest.items()]


def _share_of_strategies(strategies: Iterable[str] | None) -> int:
    return any_of(_STRATEGIES[one] for one in set(strategies)) if strategies else WHOLE


def _share_of_retargeting(
    windows: list[ShoppingRetargeting] | None, product_groups: Iterable[str] | None
) -> int:
    """Who did something of `tag_types` within a window; product groups count here only, as described."""
    if not windows:
        return WHOLE
    in_windows = any_of(_share_of_window(window) for window in windows)
    return in_windows * _share_of_any("product group", product_groups, 50_000, 300_000) // WHOLE


def _share_of_window(window: ShoppingRetargeting) -> int:
    last = _LONGEST_WINDOW_DAYS if window.lookback_window is None else window.lookback_window
    days = max(0, min(_LONGEST_WINDOW_DAYS, last) - max(0, window.exclusion_window or 0))
    tags = {str(tag) for tag in window.tag_types or ()}
    return WHOLE * days // _LONGEST_WINDOW_DAYS * _share_of_any("tag", tags, 50_000, 300_000) // WHOLE
