"""What /__admin answers to what it cannot do: one sentence that says what to do next, and the field."""

import logging
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from pydantic_core import to_json

from audience_mock.control.access import AccessDeniedError, AdminTokenError, ControlDisabledError
from audience_mock.core.errors import (
    AlreadyExistsError,
    IdTakenError,
    InvalidFaultError,
    InvalidNameError,
    InvalidSeedError,
    InvalidSettingsError,
    InvalidStateError,
    InvalidStatusError,
    LimitExceededError,
    NotFoundError,
    StoreError,
    WorldReplacedError,
)
from audience_mock.core.validation_errors import problems
from audience_mock.web.errors import (
    BodyTooLargeError,
    InvalidInputError,
    MalformedBodyError,
    MethodNotAllowedError,
    RouteNotFoundError,
    UnsupportedContentTypeError,
)
from audience_mock.web.request import MockRequest
from audience_mock.web.response import Header, RawResponse
from audience_mock.web.schema import ApiModel

log = logging.getLogger("audience_mock")


class Error(ApiModel):
    """The shape of every error of the control API."""

    error: str = Field(description="What is wrong, and what to do instead.")
    field: str | None = Field(
        default=None, description="Key of the input, such as `faults.0.status`; may be absent."
    )


class VerificationFailedError(Exception):
    """A request that was to be there is not, or one is too many; `told` is all that the answer says of it."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["error"])
        self.told = told


VERIFICATION_FAILED = 417
"""Expectation Failed. Chosen, since nothing else here answers it: a check that failed is never taken for one
that could not be made (400, 409), and `curl -f` fails."""


def error_response(request: MockRequest, error: Exception) -> RawResponse:
    if isinstance(error, VerificationFailedError):
        return response(VERIFICATION_FAILED, error.told)
    status, message, field = _words(request, error)
    if status == 500:
        log.error("%s %s %d: %s: %s", request.method, request.url.path, status, type(error).__name__, error)
        log.debug("where it happened", exc_info=error)
    else:
        log.info("%s %s %d %s", request.method, request.url.path, status, message)
    more = [(b"allow", ", ".join(error.allowed).encode())] if isinstance(error, MethodNotAllowedError) else []
    if isinstance(error, AdminTokenError):
        more.append((b"www-authenticate", b"Bearer"))
    return response(status, {"error": message, **({} if field is None else {"field": field})}, more)


def response(status: int, value: Any, headers: Sequence[Header] = ()) -> RawResponse:
    """A JSON response of the control API; 204 has no body."""
    return json_response(status, b"" if status == 204 else to_json(value), headers)


def json_response(status: int, body: bytes, headers: Sequence[Header] = ()) -> RawResponse:
    """As `response`, of JSON that is written already."""
    about_body = (
        ((b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")) if body else ()
    )
    return RawResponse(status, body, (*about_body, (b"cache-control", b"no-store"), *headers))


def _words(request: MockRequest, error: Exception) -> tuple[int, str, str | None]:
    match error:
        case ControlDisabledError():
            return 404, "the control plane is turned off: start the server without --no-admin", None
        case AdminTokenError():
            return 401, "send Authorization: Bearer <the token that the server was started with>", None
        case AccessDeniedError():
            return 403, str(error), None
        case RouteNotFoundError():
            path = request.url.path
            return 404, f"unknown control endpoint {path}: /openapi/control.json lists them", None
        case MethodNotAllowedError(allowed=allowed):
            return 405, f"{request.url.path} answers to {', '.join(allowed)} only", None
        case NotFoundError(what=what, id=id):
            return 404, f"there is no {what} {id!r} in this {'server' if what == 'world' else 'world'}", None
        case (
            AlreadyExistsError()
            | InvalidStateError()
            | LimitExceededError()
            | IdTakenError()
            | WorldReplacedError()
        ):
            return 409, str(error), getattr(error, "field", None)
        case (
            InvalidSettingsError()
            | InvalidStatusError()
            | InvalidFaultError()
            | InvalidSeedError()
            | InvalidNameError()
            | StoreError()
        ):
            return 400, str(error), getattr(error, "field", None)
        case InvalidInputError(details=details, model=model):
            first = problems(details, model)[0]
            return 400, str(first), first.field or None
        case MalformedBodyError() | BodyTooLargeError() | UnsupportedContentTypeError():
            status = {BodyTooLargeError: 413, UnsupportedContentTypeError: 415}.get(type(error), 400)
            return status, f"{error}: send a JSON document", None
        case _:
            return 500, f"the mock itself failed: {type(error).__name__}: {error}", None
