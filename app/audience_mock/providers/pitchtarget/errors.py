"""PitchTarget's words for what went wrong: `{"errors": {"<field>": ["<reason>"]}}`.

Its documentation shows no error. Statuses and shape are chosen: what a Rails application of 2014 would
send, `base` standing, as in Rails, for what concerns no field.
"""

import logging
from collections.abc import Mapping
from typing import Any

from audience_mock.core.errors import NotFoundError, WorldReplacedError
from audience_mock.providers.pitchtarget.responses import response
from audience_mock.providers.pitchtarget.sources import OURS, RAILS
from audience_mock.web.errors import (
    BodyTooLargeError,
    InjectedError,
    InvalidInputError,
    MalformedBodyError,
    MethodNotAllowedError,
    NoRouteError,
    NotAuthenticatedError,
    RouteNotFoundError,
    UnsupportedContentTypeError,
    phrase,
)
from audience_mock.web.evidence import ErrorSpec, Evidence
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

log = logging.getLogger("audience_mock")

BLANK = "can't be blank"
NOT_LISTED = "is not included in the list"
NOT_A_NUMBER = "is not a number"
INVALID = "is invalid"


def _reason(message: str, when: str, evidence: Evidence = RAILS) -> ErrorSpec:
    return ErrorSpec(422, None, message, evidence, when, on=("422",))


_BLANK = _reason(BLANK, "a required field is missing or blank")
_NOT_A_NUMBER = _reason(NOT_A_NUMBER, "a number is none")
REASONS: Mapping[str, ErrorSpec] = {
    **dict.fromkeys(("missing", "string_too_short", "blank"), _BLANK),
    "literal_error": _reason(NOT_LISTED, "not one of the words"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _NOT_A_NUMBER),
    **dict.fromkeys(("float_type", "float_parsing"), _NOT_A_NUMBER),
    "greater_than_equal": _reason("must be greater than or equal to {ge}", "too little"),
    "less_than_equal": _reason("must be less than or equal to {le}", "too much"),
    "sent_twice": _reason("can't be sent twice", "two types of users in one form", OURS),
    "no_users": _reason(
        *("Users can be added only to an audience that was made from a file", "users for another kind", OURS)
    ),
    "other_type": _reason("is not the audience's: {is}", "users of another type or ad account", OURS),
}
"""What is wrong with a field, by pydantic's kinds and a few of our own."""
_OF_BLANKS_TOO = ("sent_twice", "other_type", "greater_than_equal", "less_than_equal")
"""What stays to be said of a field that was sent empty; anything else makes it a blank one."""
OTHER_REASON = _reason(INVALID, "anything else")


class Errors(ApiModel):
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


def error_response(request: MockRequest, error: Exception) -> RawResponse:
    """The answer to anything that was raised while a request was served."""
    status, errors = _words(error)
    more = None
    if isinstance(error, MethodNotAllowedError):
        more = [(b"Allow", ", ".join(error.allowed).encode())]
    if status == 500 and not isinstance(error, InjectedError):
        log.error("%s %s %d: %s: %s", request.method, request.url.path, status, type(error).__name__, error)
        log.debug("where it happened", exc_info=error)
    else:
        hint = error.hint if isinstance(error, NoRouteError) else ""
        log.info("%s %s %d %s%s", request.method, request.url.path, status, errors, hint)
    return response(request, status, {"errors": errors}, headers=more or ())


WORDS: Mapping[type[Exception], ErrorSpec] = {
    NotAuthenticatedError: ErrorSpec(
        *(401, None, "Authorization is missing or not of the form: OAuth <token>", RAILS, "no token"),
        on=("oauth_draft_10",),
    ),
    RouteNotFoundError: ErrorSpec(
        404, None, "No route matches the path", RAILS, "a path that no operation has"
    ),
    MethodNotAllowedError: ErrorSpec(
        *(405, None, "The path answers to {listed} only", RAILS),
        when="a path that has operations, by another method",
    ),
    NotFoundError: ErrorSpec(
        404, None, "Couldn't find the {what}", RAILS, "an id that names nothing", on=("404",)
    ),
    MalformedBodyError: ErrorSpec(
        422, None, "{error}", RAILS, "a body without the syntax of its content type", on=("422",)
    ),
    BodyTooLargeError: ErrorSpec(
        413,
        None,
        "is too large (maximum is {limit_bytes} bytes)",
        RAILS,
        "a body over the limit",
        on=("413",),
    ),
    UnsupportedContentTypeError: ErrorSpec(
        *(415, None, "The content type is not served, only {listed}", RAILS, "another content type"),
        on=("415",),
    ),
    WorldReplacedError: ErrorSpec(
        *(500, None, "We're sorry, but something went wrong", RAILS),
        *("the world was reset or deleted while users were being read", ("custom_audiences/*",)),
    ),
}
"""By fact. The error's attributes fill the message; `error` is its text."""
_PLANNED = {
    401: WORDS[NotAuthenticatedError],
    404: ErrorSpec(404, None, "Couldn't find the audience", RAILS, "a test wants it"),
    422: OTHER_REASON,
}
FAULT = ErrorSpec(500, None, "We're sorry, but something went wrong", RAILS, "a fault of the server")


def _planned(status: int) -> ErrorSpec:
    """What a planned status is told, to no field; where nothing else says it, by its name."""
    if status in (500, 502, 503, 504):
        return FAULT
    return _PLANNED.get(status) or ErrorSpec(status, None, phrase(status), RAILS, "a test wants it")


def all_words() -> list[ErrorSpec]:
    """Every error that this provider answers, each once; for the description."""
    unique = {id(words): words for words in (*WORDS.values(), *REASONS.values(), OTHER_REASON, FAULT)}
    return list(unique.values())


def _words(error: Exception) -> tuple[int, dict[str, list[str]]]:
    if isinstance(error, InvalidInputError):
        return 422, _by_field(error.details)
    if isinstance(error, InjectedError):
        return error.status, {"base": [_planned(error.status).message]}
    words = WORDS.get(type(error), FAULT)
    facts = {**vars(error), "error": error}
    if isinstance(error, MethodNotAllowedError):
        facts["listed"] = ", ".join(error.allowed)
    if isinstance(error, UnsupportedContentTypeError):
        facts["listed"] = " and ".join(error.served)
    return words.status, {facts.get("field") or "base": [words.message.format_map(facts)]}


def _by_field(details: list[dict[str, Any]]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for detail in details:
        blank = detail["input"] is None or detail["input"] == ""
        words = REASONS.get(detail["type"], OTHER_REASON)
        if blank and detail["type"] not in _OF_BLANKS_TOO:
            words = _BLANK
        reason = words.message.format_map(detail.get("ctx", {}))
        field = ".".join(str(part) for part in detail["loc"]) or "base"
        if reason not in errors.setdefault(field, []):
            errors[field].append(reason)
    return errors
