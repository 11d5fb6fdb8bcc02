"""pydantic's error details as plain sentences, for settings, seed files and the control API alike.

A sentence says all that the field takes ("must be a whole number, 1 or more"), where pydantic reports the
first rule that was broken ("Input should be greater than or equal to 1"). That takes the model's JSON Schema,
which has aliases, bounds and nesting in one form; it is built when there is an error.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel

from audience_mock.core.expected_values import (
    Schema,
    cut,
    expected,
    is_number,
    literals,
    one_of,
    pattern,
    plain,
    shown,
    size,
)
from audience_mock.core.suggestions import closest, did_you_mean

Path = tuple[int | str, ...]

_NO_VALUE = object()
_MISSING = "missing"
_KEY = "[key]"
"""pydantic's last part of the location of an error in the key of a dict."""

_TYPE_ERRORS = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_BOUND_ERRORS = {
    "greater_than_equal": "{ge} or more",
    "greater_than": "greater than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
}


class Problem(NamedTuple):
    """One thing that is wrong: where, why, and the value where it helps to see it."""

    path: Path
    why: str
    given: Any = _NO_VALUE
    suggestions: Sequence[str] = ()
    """The keys that an unknown one may have been meant to be."""

    @property
    def field(self) -> str:
        """The dotted path, as `audiences.0.status`; empty for the whole."""
        return ".".join(map(str, self.path))

    @property
    def reason(self) -> str:
        """Why, with the value."""
        return self.why if self.given is _NO_VALUE else f"{self.why} (given: {shown(self.given)})"

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.path else self.reason


def problems(
    details: Iterable[Mapping[str, Any]], model: type[BaseModel] | None = None, *, key: str = "key"
) -> list[Problem]:
    """What the error details of a model say, in their order; `key` is what the model's keys are called.

    pydantic reports an error for each member of a union. They become one problem: what the union takes, or,
    if the value fits the outside of a member, what is wrong inside. A key that is missing because it is
    misspelled is one problem, too: the unknown key.
    """
    groups: dict[tuple[Any, ...], list[Problem]] = {}
    for number, detail in enumerate(details):
        place = _find(detail, model)
        if detail["type"] == "extra_forbidden" and place.path[-1] in _keys(place.parents):
            continue  # a key of another member of the union, which reports an error of its own
        group = ("detail", number) if place.union is None else ("union", *place.union)
        groups.setdefault(group, []).append(_problem(detail, place, key))
    found = [problem for group in groups.values() for problem in _deepest(group)]
    misspelled = {(*one.path[:-1], meant) for one in found for meant in one.suggestions}
    return [one for one in found if one.why != _MISSING or one.path not in misspelled]


def _deepest(group: list[Problem]) -> list[Problem]:
    depth = max(len(problem.path) for problem in group)
    by_path: dict[Path, Problem] = {}
    for problem in group:
        if len(problem.path) == depth:
            by_path.setdefault(problem.path, problem)
    return list(by_path.values())


class _Place(NamedTuple):
    """Where an error is in a model; the path leaves out pydantic's names for the members of unions."""

    path: Path
    schemas: Sequence[Schema]
    """What may stand there: several for a union."""
    parents: Sequence[Schema]
    union: Path | None = None
    """The path of the union that has the error in a member."""


def _find(detail: Mapping[str, Any], model: type[BaseModel] | None) -> _Place:
    location: Sequence[int | str] = detail["loc"]
    root = {} if model is None else _schema_of(model)
    place = _Place((), _members(root, root), ())
    for number, part in enumerate(location, 1):
        if part == _KEY:
            continue
        inner = [member for schema in place.schemas for member in _inner(schema, part, root)]
        is_unknown_key = detail["type"] == "extra_forbidden" and number == len(location)
        if not inner and not is_unknown_key and isinstance(part, str) and len(place.schemas) > 1:
            place = place._replace(union=place.path)
        else:
            place = _Place((*place.path, part), inner, place.schemas, place.union)
    return place


@cache
def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def _members(schema: Schema, root: Schema) -> list[Schema]:
    """The members of a union, or the schema itself, without references; null goes without saying."""
    if "$ref" in schema:
        return _members(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for union in ("anyOf", "oneOf"):
        # A `oneOf` beside properties says which of them go together.
        if union in schema and "properties" not in schema:
            return [member for one in schema[union] for member in _members(one, root)]
    return [] if schema.get("type") == "null" else [schema]


def _inner(schema: Schema, part: int | str, root: Schema) -> list[Schema]:
    inner: Any = schema.get("items" if isinstance(part, int) else "additionalProperties")
    if part in schema.get("properties", ()):
        inner = schema["properties"][part]
    return _members(inner, root) if isinstance(inner, dict) else []


def _keys(schemas: Sequence[Schema]) -> list[str]:
    return [key for schema in schemas for key in schema.get("properties", ())]


def _problem(detail: Mapping[str, Any], place: _Place, key: str) -> Problem:
    match detail["type"]:
        case "missing":
            return Problem(place.path, _MISSING)
        case "extra_forbidden":
            return _unknown(key, place.path, _keys(place.parents))
        case "literal_error" if detail["loc"][-1] == _KEY:
            known = [literal.strip("'") for literal in literals(detail["ctx"]["expected"])]
            return _unknown(key, place.path, known)
    return Problem(place.path, _why(detail, place.schemas), detail.get("input", _NO_VALUE))


def _unknown(key: str, path: Path, known: Sequence[str]) -> Problem:
    word = str(path[-1])
    suggestions = closest(word, known)
    hint = did_you_mean(suggestions) or (f" (known: {', '.join(known)})" if known else "")
    return Problem(path, f"unknown {key} {cut(repr(word))}{hint}", suggestions=suggestions)


def _why(detail: Mapping[str, Any], schemas: Sequence[Schema]) -> str:
    kind: str = detail["type"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    match kind:
        case "literal_error":
            return f"must be {one_of(literals(context['expected']))}"
        case "string_pattern_mismatch":
            return pattern(context["pattern"])
        case "string_too_short":
            return size("at least", context["min_length"], "character")
        case "string_too_long":
            return size("at most", context["max_length"], "character")
        case "too_short":
            return size("at least", context["min_length"], "item")
        case "too_long":
            return size("at most", context["max_length"], "item")
        case "value_error":
            return str(context["error"])
    if kind in _TYPE_ERRORS:
        return f"must be {' or '.join(dict.fromkeys(map(expected, schemas))) or _TYPE_ERRORS[kind]}"
    if kind in _BOUND_ERRORS:
        numbers = [expected(schema) for schema in schemas if is_number(schema)]
        bound = _BOUND_ERRORS[kind].format_map({name: plain(value) for name, value in context.items()})
        return f"must be {numbers[0] if len(numbers) == 1 else bound}"
    return re.sub("^Input should ", "must ", detail["msg"])
