"""Where in a JSON text something stands."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

_BLANK = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


class Place(NamedTuple):
    """Line and column, both from 1; a column is a character."""

    line: int
    column: int


def at(text: str, offset: int) -> Place:
    start = text.rfind("\n", 0, offset) + 1
    return Place(text.count("\n", 0, offset) + 1, offset - start + 1)


def offsets(text: str, paths: Iterable[Sequence[int | str]]) -> dict[tuple[int | str, ...], int]:
    """Where the value at each path begins: of a key that is not there, where the object begins that lacks it.

    The text is right JSON. It is gone through once, and what no path leads to is only skipped.
    """
    wanted: dict[Any, Any] = {}
    kept = [tuple(path) for path in paths]
    for path in kept:
        inner = wanted
        for part in path:
            inner = inner.setdefault(part, {})
    found: dict[tuple[int | str, ...], int] = {}
    _walk(text, _skip(text, 0), (), wanted, found)
    for path in kept:
        deepest = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in found)
        found[path] = found[deepest]
    return found


def _skip(text: str, offset: int) -> int:
    blank = _BLANK.match(text, offset)
    assert blank is not None
    return blank.end()


def _walk(
    text: str,
    offset: int,
    path: tuple[int | str, ...],
    wanted: Mapping[Any, Any],
    found: dict[tuple[int | str, ...], int],
) -> int:
    """Note where the value at `path` begins, and those within it that are wanted; answers where it ends."""
    found[path] = offset
    opening = text[offset]
    if not wanted or opening not in "{[":
        return _decode(text, offset)[1]
    is_object = opening == "{"
    offset, position = _skip(text, offset + 1), 0
    while text[offset] not in "]}":
        part: int | str = position
        if is_object:
            part, offset = _decode(text, offset)
            offset = _skip(text, _skip(text, offset) + 1)
        # Of a key that is there twice the last one counts, as for everyone who reads JSON.
        offset = _skip(text, _walk(text, offset, (*path, part), wanted.get(part, {}), found))
        if text[offset] == ",":
            offset = _skip(text, offset + 1)
        position += 1
    return offset + 1
