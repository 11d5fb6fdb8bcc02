"""Which routes a request that none took was near: it tells a developer what was meant.

All that is weighed here is chosen.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from audience_mock.core.suggestions import similarity

MOST = 3
"""Routes that are named."""

FARTHEST, FARTHEST_SHARE = 1.6, 0.6
"""Beyond this, in all and for each part of a route, it is not near. A part too many or too few counts 1, and
so does another word; a word that is written otherwise counts for as much as differs."""

OTHER_METHOD = 0.3
NOT_AN_ID = 0.4
"""A word stands where a route has a parameter."""

LONGEST_PARTS, LONGEST_WORD = 12, 60
"""Beyond these, nobody mistyped anything."""

Route = tuple[str, str]
"""Method and path, with `{name}` for each parameter."""

_VERSION = re.compile(r"v\d+(?:\.\d+)*")
_PARAMETER = re.compile(r"\{\w+\}")


def suggest(method: str, path: str, routes: Iterable[Route]) -> list[str]:
    """The routes that a request is near, as `GET /v5/ad_accounts/{ad_account_id}`, the nearest first."""
    parts = _parts(path)
    if len(parts) > LONGEST_PARTS:
        return []
    found = []
    for route_method, route in routes:
        wanted = _parts(route)
        if abs(len(parts) - len(wanted)) > FARTHEST:
            continue
        far = _far(parts, wanted)
        if far < min(FARTHEST, FARTHEST_SHARE * len(wanted)):
            found.append((far + OTHER_METHOD * (route_method != method), f"{route_method} {route}"))
    found.sort()
    nearest = found[0][0] if found else 0
    # Of what is one route with another method, the one that is near; and nothing that is much farther off.
    return [named for far, named in found if far <= nearest + OTHER_METHOD][:MOST]


@lru_cache(maxsize=1024)
def _parts(path: str) -> tuple[str, ...]:
    """Versions are left out, and slashes too many."""
    return tuple(part for part in path.split("/") if part and not _VERSION.fullmatch(part))


def _far(parts: Sequence[str], wanted: Sequence[str]) -> float:
    """The edit distance, part by part."""
    row = [float(place) for place in range(len(wanted) + 1)]
    for number, part in enumerate(parts, 1):
        left, row = row, [float(number)]
        for place, word in enumerate(wanted):
            row.append(min(left[place] + _unlike(part, word), left[place + 1] + 1, row[place] + 1))
    return row[-1]


@lru_cache(maxsize=4096)
def _unlike(part: str, wanted: str) -> float:
    if _PARAMETER.fullmatch(wanted):
        return 0 if any(character.isdigit() for character in part) else NOT_AN_ID
    if part == wanted:
        return 0
    if part.isdigit() or len(part) > LONGEST_WORD:
        return 1
    alike = similarity(part.lower(), wanted)
    return 1 - alike if alike > 0.6 else 1
