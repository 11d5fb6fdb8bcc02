"""Where the second run of a command asks for something else than the first one did."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from audience_mock.web.contract_diff.comparison import path_in_world, shown_call
from audience_mock.web.exchanges import Exchange

_WORLD_OF_A_TEST = re.compile(r"-[0-9a-f]{10}$")
"""What the pytest plugin adds to the name of a test's world, another one in each run."""
_MADE = re.compile(rb"[0-9]{5,}|[A-Za-z0-9_~=-]{16,}")
"""Ids, times, tokens, boundaries: what may be other in each run and ask for the same."""
_COMPARED_BYTES = 1 << 16


def divergences(first: Sequence[Exchange], second: Sequence[Exchange]) -> list[dict[str, Any]]:
    """For each world whose calls part: the first calls that are not alike, with their numbers, and how many
    there are in each run from there on. A run that has no more calls has null."""
    runs = [_by_world(first), _by_world(second)]
    found = []
    for world in dict.fromkeys((*runs[0], *runs[1])):
        calls = [run.get(world, []) for run in runs]
        for at, (one, other) in enumerate(zip_longest(*calls)):
            if one is None or other is None or _alike(one[1]) != _alike(other[1]):
                shown = [None if call is None else shown_call(*call) for call in (one, other)]
                found.append(
                    {
                        "world": world,
                        "alike": at,
                        "first": shown[0],
                        "second": shown[1],
                        "first_left": len(calls[0]) - at,
                        "second_left": len(calls[1]) - at,
                    }
                )
                break
    return found


def _by_world(calls: Sequence[Exchange]) -> Mapping[str, list[tuple[int, Exchange]]]:
    worlds: dict[str, list[tuple[int, Exchange]]] = {}
    for number, call in enumerate(calls, 1):
        worlds.setdefault(_WORLD_OF_A_TEST.sub("", call.world), []).append((number, call))
    return worlds


def _alike(call: Exchange) -> tuple[Any, ...]:
    """What two calls have in common that ask for the same."""
    path = path_in_world(call)
    query = sorted(call.query.split(b"&"))
    body = next(call.pieces(), b"")[:_COMPARED_BYTES]
    return (call.method, call.operation, *(_MADE.sub(b"#", part) for part in (path, *query, body)))
