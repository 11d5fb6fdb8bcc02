"""Pinterest's words for what went wrong: `{"code": N, "message": "…"}`, compact.

Codes and texts were met by developers or are in Pinterest's descriptions unless a line says "chosen".
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from audience_mock.core.errors import (
    BadGrant,
    NotFound,
    NotInAccount,
    NotNow,
    ScopesNotGranted,
    SharedWithItself,
)
from audience_mock.pinterest import auth, limits
from audience_mock.pinterest.headers import answer
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.errors import (
    BodyTooLarge,
    InvalidInput,
    LimitReached,
    Malformed,
    MethodNotAllowed,
    MissingScopes,
    NoSuchRoute,
    NotAuthenticated,
    NotPermitted,
    PlannedError,
    UnsupportedContentType,
    phrase,
)

log = logging.getLogger("audience_mock")

INVALID = 1
NOT_AUTHENTICATED = 2
MISSING_SCOPES = 3
NOT_FOUND = 4  # chosen: no answer for an audience that is not there was ever published
METHOD_NOT_ALLOWED = 5
LIMIT_REACHED = 8
NO_SUCH_ROUTE = 11
SERVER_FAULT = 12
NOT_PERMITTED = 29
BAD_GRANT = 283

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


class NoAccess(Exception):
    """Something that the body names is not the ad account's to use; the text is Pinterest's."""


def refuse(call: Call, error: Exception) -> Answer:
    """The answer to anything that was raised while a request was served."""
    if isinstance(error, NoSuchRoute | MethodNotAllowed):
        # No route has counted it.
        who = auth.token_of(call.headers.get("authorization", "")) or ""
        try:
            limits.count(call, who, None, call.world.clock.now_ms())
        except LimitReached as reached:
            error = reached
    elif isinstance(error, PlannedError):
        limits.tell_planned(call, error)
    status, code, message, more = _words(error)
    headers = []
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if code == SERVER_FAULT and not isinstance(error, PlannedError):
        log.error("%s %s %d: %s: %s", call.method, call.url.path, status, type(error).__name__, error)
        log.debug("where it happened", exc_info=error)
    else:
        log.info("%s %s %d %s", call.method, call.url.path, status, " ".join(message.split()))
    return answer(call, status, to_json({"code": code, "message": message, **more}), headers)


_ALWAYS_THE_SAME: Mapping[type[Exception], tuple[int, int, str, dict[str, Any]]] = {
    NotAuthenticated: (401, NOT_AUTHENTICATED, "Authentication failed.", {"status": "failure"}),
    NotPermitted: (403, NOT_PERMITTED, "You are not permitted to access that resource.", {}),
    LimitReached: (429, LIMIT_REACHED, "You have exceeded your rate limit. Try again later.", {}),
    BadGrant: (401, BAD_GRANT, "The authorization grant is invalid", {}),
}


CALLER_ERRORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    str(status): (told, {"code": code, "message": message})
    for told, (status, code, message, _) in (
        ("The ad account is not among the token's", _ALWAYS_THE_SAME[NotPermitted]),
        ("Too many calls, where limits are kept to", _ALWAYS_THE_SAME[LimitReached]),
    )
}
"""What each operation may answer to a caller, for the description."""


def _words(error: Exception) -> tuple[int, int, str, dict[str, Any]]:
    match error:
        case NotAuthenticated() | NotPermitted() | LimitReached() | BadGrant():
            return _ALWAYS_THE_SAME[type(error)]
        case MissingScopes(scopes=scopes):
            text = "Your token does not have sufficient permissions to perform this operation."
            return 401, MISSING_SCOPES, f"{text}\nMissing: {scopes}", {}
        case ScopesNotGranted(scopes=scopes):  # chosen
            return 400, INVALID, f"Invalid request: scopes that were not granted: {list(scopes)}", {}
        case NoSuchRoute():
            more = {"data": None, "endpoint_name": None, "status": "failure"}
            return 404, NO_SUCH_ROUTE, "API method not found.", more
        case MethodNotAllowed():
            return 405, METHOD_NOT_ALLOWED, "Method not allowed", {}
        case PlannedError(status=status):
            return _planned(status)
        case NotFound(what=what):
            return 404, NOT_FOUND, f"Sorry! We could not find your {what}.", {}
        case SharedWithItself(id=id):
            # Chosen: nothing is known of an owner among the recipients.
            return 400, INVALID, f"Invalid request: '{id}' has the audience already", {}
        case NoAccess():
            return 403, NOT_PERMITTED, str(error), {}
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


def _planned(status: int) -> tuple[int, int, str, dict[str, Any]]:
    """What was seen with this status; the rest is chosen."""
    match status:
        case 401:
            return _ALWAYS_THE_SAME[NotAuthenticated]
        case 403:
            return _ALWAYS_THE_SAME[NotPermitted]
        case 404:
            return _words(NotFound("resource", ""))
        case 405:
            return 405, METHOD_NOT_ALLOWED, "Method not allowed", {}
        case 429:
            return _ALWAYS_THE_SAME[LimitReached]
        case _ if status < 500:
            return status, INVALID, f"Invalid request: {phrase(status)}", {}
        case _:
            return status, SERVER_FAULT, "Something went wrong on our end. Sorry about that.", {}


def _of_parameter(detail: dict[str, Any]) -> str:
    """What is wrong with a value in the path or the query."""
    name, value, kind, context = detail["loc"][0], detail["input"], detail["type"], detail.get("ctx", {})
    if kind.startswith("int_"):
        return f"Parameter '{name}' was not numeric (was {_cut(str(value))})"
    # The wording of a pattern is published; the others are chosen to sound like it.
    if kind == "missing":
        return f"Parameter '{name}' is required"
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
        case "string_too_long" | "too_long":
            return f"{value} is too long"
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
