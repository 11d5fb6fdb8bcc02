"""PitchTarget's words for what went wrong: `{"errors": {"<field>": ["<reason>"]}}`.

Its documentation shows no error. Statuses and shape are chosen: what a Rails application of 2014 would
send, `base` standing, as in Rails, for what concerns no field.
"""

import logging
from typing import Any

from pydantic import BaseModel

from audience_mock.core.errors import NotFound
from audience_mock.pitchtarget.answers import answer
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.errors import (
    BodyTooLarge,
    InvalidInput,
    Malformed,
    MethodNotAllowed,
    NoSuchRoute,
    NotAuthenticated,
    PlannedError,
    UnsupportedContentType,
    phrase,
)

log = logging.getLogger("audience_mock")

BLANK = "can't be blank"
NOT_LISTED = "is not included in the list"
NOT_A_NUMBER = "is not a number"
INVALID = "is invalid"

_REASONS = {
    "missing": BLANK,
    "string_too_short": BLANK,
    "blank": BLANK,
    "literal_error": NOT_LISTED,
    "int_type": NOT_A_NUMBER,
    "int_parsing": NOT_A_NUMBER,
    "int_parsing_size": NOT_A_NUMBER,
    "int_from_float": NOT_A_NUMBER,
    "float_type": NOT_A_NUMBER,
    "float_parsing": NOT_A_NUMBER,
    "sent_twice": "can't be sent twice",
    "no_users": "Users can be added only to an audience that was made from a file",
}

_PLANNED = {
    401: "Authorization is missing or not of the form: OAuth <token>",
    404: "Couldn't find the audience",
    422: INVALID,
    **dict.fromkeys((500, 502, 503, 504), "We're sorry, but something went wrong"),
}
"""What a test may want to be told without a reason; other statuses are told by their names."""


class Errors(BaseModel):
    """Reasons by field; `base` is the request as a whole."""

    errors: dict[str, list[str]]


def _described(description: str, **errors: list[str]) -> dict[str, Any]:
    content = {"application/json": {"example": {"errors": errors}}}
    return {"model": Errors, "description": description, "content": content}


WRONG_VALUE: dict[int | str, dict[str, Any]] = {
    422: _described("A value that does not fit", fb_ad_account_id=[BLANK])
}
NO_TOKEN: dict[int | str, dict[str, Any]] = {
    401: _described("No token", base=["Authorization is missing or not of the form: OAuth <token>"])
}
INPUT_ERRORS: dict[int | str, dict[str, Any]] = {
    413: _described("A file over the limit", file=["is too large (maximum is 1073741824 bytes)"]),
    415: _described("A content type that is not served", base=["The content type is not served"]),
    422: _described("A value that does not fit", name=[BLANK]),
}
REFUSED = NO_TOKEN | INPUT_ERRORS
"""What an operation with a body may answer."""
QUERY_REFUSED = NO_TOKEN | WRONG_VALUE
"""What an operation with a query may answer."""
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: _described("Not in this world", base=["Couldn't find the audience"])
}


def refuse(call: Call, error: Exception) -> Answer:
    """The answer to anything that was raised while a request was served."""
    status, errors = _words(error)
    more = None
    if isinstance(error, MethodNotAllowed):
        more = [(b"Allow", ", ".join(error.allowed).encode())]
    if status == 500 and not isinstance(error, PlannedError):
        log.error("%s %s %d: %s: %s", call.method, call.url.path, status, type(error).__name__, error)
        log.debug("where it happened", exc_info=error)
    else:
        log.info("%s %s %d %s", call.method, call.url.path, status, errors)
    return answer(call, status, {"errors": errors}, more=more)


def _words(error: Exception) -> tuple[int, dict[str, list[str]]]:
    match error:
        case NotAuthenticated():
            return 401, {"base": ["Authorization is missing or not of the form: OAuth <token>"]}
        case NoSuchRoute():
            return 404, {"base": ["No route matches the path"]}
        case MethodNotAllowed(allowed=allowed):
            return 405, {"base": [f"The path answers to {', '.join(allowed)} only"]}
        case PlannedError(status=status):
            return status, {"base": [_PLANNED.get(status) or phrase(status)]}
        case NotFound(what=what):
            return 404, {"base": [f"Couldn't find the {what}"]}
        case InvalidInput(details=details):
            return 422, _by_field(details)
        case Malformed():
            return 422, {"base": [str(error)]}
        case BodyTooLarge(limit_bytes=limit, field=field):
            return 413, {field or "base": [f"is too large (maximum is {limit} bytes)"]}
        case UnsupportedContentType(served=served):
            return 415, {"base": [f"The content type is not served, only {' and '.join(served)}"]}
        case _:
            return 500, {"base": ["We're sorry, but something went wrong"]}


def _by_field(details: list[dict[str, Any]]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for detail in details:
        context = detail.get("ctx", {})
        match detail["type"]:
            case "greater_than_equal":
                reason = f"must be greater than or equal to {context['ge']}"
            case "other_type":
                reason = f"is not the audience's: {context['is']}"
            case "less_than_equal":
                reason = f"must be less than or equal to {context['le']}"
            case kind:
                blank = detail["input"] is None or detail["input"] == ""
                reason = BLANK if blank and kind != "sent_twice" else _REASONS.get(kind, INVALID)
        field = ".".join(str(part) for part in detail["loc"]) or "base"
        if reason not in errors.setdefault(field, []):
            errors[field].append(reason)
    return errors
