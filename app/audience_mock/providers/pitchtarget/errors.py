"""PitchTarget's errors: `{"errors": {"<field>": ["<reason>"]}}`.

Its documentation shows no error. Statuses and shape are chosen: what a Rails application of 2014 would
send, `base` standing, as in Rails, for what concerns no field.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audience_mock.core.errors import (
    NameTakenError,
    NotFoundError,
    QuotaExceededError,
    StorageQuotaExceededError,
    StoreUnavailableError,
    WorldReplacedError,
)
from audience_mock.providers.pitchtarget import responses
from audience_mock.providers.pitchtarget.sources import OURS, RAILS, UNIQUE
from audience_mock.web.error_log import report
from audience_mock.web.errors import (
    BodyTooLargeError,
    InjectedError,
    InvalidInputError,
    MalformedBodyError,
    MethodNotAllowedError,
    NotAuthenticatedError,
    NotEvidencedError,
    RouteNotFoundError,
    UnsupportedContentTypeError,
    UnsupportedEncodingError,
    phrase,
)
from audience_mock.web.evidence import ErrorSpec, Evidence
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

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
    "literal_error": _reason(NOT_LISTED, "not one of the allowed values"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _NOT_A_NUMBER),
    **dict.fromkeys(("float_type", "float_parsing"), _NOT_A_NUMBER),
    "greater_than_equal": _reason("must be greater than or equal to {ge}", "too little"),
    "less_than_equal": _reason("must be less than or equal to {le}", "too much"),
    "charset": _reason("is not in UTF-8", "a field of a form in another charset", OURS),
    "unknown_charset": _reason("has an unknown charset: {charset}", "a charset that is none", OURS),
    "string_too_long": _reason("is too long (maximum is {max_length} characters)", "too long"),
    "sent_twice": _reason("can't be sent twice", "two types of users in one form", OURS),
    "no_users": _reason(
        "Users can be added only to an audience that was made from a file", "users for another kind", OURS
    ),
    "other_type": _reason("is not the audience's: {is}", "users of another type or ad account", OURS),
}
"""What is wrong with a field, by pydantic's error types and a few of our own."""
_REPORTED_IF_BLANK = (
    "charset",
    "unknown_charset",
    "sent_twice",
    "other_type",
    "greater_than_equal",
    "less_than_equal",
)
"""Error types that a field without a value is reported with; with any other, it is reported as blank."""
OTHER_REASON = _reason(INVALID, "anything else")

