"""Pinterest's words for what went wrong: `{"code": N, "message": "…"}`, compact; and how we know them."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from audience_mock.core.errors import (
    InvalidGrantError,
    InvalidStateError,
    NotFoundError,
    NotInAccountError,
    ScopesNotGrantedError,
    SelfShareError,
    WorldReplacedError,
)
from audience_mock.providers.pinterest import rate_limits as limits
from audience_mock.providers.pinterest import security as auth
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.sources import CLIENTS, DESCRIPTION, JSONSCHEMA, QUOTED, SILENT
from audience_mock.web.errors import (
    BodyTooLargeError,
    InjectedError,
    InvalidInputError,
    MalformedBodyError,
    MethodNotAllowedError,
    MissingScopesError,
    NoRouteError,
    NotAuthenticatedError,
    NotPermittedError,
    RateLimitError,
    RouteNotFoundError,
    UnsupportedContentTypeError,
    phrase,
)
from audience_mock.web.evidence import ErrorSpec, Evidence, chosen, recorded
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

log = logging.getLogger("audience_mock")

INVALID = 1
NOT_AUTHENTICATED = 2
MISSING_SCOPES = 3
NOT_FOUND = 4
METHOD_NOT_ALLOWED = 5
LIMIT_REACHED = 8
NO_SUCH_ROUTE = 11
SERVER_FAULT = 12
NOT_PERMITTED = 29
BAD_GRANT = 283

LONGEST_ECHO = 200
"""Characters of a refused value that a message repeats. Chosen: a mistake of megabytes stays readable."""

DIGITS = r"^\d+$"

_LIKE_THE_PATTERN = chosen("sounds like the published wording of a pattern")

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


class Error(ApiModel):
    """What every error answers; codes 2 and 11 have more keys."""

    code: int
    message: str


class InvalidRequest(Exception):
    """A body that each field's own rule lets pass and the whole does not."""


class NoAccess(Exception):
    """Something that the body names is not the ad account's to use; the text is Pinterest's."""


def error_response(request: MockRequest, error: Exception) -> RawResponse:
    """The answer to anything that was raised while a request was served."""
    if isinstance(error, RouteNotFoundError | MethodNotAllowedError):
        # No route has counted it.
        who = auth.token_of(request.header(b"authorization") or "") or ""
        try:
            limits.count(request, who, None, request.world.clock.now_ms())
        except RateLimitError as reached:
            error = reached
    elif isinstance(error, InjectedError):
        limits.tell_planned(request, error)
    words, message = _words(error)
    status, code = words.status, words.code
    headers = []
    if isinstance(error, MethodNotAllowedError):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if code == SERVER_FAULT and not isinstance(error, InjectedError):
        log.error("%s %s %d: %s: %s", request.method, request.url.path, status, type(error).__name__, error)
        log.debug("where it happened", exc_info=error)
    else:
        hint = error.hint if isinstance(error, NoRouteError) else ""
        log.info("%s %s %d %s%s", request.method, request.url.path, status, " ".join(message.split()), hint)
    return response(request, status, to_json({"code": code, "message": message, **words.more}), headers)


def _of_parameters(message: str, evidence: Evidence, when: str) -> ErrorSpec:
    return ErrorSpec(400, INVALID, message, evidence, when, on=("parameters",))


def _of_bodies(message: str, evidence: Evidence, when: str, on: Sequence[str] = ("body",)) -> ErrorSpec:
    return ErrorSpec(400, INVALID, f"Invalid request: {message}", evidence, when, on)


_LACKS_SCOPES = (
    "Your token does not have sufficient permissions to perform this operation.\nMissing: {scopes}"
)
_BY_TOKEN = ("pinterest_oauth2",)
_FAILED = {"status": "failure"}
_NOT_THERE = chosen("no such answer was published; in the style of newer texts")

