"""Pinterest's words for what went wrong: `{"code": N, "message": "…"}`, compact.

Codes and texts were met by developers or are in Pinterest's descriptions unless a line says "chosen".
"""

import logging
import re
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from audience_mock.core.errors import NotFound, NotInAccount, NotNow
from audience_mock.pinterest.headers import answer
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.errors import (
    BodyTooLarge,
    InvalidInput,
    Malformed,
    MethodNotAllowed,
    NoSuchRoute,
    NotAuthenticated,
    UnsupportedContentType,
)

log = logging.getLogger("audience_mock")

INVALID = 1
NOT_AUTHENTICATED = 2
NOT_FOUND = 4  # chosen: no answer for an audience that is not there was ever published
METHOD_NOT_ALLOWED = 5
NO_SUCH_ROUTE = 11
SERVER_FAULT = 12

LONGEST_ECHO = 200
"""Characters of a refused value that a message repeats. Chosen: a mistake of megabytes stays readable."""

DIGITS = r"^\d+$"

_TYPES = {
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


class Error(BaseModel):
    """What every error answers; codes 2 and 11 have more keys."""

    code: int
    message: str


class InvalidRequest(Exception):
    """A body that each field's own rule lets pass and the whole does not."""


def refuse(call: Call, error: Exception) -> Answer:
    """The answer to anything that was raised while a request was served."""
    status, code, message, more = _words(error)
    headers = []
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if code == SERVER_FAULT:
        log.error("%s %s %d: %s: %s", call.method, call.url.path, status, type(error).__name__, error)
        log.debug("where it happened", exc_info=error)
    else:
        log.info("%s %s %d %s", call.method, call.url.path, status, message)
    return answer(call, status, to_json({"code": code, "message": message, **more}), headers)


def _words(error: Exception) -> tuple[int, int, str, dict[str, Any]]:
    match error:
        case NotAuthenticated():
            return 401, NOT_AUTHENTICATED, "Authentication failed.", {"status": "failure"}
        case NoSuchRoute():
            more = {"data": None, "endpoint_name": None, "status": "failure"}
            return 404, NO_SUCH_ROUTE, "API method not found.", more
        case MethodNotAllowed():
            return 405, METHOD_NOT_ALLOWED, "Method not allowed", {}
        case NotFound(what=what):
            return 404, NOT_FOUND, f"Sorry! We could not find your {what}.", {}
        case InvalidInput(place="body", details=details):
            return 400, INVALID, f"Invalid request: {_of_body(details[0])}", {}
        case InvalidInput(details=details):
            return 400, INVALID, _of_parameter(details[0]), {}
        case InvalidRequest() | Malformed():
            return 400, INVALID, f"Invalid request: {error}", {}
        # Chosen: what the API says of an id in a body that names nothing was never published.
        case NotInAccount(what=what, id=id):
            return 400, INVALID, f"Invalid request: {what} {_cut(id)} is not in this ad account", {}
        case NotNow():
            return 400, INVALID, f"Invalid request: {error}", {}
        # Chosen: neither status was ever met in the wild.
        case BodyTooLarge():
            return 413, INVALID, f"Invalid request: {error}", {}
        case UnsupportedContentType():
            return 415, INVALID, f"Invalid request: {error}", {}
        case _:
            return 500, SERVER_FAULT, "Something went wrong on our end. Sorry about that.", {}


def _of_parameter(detail: dict[str, Any]) -> str:
    """What is wrong with a value in the path or the query."""
    name, value, kind, context = detail["loc"][0], detail["input"], detail["type"], detail.get("ctx", {})
    if kind.startswith("int_"):
        return f"Parameter '{name}' was not numeric (was {_cut(str(value))})"
    # The wording of a pattern is published; the others are chosen to sound like it.
    subject = f"'{name}' value '{_cut(str(value))}'"
    match kind:
        case "string_pattern_mismatch":
            return f"{subject} must match the pattern: {DIGITS}"
        case "string_too_long":
            return f"{subject} must have at most {context['max_length']} characters"
        case "greater_than_equal":
            return f"{subject} must be at least {context['ge']}"
        case "less_than_equal":
            return f"{subject} must be at most {context['le']}"
        case "literal_error":
            return f"{subject} must be one of: {', '.join(_choices(context))}"
        case _:
            return f"{subject} is not valid"


def _of_body(detail: dict[str, Any]) -> str:
    """What is wrong in a body, in the words of python-jsonschema, as Pinterest's answers have them."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return f"'{detail['loc'][-1]}' is a required property"
    value = _cut(repr(detail["input"]))
    if kind in _TYPES:
        return f"{value} is not of type '{_TYPES[kind]}'"
    match kind:
        case "literal_error":
            return f"{value} is not one of {_choices(context)}"
        case "string_pattern_mismatch":
            return f"{value} does not match {context['pattern'].replace('[0-9]', chr(92) + 'd')!r}"
        case "string_too_short" | "too_short":
            return f"{value} is too short"
        case "greater_than_equal":
            return f"{value} is less than the minimum of {context['ge']}"
        case "less_than_equal":
            return f"{value} is greater than the maximum of {context['le']}"
        case _:
            return f"{value} is not valid under any of the given schemas"


def _choices(context: dict[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", context["expected"])


def _cut(written: str) -> str:
    return written if len(written) <= LONGEST_ECHO else f"{written[:LONGEST_ECHO]}…"
