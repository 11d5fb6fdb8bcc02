"""What is different between two JSON values, field by field."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

Kind = Literal["added", "removed", "type", "value"]

_NOTHING = object()


class Change(NamedTuple):
    """A place where two values differ, as a JSON path from `$`; `kind` "type" is a value of another type.

    `before` is None where something was added, `after` where it was removed.
    """

    path: str
    kind: Kind
    before: Any
    after: Any


def changes(before: Any, after: Any, path: str = "$") -> Iterator[Change]:
    """Each place where `after` differs. Items of a list that have ids are compared by id, others by place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _change(before.get(key, _NOTHING), after.get(key, _NOTHING), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        had, has = _items(before, after)
        for position, key in enumerate(dict.fromkeys((*had, *has))):
            yield from _change(had.get(key, _NOTHING), has.get(key, _NOTHING), f"{path}[{position}]")
    elif type_of(before) != type_of(after):
        yield Change(path, "type", before, after)
    elif before != after:
        yield Change(path, "value", before, after)


def type_of(value: Any) -> str:
    """The type of a value as JSON Schema names it; an integer is a number."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


def _change(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before is _NOTHING:
        yield Change(path, "added", None, after)
    elif after is _NOTHING:
        yield Change(path, "removed", before, None)
    else:
        yield from changes(before, after, path)


def _items(before: Sequence[Any], after: Sequence[Any]) -> tuple[Mapping[Any, Any], Mapping[Any, Any]]:
    """The items of both lists by what they are recognized by."""
    by_id = [
        {
            (type_of(item["id"]), str(item["id"])): item
            for item in items
            if isinstance(item, dict) and "id" in item
        }
        for items in (before, after)
    ]
    if len(by_id[0]) == len(before) and len(by_id[1]) == len(after):
        return by_id[0], by_id[1]
    return dict(enumerate(before)), dict(enumerate(after))