WORDS: Mapping[type[Exception], ErrorSpec] = {
    NotAuthenticatedError: ErrorSpec(
        *(401, NOT_AUTHENTICATED, "Authentication failed.", QUOTED),
        when="no, unknown, expired or revoked token, or app id and secret; no rate-limit headers on this one",
        on=("pinterest_oauth2", "basic"),
        more=_FAILED,
    ),
    MissingScopesError: ErrorSpec(
        401, MISSING_SCOPES, _LACKS_SCOPES, QUOTED, "the token lacks the operation's scope", _BY_TOKEN
    ),
    NotPermittedError: ErrorSpec(
        *(403, NOT_PERMITTED, "You are not permitted to access that resource.", QUOTED),
        *("the ad account is not among the token's", _BY_TOKEN),
    ),
    NoAccess: ErrorSpec(
        *(403, NOT_PERMITTED, "{error}", DESCRIPTION),
        *("an audience that the ad account does not have", ("ad_groups/audience_sizing",)),
    ),
    RateLimitError: ErrorSpec(
        *(429, LIMIT_REACHED, "You have exceeded your rate limit. Try again later.", CLIENTS),
        "too many calls, where limits are enforced",
    ),
    InvalidGrantError: ErrorSpec(
        *(401, BAD_GRANT, "The authorization grant is invalid", QUOTED),
        *("a bad or used code or refresh token", ("oauth/token",)),
    ),
    ScopesNotGrantedError: _of_bodies(
        "scopes that were not granted: {scopes}", SILENT, "a refresh that asks for more", ("oauth/token",)
    ),
    RouteNotFoundError: ErrorSpec(
        *(404, NO_SUCH_ROUTE, "API method not found.", recorded("a live answer of 2021")),
        "a path that no operation has",
        more={"data": None, "endpoint_name": None, **_FAILED},
    ),
    MethodNotAllowedError: ErrorSpec(
        405, METHOD_NOT_ALLOWED, "Method not allowed", DESCRIPTION, "another method than the path has"
    ),
    NotFoundError: ErrorSpec(
        *(404, NOT_FOUND, "Sorry! We could not find your {what}.", _NOT_THERE),
        *("an id in the path, or of the audience to share, that names nothing", ("404",)),
    ),
    SelfShareError: _of_bodies(
        *("'{id}' has the audience already", SILENT),
        *("its owner among the recipients", ("update_*_shared_audience",)),
    ),
    NotInAccountError: _of_bodies(
        *("{what} {id} is not in this ad account", SILENT),
        *("a list or seed that is not there", ("audiences/create*", "audiences/update")),
    ),
    InvalidStateError: _of_bodies(
        *("{error}", SILENT),
        *("an upload that was run already, or lacks parts", ("customer_list_uploads/run",)),
    ),
    InvalidRequest: _of_bodies(
        *("{error}", JSONSCHEMA),
        *("values that do not go together, or a bookmark that is none", ("parameters", "body")),
    ),
    MalformedBodyError: _of_bodies("{error}", SILENT, "a body without the syntax of its content type"),
    BodyTooLargeError: ErrorSpec(
        413, INVALID, "Invalid request: {error}", SILENT, "a body over the limit", ("413",)
    ),
    UnsupportedContentTypeError: ErrorSpec(
        415, INVALID, "Invalid request: {error}", SILENT, "a body of another content type", ("415",)
    ),
    WorldReplacedError: ErrorSpec(
        *(500, SERVER_FAULT, "Something went wrong on our end. Sorry about that.", SILENT),
        *("the world was reset or deleted while records were being read", ("customer_list*",)),
    ),
}
"""By fact. The error's attributes fill the message; `error` is its text."""

FAULT = ErrorSpec(
    *(500, SERVER_FAULT, "Something went wrong on our end. Sorry about that.", QUOTED),
    "a fault of the server",
)

_PLANNED: Mapping[int, type[Exception]] = {
    401: NotAuthenticatedError,
    403: NotPermittedError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    429: RateLimitError,
}
"""What a test may want to be told."""

_INTEGER = ("int_type", "int_parsing", "int_from_float", "int_parsing_size")
PARAMETER_WORDS: Mapping[str, ErrorSpec] = {
    **dict.fromkeys(
        _INTEGER,
        _of_parameters("Parameter '{field}' was not numeric (was {value})", DESCRIPTION, "no whole number"),
    ),
    "string_pattern_mismatch": _of_parameters(
        f"'{{field}}' value '{{value}}' must match the pattern: {DIGITS}", DESCRIPTION, "another form"
    ),
    "missing": _of_parameters(
        "Parameter '{field}' is required", _LIKE_THE_PATTERN, "a required one is missing"
    ),
    "string_too_long": _of_parameters(
        "'{field}' value '{value}' must have at most {max_length} characters", _LIKE_THE_PATTERN, "too long"
    ),
    "greater_than_equal": _of_parameters(
        "'{field}' value '{value}' must be at least {ge}", _LIKE_THE_PATTERN, "too little"
    ),
    "less_than_equal": _of_parameters(
        "'{field}' value '{value}' must be at most {le}", _LIKE_THE_PATTERN, "too much"
    ),
    "literal_error": _of_parameters(
        "'{field}' value '{value}' must be one of: {listed}", _LIKE_THE_PATTERN, "not one of the words"
    ),
}
"""What is wrong with a value in the path or the query, by pydantic's kinds."""
OTHER_PARAMETER = _of_parameters("'{field}' value '{value}' is not valid", _LIKE_THE_PATTERN, "anything else")

