"""Values that a schema rejects, in the wording of Pinterest's errors.

Query and path: messages of its description, and others like them. Bodies: those of python-jsonschema, as
Pinterest's responses have them.
"""

import re
from collections.abc import Mapping
from typing import Any

from audience_mock.providers.pinterest.schema_types import DIGITS
from audience_mock.providers.pinterest.sources import DESCRIPTION, JSONSCHEMA, QUOTED
from audience_mock.web.errors import InvalidInputError
from audience_mock.web.evidence import ErrorSpec, Evidence, chosen

INVALID = 1
"""Pinterest's `code` of these errors."""

MAX_ECHO_CHARACTERS = 200
"""Of a rejected value, in a message. Chosen: a value of megabytes stays readable."""

_LIKE_PATTERN_MESSAGE = chosen("sounds like the published wording of a pattern")

_JSON_TYPES = {
    "string_type": "string",
    "string_unicode": "string",
    "int_type": "integer",
    "int_parsing": "integer",
    "int_from_float": "integer",
    "bool_type": "boolean",
    "bool_parsing": "boolean",
    "list_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}
_NOT_INTEGER = ("int_type", "int_parsing", "int_from_float", "int_parsing_size")


def _parameter(message: str, evidence: Evidence, when: str) -> ErrorSpec:
    return ErrorSpec(400, INVALID, message, evidence, when, on=("parameters",))


def _body(message: str, evidence: Evidence, when: str) -> ErrorSpec:
    return ErrorSpec(400, INVALID, f"Invalid request: {message}", evidence, when, on=("body",))


PARAMETER_ERRORS: Mapping[str, ErrorSpec] = {
    **dict.fromkeys(
        _NOT_INTEGER,
        _parameter("Parameter '{field}' was not numeric (was {value})", DESCRIPTION, "not a whole number"),
    ),
    "string_pattern_mismatch": _parameter(
        f"'{{field}}' value '{{value}}' must match the pattern: {DIGITS}",
        DESCRIPTION,
        "does not match",
    ),
    "missing": _parameter(
        "Parameter '{field}' is required", _LIKE_PATTERN_MESSAGE, "a required one is missing"
    ),
    "string_too_long": _parameter(
        "'{field}' value '{value}' must have at most {max_length} characters",
        _LIKE_PATTERN_MESSAGE,
        "too long",
    ),
    "greater_than_equal": _parameter(
        "'{field}' value '{value}' must be at least {ge}", _LIKE_PATTERN_MESSAGE, "too small"
    ),
    "less_than_equal": _parameter(
        "'{field}' value '{value}' must be at most {le}", _LIKE_PATTERN_MESSAGE, "too large"
    ),
    "literal_error": _parameter(
        "'{field}' value '{value}' must be one of: {listed}",
        _LIKE_PATTERN_MESSAGE,
        "not an allowed value",
    ),
}
"""For a value in the path or the query, by pydantic's error type."""
OTHER_PARAMETER_ERROR = _parameter(
    "'{field}' value '{value}' is not valid", _LIKE_PATTERN_MESSAGE, "anything else"
)

BODY_ERRORS: Mapping[str, ErrorSpec] = {
    **dict.fromkeys(_JSON_TYPES, _body("{value} is not of type '{type}'", QUOTED, "of another type")),
    "missing": _body("'{field}' is a required property", QUOTED, "a required key is missing"),
    "extra_forbidden": _body(
        "Additional properties are not allowed ('{field}' was unexpected)", JSONSCHEMA, "an unknown key"
    ),
    "literal_error": _body("{value} is not one of {choices}", QUOTED, "not an allowed value"),
    "string_pattern_mismatch": _body("{value} does not match {pattern}", QUOTED, "does not match"),
    **dict.fromkeys(
        ("string_too_short", "too_short"), _body("{value} is too short", JSONSCHEMA, "too short")
    ),
    **dict.fromkeys(("string_too_long", "too_long"), _body("{value} is too long", JSONSCHEMA, "too long")),
    "greater_than_equal": _body("{value} is less than the minimum of {ge}", JSONSCHEMA, "too small"),
    "less_than_equal": _body("{value} is greater than the maximum of {le}", JSONSCHEMA, "too large"),
}
"""For a value in a body, by pydantic's error type."""
OTHER_BODY_ERROR = _body("{value} is not valid under any of the given schemas", JSONSCHEMA, "anything else")

INVALID_INPUT_ERRORS = (
    *(*PARAMETER_ERRORS.values(), OTHER_PARAMETER_ERROR),
    *(*BODY_ERRORS.values(), OTHER_BODY_ERROR),
)


def describe_invalid_input(error: InvalidInputError) -> tuple[ErrorSpec, str]:
    """The error that Pinterest reports, which is the first one, and its message."""
    detail = error.details[0]
    if error.place == "body":
        spec, value = BODY_ERRORS.get(detail["type"], OTHER_BODY_ERROR), repr(detail["input"])
    else:
        spec, value = PARAMETER_ERRORS.get(detail["type"], OTHER_PARAMETER_ERROR), str(detail["input"])
    return spec, spec.message.format_map(_message_fields(detail, value))


def shorten(text: str) -> str:
    return text if len(text) <= MAX_ECHO_CHARACTERS else f"{text[:MAX_ECHO_CHARACTERS]}…"


def _message_fields(detail: dict[str, Any], value: str) -> dict[str, Any]:
    """What pydantic says of a value, by the names that the messages use."""
    fields = {**detail.get("ctx", {}), "value": shorten(value), "type": _JSON_TYPES.get(detail["type"])}
    if detail["loc"]:
        fields["field"] = detail["loc"][-1]
    if "pattern" in fields:
        fields["pattern"] = repr(fields["pattern"].replace("[0-9]", r"\d"))
    if "expected" in fields:
        choices = re.findall(r"'([^']*)'", fields["expected"])
        fields |= {"choices": choices, "listed": ", ".join(choices)}
    return fields
