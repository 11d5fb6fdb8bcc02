"""The positions of values in a JSON text."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

_BLANK = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


class Place(NamedTuple):
    """Line and column, both from 1; columns count characters."""

    line: int
    column: int


def at(text: str, offset: int) -> Place:
    start = text.rfind("\n", 0, offset) + 1
    return Place(text.count("\n", 0, offset) + 1, offset - start + 1)


def offsets(text: str, paths: Iterable[Sequence[int | str]]) -> dict[tuple[int | str, ...], int]:
    """The offset of the value at each path, or of the object that lacks the key of the path.

    The text is valid JSON. It is read once, and values that no path leads to are skipped.
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
    """Record the offset of the value at `path`, and of those within it that are wanted; returns its end."""
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
        # The last one of duplicate keys counts, as in any JSON parser.
        offset = _skip(text, _walk(text, offset, (*path, part), wanted.get(part, {}), found))
        if text[offset] == ",":
            offset = _skip(text, offset + 1)
        position += 1
    return offset + 1
