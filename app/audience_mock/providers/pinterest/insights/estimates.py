"""Who the people of an ad account are, and of Pinterest as a whole: invented, and the same on every run.

Everything here is chosen; only the shape of the responses is documented. What can be relied on: the
ratios of ages, genders, devices and countries sum to 1 each; those of metros to no more than that of their
country; a subcategory is no larger than its category; an index is the ratio over Pinterest's own; the engaged
are among the total, and these among Pinterest's. People and ratios follow from the ad account's id alone, and
its total audience also grows with its own audiences.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from audience_mock.core.users.match_rate import estimate
from audience_mock.providers.pinterest.population import (
    AGES,
    ALL_USERS,
    COUNTRIES,
    DEVICES,
    GENDERS,
    round_up,
    users_in,
)

YOUR_ENGAGED = "YOUR_ENGAGED_AUDIENCE"
PINTEREST_TOTAL = "PINTEREST_TOTAL_AUDIENCE"

# Nielsen's numbers of the ten largest metro areas.
_METROS = {
    "501": "New York",
    "803": "Los Angeles",
    "602": "Chicago",
    "504": "Philadelphia",
    "623": "Dallas-Ft. Worth",
    "807": "San Francisco-Oakland-San Jose",
    "511": "Washington, DC",
    "618": "Houston",
    "506": "Boston",
    "524": "Atlanta",
}
_METROS_PERCENT_OF_US = 30

# Categories that Pinterest shows to everyone, each with two of ours.
_INTERESTS = {
    "animals": ("cats", "dogs"),
    "architecture": ("building exteriors", "interiors"),
    "art": ("drawings", "painting"),
    "beauty": ("hair", "makeup"),
    "diy and crafts": ("quilting", "woodworking"),
    "electronics": ("cameras", "phones"),
    "entertainment": ("films", "music"),
    "event planning": ("birthdays", "showers"),
    "food and drinks": ("baking", "dinners"),
    "gardening": ("house plants", "vegetables"),
    "health": ("exercise", "nutrition"),
    "home decor": ("kitchens", "living rooms"),
    "men's fashion": ("men's shoes", "men's suits"),
    "parenting": ("babies", "toddlers"),
    "sport": ("cycling", "running"),
    "travel": ("travel destinations", "road trips"),
    "vehicles": ("cars", "motorbikes"),
    "wedding": ("wedding dresses", "wedding venues"),
    "women's fashion": ("dresses", "handbags"),
}


@dataclass(frozen=True)
class Part:
    """A part of an audience and its ratio in thousandths."""

    key: str
    name: str
    per_mille: int


@dataclass(frozen=True)
class Interest:
    """The people of an audience who like something: ratio in thousandths, index in hundredths."""

    id: str
    name: str
    per_mille: int
    index_percent: int
    subcategories: tuple["Interest", ...] = ()


def size(account: str, kind: str, own_people: int) -> tuple[int, bool]:
    """People in an audience of the kind, rounded up to two digits, and whether that made it more.

    `own_people` are the sizes of the ad account's audiences, summed up.
    """
    people = ALL_USERS
    if kind != PINTEREST_TOTAL:
        people = min(people, estimate(10_000, 1_000_000, "reached", account) + own_people)
    if kind == YOUR_ENGAGED:
        people = people * estimate(5, 40, "engaged", account) // 100
    rounded = round_up(people)
    return rounded, rounded > people


def demographics(account: str, kind: str) -> dict[str, list[Part]]:
    """Ages, genders, devices, countries and metros of an audience."""
    countries = {country: users_in(country) for country in COUNTRIES}
    parts = {
        group: _parts(1000, group, weights, account, kind)
        for group, weights in (
            ("ages", AGES),
            ("genders", GENDERS),
            ("devices", DEVICES),
            ("countries", countries),
        )
    }
    (us,) = (part.per_mille for part in parts["countries"] if part.key == "us")
    metros = {metro: len(_METROS) - position for position, metro in enumerate(_METROS)}
    parts["metros"] = _parts(us * _METROS_PERCENT_OF_US // 100, "metros", metros, account, kind)
    return parts


def interests(account: str, kind: str) -> list[Interest]:
    """What an audience likes, most liked first."""
    found = []
    for name, inner in _INTERESTS.items():
        everyone = estimate(50, 600, "liked", name)
        liked = max(1, min(990, everyone * _affinity_percent(account, kind, "interest", name) // 100))
        subcategories = []
        for sub in inner:
            share = estimate(200, 600, "liked within", name, sub)
            everyone_too = max(1, everyone * share // 1000)
            affinity = _affinity_percent(account, kind, "interest", sub)
            liked_too = max(1, min(liked, liked * share * affinity // 100_000))
            subcategories.append(_interest(sub, liked_too, everyone_too))
        found.append(_interest(name, liked, everyone, tuple(sorted(subcategories, key=_by_popularity))))
    return sorted(found, key=_by_popularity)


def split(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Whole shares of `total` by weight, which sum to it: the largest remainders are rounded up."""
    whole = sum(weights.values())
    shares = {key: total * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))
    for key in by_remainder[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


def _parts(total: int, group: str, weights: Mapping[str, int], account: str, kind: str) -> list[Part]:
    weighted = {key: weight * _affinity_percent(account, kind, group, key) for key, weight in weights.items()}
    names = {"countries": COUNTRIES, "metros": _METROS}.get(group, {})
    shares = split(total, weighted)
    return [
        Part(key.lower() if group == "countries" else key, names.get(key, key), shares[key])
        for key in sorted(shares, key=lambda key: -shares[key])
    ]


def _affinity_percent(account: str, kind: str, group: str, key: str) -> int:
    """The audience's share of something, in percent of Pinterest's own share."""
    return 100 if kind == PINTEREST_TOTAL else estimate(60, 140, "leaning", account, kind, group, key)


def _interest(
    name: str, per_mille: int, everyone_per_mille: int, subcategories: tuple[Interest, ...] = ()
) -> Interest:
    # The ids are made up, of the length that Pinterest's have.
    id = str(estimate(900_000_000_000, 969_999_999_999, "interest", name))
    return Interest(id, name, per_mille, 100 * per_mille // everyone_per_mille, subcategories)


def _by_popularity(interest: Interest) -> tuple[int, str]:
    return -interest.per_mille, interest.name