BODY_WORDS: Mapping[str, ErrorSpec] = {
    **dict.fromkeys(_TYPES, _of_bodies("{value} is not of type '{type}'", QUOTED, "another type")),
    "missing": _of_bodies("'{field}' is a required property", QUOTED, "a required key is missing"),
    "literal_error": _of_bodies("{value} is not one of {choices}", QUOTED, "not one of the words"),
    "string_pattern_mismatch": _of_bodies("{value} does not match {pattern}", QUOTED, "another form"),
    **dict.fromkeys(
        ("string_too_short", "too_short"), _of_bodies("{value} is too short", JSONSCHEMA, "too short")
    ),
    **dict.fromkeys(
        ("string_too_long", "too_long"), _of_bodies("{value} is too long", JSONSCHEMA, "too long")
    ),
    "greater_than_equal": _of_bodies("{value} is less than the minimum of {ge}", JSONSCHEMA, "too little"),
    "less_than_equal": _of_bodies("{value} is greater than the maximum of {le}", JSONSCHEMA, "too much"),
}
"""What is wrong in a body, by pydantic's kinds, in the words of python-jsonschema, as Pinterest's answers
have them."""
OTHER_BODY = _of_bodies("{value} is not valid under any of the given schemas", JSONSCHEMA, "anything else")


def all_words() -> list[ErrorSpec]:
    """Every error that this provider answers, each once; for the description."""
    by_kind = (*PARAMETER_WORDS.values(), OTHER_PARAMETER, *BODY_WORDS.values(), OTHER_BODY)
    unique = {id(words): words for words in (*WORDS.values(), *by_kind, FAULT)}
    return list(unique.values())


CALLER_ERRORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    str(words.status): (told, {"code": words.code, "message": words.message})
    for told, words in (
        ("The ad account is not among the token's", WORDS[NotPermittedError]),
        ("Too many calls, where limits are enforced", WORDS[RateLimitError]),
    )
}
"""What each operation may answer to a caller, for the description."""


def _words(error: Exception) -> tuple[ErrorSpec, str]:
    """The row of the tables that an error has, and its message."""
    facts: dict[str, Any]
    match error:
        case InjectedError(status=status):
            words, facts = _planned(status), {"what": "resource"}
        case InvalidInputError(place="body", details=[detail, *_]):
            words = BODY_WORDS.get(detail["type"], OTHER_BODY)
            facts = _facts(detail, repr(detail["input"]))
        case InvalidInputError(details=[detail, *_]):
            words = PARAMETER_WORDS.get(detail["type"], OTHER_PARAMETER)
            facts = _facts(detail, str(detail["input"]))
        case _:
            words = WORDS.get(type(error), FAULT)
            facts = {"error": error} | {
                name: _cut(fact) if isinstance(fact, str) else fact for name, fact in vars(error).items()
            }
    return words, words.message.format_map(facts)


def _planned(status: int) -> ErrorSpec:
    """The row that a planned status has; where the tables have none, one of its own."""
    if status >= 500:
        return replace(FAULT, status=status)
    if status in _PLANNED:
        return WORDS[_PLANNED[status]]
    return ErrorSpec(status, INVALID, f"Invalid request: {phrase(status)}", SILENT, "a test wants it")


def _facts(detail: dict[str, Any], value: str) -> dict[str, Any]:
    """What pydantic tells of a value, by the names that messages have for it."""
    facts = {**detail.get("ctx", {}), "value": _cut(value), "type": _TYPES.get(detail["type"])}
    if detail["loc"]:
        facts["field"] = detail["loc"][-1]
    if "pattern" in facts:
        facts["pattern"] = repr(facts["pattern"].replace("[0-9]", r"\d"))
    if "expected" in facts:
        facts["choices"] = _choices(facts)
        facts["listed"] = ", ".join(facts["choices"])
    return facts


def _choices(context: dict[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", context["expected"])


def _cut(written: str) -> str:
    return written if len(written) <= LONGEST_ECHO else f"{written[:LONGEST_ECHO]}…"
