"""Errors as Pinterest words them: `{"code": N, "message": "…"}`, compact; each with its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from audience_mock.core.errors import (
    InvalidGrantError,
    InvalidStateError,
    NotFoundError,
    NotInAccountError,
    QuotaExceededError,
    ScopesNotGrantedError,
    SelfShareError,
    StorageQuotaExceededError,
    StoreUnavailableError,
    WorldReplacedError,
)
from audience_mock.providers.pinterest.invalid_input import (
    INVALID,
    INVALID_INPUT_ERRORS,
    describe_invalid_input,
    shorten,
)
from audience_mock.providers.pinterest.rate_limits import add_headers_to_injected, count_call
from audience_mock.providers.pinterest.responses import json_response
from audience_mock.providers.pinterest.security import parse_bearer
from audience_mock.providers.pinterest.sources import (
    CLIENTS,
    DESCRIPTION,
    JSONSCHEMA,
    OURS,
    QUOTED,
    UNPUBLISHED,
)
from audience_mock.web.error_log import report
from audience_mock.web.errors import (
    BodyTooLargeError,
    InjectedError,
    InvalidInputError,
    MalformedBodyError,
    MethodNotAllowedError,
    MissingScopesError,
    NoRouteError,
    NotAuthenticatedError,
    NotEvidencedError,
    NotPermittedError,
    RateLimitError,
    RouteNotFoundError,
    UnsupportedContentTypeError,
    UnsupportedEncodingError,
    phrase,
)
from audience_mock.web.evidence import ErrorSpec, Evidence, chosen, recorded
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

NOT_AUTHENTICATED = 2
MISSING_SCOPES = 3
NOT_FOUND = 4
METHOD_NOT_ALLOWED = 5
LIMIT_REACHED = 8
NO_SUCH_ROUTE = 11
SERVER_FAULT = 12
NOT_PERMITTED = 29
BAD_GRANT = 283


class Error(ApiModel):
    """The body of every error; codes 2 and 11 have more keys."""

    code: int
    message: str


class InvalidRequestError(Exception):
    """A request that is invalid as a whole, though each value is valid by itself; the text is Pinterest's."""


class NoAccessError(Exception):
    """The body names something that the ad account may not use; the text is Pinterest's."""


def error_response(request: MockRequest, error: Exception) -> RawResponse:
    """The response to an exception that was raised while a request was served."""
    if isinstance(error, NoRouteError):
        # No route has counted the call.
        token = parse_bearer(request.header(b"authorization") or "") or ""
        try:
            count_call(request, token, None, request.world.clock.now_ms())
        except RateLimitError as exceeded:
            error = exceeded
        except StoreUnavailableError as unavailable:
            error = unavailable
    elif isinstance(error, InjectedError):
        add_headers_to_injected(request, error)
    elif isinstance(error, QuotaExceededError) and not request.response_headers:
        # Rejected before the call was counted. What is under way may have ended a second later.
        status = ERRORS[type(error)].status
        add_headers_to_injected(request, InjectedError(status, resets_in_s=1))
    spec, message = _describe(error)
    if request.evidence_level is not None:
        from audience_mock.web.strict_evidence import guess_in_error  # noqa: PLC0415 - few worlds ask for it

        error = guess_in_error(request, [spec], error) or error
        spec, message = _describe(error)
    failed = spec.code == SERVER_FAULT and not isinstance(error, InjectedError)
    report(request, error, spec.status, message, failed=failed)
    headers = []
    if isinstance(error, MethodNotAllowedError):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    body = to_json({"code": spec.code, "message": message, **spec.more})
    return json_response(request, body, spec.status, headers)


def _body_error(message: str, evidence: Evidence, when: str, on: Sequence[str] = ("body",)) -> ErrorSpec:
    return ErrorSpec(400, INVALID, f"Invalid request: {message}", evidence, when, on)


