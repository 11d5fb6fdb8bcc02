"""Allowed values as text: `a whole number from 0 to 65535`, `1 to 18 digits`."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
"""A JSON Schema without references."""

MAX_SHOWN = 200
"""Characters of a value that an error message shows."""

_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}

_CHARACTERS = {
    "0-9": "digits",
    "0-9a-f": "hex digits",
    "A-Z_": "capital letters or underscores",
    "a-z_:": "small letters, underscores or colons",
    "A-Za-z": "letters",
    "!-~": "ASCII characters without spaces",
}
"""The character classes of our patterns."""

_CLASS = re.compile(r"\^\[(?P<class>[^]]+)\](?:\{(?P<least>\d+)(?P<comma>,)?(?P<most>\d*)\}|\+)\$")
_ALTERNATIVES = re.compile(r"\^\(([\w:|-]+)\)\$")
_NUMBER = re.compile(r"\[[01]-9\](?:\[0-9\]\{[\d,]+\})?")
_QUOTED_OR_BARE = re.compile(r"'(?:[^'\\]|\\.)*'|[^\s,']+")


def is_number(schema: Schema) -> bool:
    return schema.get("type") in ("integer", "number")


def expected(schema: Schema) -> str:
    """What a schema takes: its values, or its type, and the bounds of a number."""
    if "enum" in schema:
        return one_of(list(map(_literal, schema["enum"])))
    if "const" in schema:
        return _literal(schema["const"])
    description = _TYPES.get(schema.get("type", ""), "another value")
    return description + _bounds(schema) if is_number(schema) else description


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    lower: Any = above if least is None else least
    upper: Any = below if most is None else most
    if lower is None and upper is None:
        return ""
    if upper is None:
        return f" greater than {plain(lower)}" if least is None else f", {plain(lower)} or more"
    if lower is None:
        return f" less than {plain(upper)}" if most is None else f", {plain(upper)} or less"
    if least is not None and most is not None:
        return f" from {plain(lower)} to {plain(upper)}"
    first = f"greater than {plain(lower)}" if least is None else f"at least {plain(lower)}"
    second = f"less than {plain(upper)}" if most is None else f"at most {plain(upper)}"
    return f", {first} and {second}"


def size(bound: str, count: int, unit: str) -> str:
    """`must have at most 10 characters`."""
    if (bound, count) == ("at least", 1):
        return "must not be empty"
    return f"must have {bound} {count} {unit}{'' if count == 1 else 's'}"


def pattern(regex: str) -> str:
    """`must be 1 to 18 digits` for a pattern of a kind that our models have; else the pattern itself."""
    if known := _CLASS.fullmatch(regex):
        characters = _CHARACTERS.get(known["class"])
        least, most = known["least"], known["most"]
        if characters is not None:
            if least is None:
                return f"must consist of {characters}"
            if not known["comma"]:
                return f"must be {least} {characters}"
            return (
                f"must be {least} to {most} {characters}" if most else f"must be {least} or more {characters}"
            )
    if known := _ALTERNATIVES.fullmatch(_NUMBER.sub("N", regex)):
        return f"must be {one_of(list(map(repr, known[1].split('|'))))}"
    return f"must match the pattern {regex}"


def one_of(literals: Sequence[str]) -> str:
    return literals[0] if len(literals) == 1 else f"one of {', '.join(literals)}"


def literals(listed: str) -> list[str]:
    """What a Literal takes, from pydantic's list of it (`'a', 'b' or True`)."""
    found = [literal for literal in _QUOTED_OR_BARE.findall(listed) if literal != "or"]
    return [{"True": "true", "False": "false", "None": "null"}.get(literal, literal) for literal in found]


def plain(number: float) -> str:
    """A bound without an exponent, and without `.0`."""
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


def shown(value: Any) -> str:
    """A value as JSON, but text in the single quotes of our messages; cut where it is long."""
    if isinstance(value, str):
        return cut(repr(value))
    try:
        return cut(json.dumps(value, ensure_ascii=False, default=repr))
    except (ValueError, RecursionError):  # an integer of thousands of digits, a deep nest
        return f"a value of type {type(value).__name__}"


def cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _literal(value: Any) -> str:
    return repr(value) if isinstance(value, str) else json.dumps(value)
