"""Suggestions for a request that matches no route: the routes that may have been meant.

All weights here are chosen.
"""

import re
from collections.abc import Iterable, Sequence

from audience_mock.core.suggestions import similarity

MAX_SUGGESTIONS = 3

MAX_DISTANCE, MAX_DISTANCE_PER_PART = 1.6, 0.6
"""Of a route that is suggested. A part too many or too few counts 1, and so does another word; a misspelled
word counts for as much of it as differs."""

OTHER_METHOD = 0.3
NOT_AN_ID = 0.4
"""Where a route has a parameter, and the request has a word."""

MAX_PARTS, MAX_WORD_CHARACTERS = 12, 60
"""Of a path, and of a word, that may be a typing error."""

Route = tuple[str, str]
"""Method and path, with `{name}` for each parameter."""

_VERSION = re.compile(r"v\d+(?:\.\d+)*")
_PARAMETER = re.compile(r"\{\w+\}")


def suggest(method: str, path: str, routes: Iterable[Route]) -> list[str]:
    """The routes closest to a request, as `GET /v5/ad_accounts/{ad_account_id}`, the closest first."""
    parts = _parts(path)
    if len(parts) > MAX_PARTS:
        return []
    found = []
    differences: dict[tuple[str, str], float] = {}
    """Of words that were compared. It lasts for one request: a path is what any caller makes it."""
    for route_method, route in routes:
        wanted = _parts(route)
        if abs(len(parts) - len(wanted)) > MAX_DISTANCE:
            continue
        distance = _distance(parts, wanted, differences)
        if distance < min(MAX_DISTANCE, MAX_DISTANCE_PER_PART * len(wanted)):
            found.append((distance + OTHER_METHOD * (route_method != method), f"{route_method} {route}"))
    found.sort()
    closest = found[0][0] if found else 0
    # Other methods of the closest path too, but nothing that is much less like the request.
    return [route for distance, route in found if distance <= closest + OTHER_METHOD][:MAX_SUGGESTIONS]


def _parts(path: str) -> tuple[str, ...]:
    """Without versions and repeated slashes."""
    return tuple(part for part in path.split("/") if part and not _VERSION.fullmatch(part))


def _distance(
    parts: Sequence[str], wanted: Sequence[str], differences: dict[tuple[str, str], float]
) -> float:
    """The edit distance, part by part."""
    row = [float(place) for place in range(len(wanted) + 1)]
    for number, part in enumerate(parts, 1):
        left, row = row, [float(number)]
        for place, word in enumerate(wanted):
            pair = (part, word)
            if pair not in differences:
                differences[pair] = _difference(part, word)
            row.append(min(left[place] + differences[pair], left[place + 1] + 1, row[place] + 1))
    return row[-1]


def _difference(part: str, wanted: str) -> float:
    if _PARAMETER.fullmatch(wanted):
        return 0 if any(character.isdigit() for character in part) else NOT_AN_ID
    if part == wanted:
        return 0
    if part.isdigit() or len(part) > MAX_WORD_CHARACTERS:
        return 1
    similar = similarity(part.lower(), wanted)
    return 1 - similar if similar > 0.6 else 1