_MISSING_SCOPES_MESSAGE = (
    "Your token does not have sufficient permissions to perform this operation.\nMissing: {scopes}"
)
_WITH_TOKEN = ("pinterest_oauth2",)
_FAILURE = {"status": "failure"}
_NOT_FOUND_MESSAGE = chosen("no such response was published; in the style of newer messages")

ERRORS: Mapping[type[Exception], ErrorSpec] = {
    NotAuthenticatedError: ErrorSpec(
        401,
        NOT_AUTHENTICATED,
        "Authentication failed.",
        QUOTED,
        when="no, unknown, expired or revoked token, or app id and secret; no rate-limit headers on this one",
        on=("pinterest_oauth2", "basic"),
        more=_FAILURE,
    ),
    MissingScopesError: ErrorSpec(
        401,
        MISSING_SCOPES,
        _MISSING_SCOPES_MESSAGE,
        QUOTED,
        when="the token lacks the operation's scope",
        on=_WITH_TOKEN,
    ),
    NotPermittedError: ErrorSpec(
        403,
        NOT_PERMITTED,
        "You are not permitted to access that resource.",
        QUOTED,
        when="the ad account is not among the token's",
        on=_WITH_TOKEN,
    ),
    NoAccessError: ErrorSpec(
        403,
        NOT_PERMITTED,
        "{error}",
        DESCRIPTION,
        when="an audience that the ad account does not have",
        on=("ad_groups/audience_sizing",),
    ),
    RateLimitError: ErrorSpec(
        429,
        LIMIT_REACHED,
        "You have exceeded your rate limit. Try again later.",
        CLIENTS,
        when="too many calls, where limits are enforced",
    ),
    QuotaExceededError: ErrorSpec(
        429,
        LIMIT_REACHED,
        "You have exceeded your rate limit. Try again later.",
        UNPUBLISHED,
        when="more than a quota of the tenant's, or the server's, allows",
    ),
    StorageQuotaExceededError: ErrorSpec(
        413,
        INVALID,
        "Invalid request: {error}",
        UNPUBLISHED,
        when="more bytes than a quota of the tenant's, or the server's, allows",
        on=("413",),
    ),
    InvalidGrantError: ErrorSpec(
        401,
        BAD_GRANT,
        "The authorization grant is invalid",
        QUOTED,
        when="a bad or used code or refresh token",
        on=("oauth/token",),
    ),
    ScopesNotGrantedError: _body_error(
        "scopes that were not granted: {scopes}",
        UNPUBLISHED,
        when="a refresh that asks for scopes it was not granted",
        on=("oauth/token",),
    ),
    RouteNotFoundError: ErrorSpec(
        404,
        NO_SUCH_ROUTE,
        "API method not found.",
        recorded("a live response of 2021"),
        when="a path that no operation has",
        more={"data": None, "endpoint_name": None, **_FAILURE},
    ),
    MethodNotAllowedError: ErrorSpec(
        405,
        METHOD_NOT_ALLOWED,
        "Method not allowed",
        DESCRIPTION,
        when="a method that the path does not have",
    ),
    NotFoundError: ErrorSpec(
        404,
        NOT_FOUND,
        "Sorry! We could not find your {what}.",
        _NOT_FOUND_MESSAGE,
        when="an id, in the path or of the audience to share, that does not exist",
        on=("404",),
    ),
    SelfShareError: _body_error(
        "'{id}' has the audience already",
        UNPUBLISHED,
        when="its owner among the recipients",
        on=("update_*_shared_audience",),
    ),
    NotInAccountError: _body_error(
        "{what} {id} is not in this ad account",
        UNPUBLISHED,
        when="a list, seed or member that does not exist",
        on=("audiences/create*", "audiences/update", "customer_segment/create", "customer_segment/update"),
    ),
    InvalidStateError: _body_error(
        "{error}",
        UNPUBLISHED,
        when="an upload that was already run, or lacks parts",
        on=("customer_list_uploads/run",),
    ),
    InvalidRequestError: _body_error(
        "{error}",
        JSONSCHEMA,
        when="values that exclude each other, or an invalid bookmark",
        on=("parameters", "body"),
    ),
    MalformedBodyError: _body_error(
        "{error}",
        UNPUBLISHED,
        when="a body that is malformed for its content type",
    ),
    BodyTooLargeError: ErrorSpec(
        413,
        INVALID,
        "Invalid request: {error}",
        UNPUBLISHED,
        when="a body over the limit",
        on=("413",),
    ),
    UnsupportedContentTypeError: ErrorSpec(
        415,
        INVALID,
        "Invalid request: {error}",
        UNPUBLISHED,
        when="a body of another content type",
        on=("415",),
    ),
    UnsupportedEncodingError: ErrorSpec(
        415,
        INVALID,
        "Invalid request: {error}",
        UNPUBLISHED,
        when="a body with a content encoding",
        on=("415",),
    ),
    NotEvidencedError: ErrorSpec(
        501,
        INVALID,
        "{error}",
        OURS,
        when="the answer would be a guess, where strict_evidence asks for evidence",
    ),
    WorldReplacedError: ErrorSpec(
        500,
        SERVER_FAULT,
        "Something went wrong on our end. Sorry about that.",
        UNPUBLISHED,
        when="the world was reset or deleted while records were being read",
        on=("customer_list*",),
    ),
}
"""By exception type. The exception's attributes fill the message; `error` is its text."""

