"""Suggestions for a request that matches no route: the routes that may have been meant.

All weights here are chosen.
"""

import re
from collections.abc import Iterable, Sequence

from audience_mock.core.suggestions import may_be_similar, similarity

MAX_SUGGESTIONS = 3

MAX_DISTANCE, MAX_DISTANCE_PER_PART = 1.6, 0.6
"""Of a route that is suggested. A part too many or too few counts 1, and so does another word; a misspelled
word counts for as much of it as differs."""

OTHER_METHOD = 0.3
NOT_AN_ID = 0.4
"""Where a route has a parameter, and the request has a word."""

LEAST_SIMILAR = 0.6
"""Of a misspelled word and the one that was meant."""

MAX_PARTS, MAX_WORD_CHARACTERS = 12, 60
"""Of a path, and of a word, that may be a typing error."""

_VERSION = re.compile(r"v\d+(?:\.\d+)*")
_PARAMETER = re.compile(r"\{\w+\}")


class Candidate:
    """A route that may have been meant: its method, and its path with `{name}` for each parameter."""

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.parts = [None if _PARAMETER.fullmatch(part) else part for part in _parts(path)]
        """None for each parameter."""


def suggest(method: str, path: str, routes: Iterable[Candidate]) -> list[str]:
    """The routes closest to a request, as `GET /v5/ad_accounts/{ad_account_id}`, the closest first."""
    parts = _parts(path)
    if len(parts) > MAX_PARTS:
        return []
    found = []
    differences: dict[tuple[str, str | None], float] = {}
    """Of words that were compared. It lasts for one request: a path is what any caller makes it."""
    for route in routes:
        if abs(len(parts) - len(route.parts)) > MAX_DISTANCE:
            continue
        distance = _distance(parts, route.parts, differences)
        if distance < min(MAX_DISTANCE, MAX_DISTANCE_PER_PART * len(route.parts)):
            other_method = OTHER_METHOD * (route.method != method)
            found.append((distance + other_method, f"{route.method} {route.path}"))
    found.sort()
    closest = found[0][0] if found else 0
    # Other methods of the closest path too, but nothing that is much less like the request.
    return [route for distance, route in found if distance <= closest + OTHER_METHOD][:MAX_SUGGESTIONS]


def _parts(path: str) -> tuple[str, ...]:
    """Without versions and repeated slashes."""
    return tuple(part for part in path.split("/") if part and not _VERSION.fullmatch(part))


def _distance(
    parts: Sequence[str], wanted: Sequence[str | None], differences: dict[tuple[str, str | None], float]
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


def _difference(part: str, wanted: str | None) -> float:
    if wanted is None:
        return 0 if any(character.isdigit() for character in part) else NOT_AN_ID
    if part == wanted:
        return 0
    if part.isdigit() or len(part) > MAX_WORD_CHARACTERS:
        return 1
    word = part.lower()
    similar = similarity(word, wanted) if may_be_similar(word, wanted, LEAST_SIMILAR) else 0
    return 1 - similar if similar > LEAST_SIMILAR else 1