ERRORS: Mapping[type[Exception], ErrorSpec] = {
    NotAuthenticatedError: ErrorSpec(
        401,
        None,
        "Authorization is missing or not of the form: OAuth <token>",
        RAILS,
        "no token",
        on=("oauth_draft_10",),
    ),
    RouteNotFoundError: ErrorSpec(
        404, None, "No route matches the path", RAILS, "a path that no operation has"
    ),
    MethodNotAllowedError: ErrorSpec(
        405,
        None,
        "The path answers to {listed} only",
        RAILS,
        "a path that has operations, by another method",
    ),
    NotFoundError: ErrorSpec(
        404, None, "Couldn't find the {what}", RAILS, "an id that names nothing", on=("404",)
    ),
    NameTakenError: ErrorSpec(
        422,
        None,
        "has already been taken",
        UNIQUE,
        "a name that another of the ad account has",
        on=("offsite_pixels/create", "offsitepixels/create"),
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
    QuotaExceededError: ErrorSpec(
        429,
        None,
        "Too Many Requests",
        OURS,
        "more than a quota of the tenant's, or the server's, allows",
        on=("oauth_draft_10",),
    ),
    StorageQuotaExceededError: ErrorSpec(
        413,
        None,
        "{error}",
        OURS,
        "more bytes than a quota of the tenant's, or the server's, allows",
        on=("413",),
    ),
    UnsupportedContentTypeError: ErrorSpec(
        415,
        None,
        "The content type is not served, only {listed}",
        RAILS,
        "another content type",
        on=("415",),
    ),
    UnsupportedEncodingError: ErrorSpec(
        415,
        None,
        "The content encoding {given} is not served",
        RAILS,
        "a body with a content encoding",
        on=("415",),
    ),
    NotEvidencedError: ErrorSpec(
        501,
        None,
        "{error}",
        OURS,
        "the answer would be a guess, where strict_evidence asks for evidence",
    ),
    WorldReplacedError: ErrorSpec(
        500,
        None,
        "We're sorry, but something went wrong",
        RAILS,
        "the world was reset or deleted while users were being read",
        on=("custom_audiences/*",),
    ),
}
"""By exception. Its attributes fill the message; `error` is its text."""
SERVER_ERROR = ErrorSpec(500, None, "We're sorry, but something went wrong", RAILS, "a fault of the server")
_INJECTED = {
    401: ERRORS[NotAuthenticatedError],
    404: ErrorSpec(404, None, "Couldn't find the audience", RAILS, "a test wants it"),
    422: OTHER_REASON,
    **dict.fromkeys((500, 502, 503, 504), SERVER_ERROR),
}


def all_errors() -> list[ErrorSpec]:
    """Every error that this provider responds with, each once; for the description."""
    unique = {id(error): error for error in (*ERRORS.values(), *REASONS.values(), OTHER_REASON, SERVER_ERROR)}
    return list(unique.values())


def error_response(request: MockRequest, error: Exception) -> RawResponse:
    """The response to an exception that was raised while a request was served."""
    if request.evidence_level is not None:
        from audience_mock.web.strict_evidence import guess_in_error  # noqa: PLC0415 - few worlds ask for it

        error = guess_in_error(request, _specs(error), error) or error
    status, errors = _status_and_errors(error)
    headers = []
    if isinstance(error, MethodNotAllowedError):
        headers.append((b"Allow", ", ".join(error.allowed).encode()))
    failed = status == 500 and not isinstance(error, InjectedError)
    report(request, error, status, _in_one_line(errors), failed=failed)
    return responses.error_response(request, {"errors": errors}, status, headers)


def _specs(error: Exception) -> list[ErrorSpec]:
    """What a response to this error consists of."""
    if isinstance(error, InvalidInputError):
        return [_spec_of(detail) for detail in error.details]
    return [ERRORS.get(type(error), SERVER_ERROR)]


def _spec_of(detail: Mapping[str, Any]) -> ErrorSpec:
    """What is wrong with a field."""
    is_blank = detail["input"] is None or detail["input"] == ""
    if is_blank and detail["type"] not in _REPORTED_IF_BLANK:
        return _BLANK
    return REASONS.get(detail["type"], OTHER_REASON)


def _status_and_errors(error: Exception) -> tuple[int, dict[str, list[str]]]:
    if isinstance(error, InvalidInputError):
        return 422, _by_field(error.details)
    if isinstance(error, InjectedError):
        return error.status, {"base": [injected(error.status).message]}
    if isinstance(error, StoreUnavailableError):
        # Chosen: what a load balancer answers for an API whose servers are down.
        return 503, {"base": [SERVER_ERROR.message]}
    spec = ERRORS.get(type(error), SERVER_ERROR)
    values = {**vars(error), "error": error}
    if isinstance(error, MethodNotAllowedError):
        values["listed"] = ", ".join(error.allowed)
    if isinstance(error, UnsupportedContentTypeError):
        values["listed"] = " and ".join(error.served)
    return spec.status, {getattr(error, "field", None) or "base": [spec.message.format_map(values)]}


def injected(status: int) -> ErrorSpec:
    """The error of a status that a test asked for; where none has it, what HTTP calls the status."""
    known = _INJECTED.get(status)
    if known is None:
        return ErrorSpec(status, None, phrase(status), OURS, "injected by a test")
    return replace(known, status=status)


def _by_field(details: list[dict[str, Any]]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for detail in details:
        reason = _spec_of(detail).message.format_map(detail.get("ctx", {}))
        field = ".".join(str(part) for part in detail["loc"]) or "base"
        if reason not in errors.setdefault(field, []):
            errors[field].append(reason)
    return errors


def _in_one_line(errors: Mapping[str, list[str]]) -> str:
    """For the log, as `name can't be blank; rule is invalid`."""
    return "; ".join(
        reason if field == "base" else f"{field} {reason}"
        for field, reasons in errors.items()
        for reason in reasons
    )