SERVER_ERROR = ErrorSpec(
    500,
    SERVER_FAULT,
    "Something went wrong on our end. Sorry about that.",
    QUOTED,
    when="a server error",
)

_INJECTED: Mapping[int, type[Exception]] = {
    401: NotAuthenticatedError,
    403: NotPermittedError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    429: RateLimitError,
}
"""The error that a status stands for, where a test injects it."""


def all_errors() -> list[ErrorSpec]:
    """Every error of this API, each once; for the description."""
    unique = {id(spec): spec for spec in (*ERRORS.values(), *INVALID_INPUT_ERRORS, SERVER_ERROR)}
    return list(unique.values())


CALLER_ERRORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    str(spec.status): (description, {"code": spec.code, "message": spec.message})
    for description, spec in (
        ("The ad account is not among the token's", ERRORS[NotPermittedError]),
        ("Too many calls, where limits are enforced", ERRORS[RateLimitError]),
    )
}
"""What each operation may respond to a caller with a token, for the description."""


def _describe(error: Exception) -> tuple[ErrorSpec, str]:
    """How Pinterest reports an error, and the message."""
    if isinstance(error, InvalidInputError):
        return describe_invalid_input(error)
    if isinstance(error, InjectedError):
        spec = injected(error.status, error.code)
        return spec, spec.message.format_map({"what": "resource", "scopes": ["ads:write"]})
    if isinstance(error, StoreUnavailableError):
        # Chosen: what a load balancer answers for an API whose servers are down.
        return replace(SERVER_ERROR, status=503), SERVER_ERROR.message
    spec = ERRORS.get(type(error), SERVER_ERROR)
    fields = {"error": error} | {
        name: shorten(value) if isinstance(value, str) else value for name, value in vars(error).items()
    }
    return spec, spec.message.format_map(fields)


def injected(status: int, code: int | None = None) -> ErrorSpec:
    """The error of a status, and of a code if it is given, that a test asked for."""
    for spec in ERRORS.values() if code is not None else ():
        if spec.code == code:
            return replace(spec, status=status)
    if status >= 500:
        return SERVER_ERROR if status == 500 else replace(SERVER_ERROR, status=status, evidence=UNPUBLISHED)
    if status in _INJECTED:
        return ERRORS[_INJECTED[status]]
    return ErrorSpec(status, INVALID, f"Invalid request: {phrase(status)}", UNPUBLISHED, "injected by a test")
