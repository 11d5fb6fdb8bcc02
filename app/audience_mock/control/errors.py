"""Errors of the control API: one sentence that says what to do next, and the field that is wrong."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from audience_mock.control.access import (
    AccessDeniedError,
    AdminTokenError,
    Caller,
    ControlDisabledError,
    OperatorOnlyError,
    ReadOnlyTokenError,
)
from audience_mock.control.responses import json_response
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
    QuotaExceededError,
    StorageFullError,
    StorageQuotaExceededError,
    StoreError,
    StoreUnavailableError,
    WorldReplacedError,
)
from audience_mock.core.validation_errors import problems
from audience_mock.web.error_log import report
from audience_mock.web.errors import (
    BodyTooLargeError,
    InvalidInputError,
    MalformedBodyError,
    MethodNotAllowedError,
    RouteNotFoundError,
    UnsupportedContentTypeError,
    UnsupportedEncodingError,
)
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

VERIFICATION_FAILED = 417
"""Expectation Failed. Chosen because no other error here has it: a failed check is never taken for one that
could not be made (400, 409), and `curl -f` fails."""

_LISTS = {
    "world": "/__admin/worlds",
    "snapshot": "/__admin/snapshots",
    "fault": "/__admin/faults",
    "audience": "/__admin/state",
}
"""Where the things that an id can name are listed."""

_NOT_SHOWN = object()


class Error(ApiModel):
    """The shape of every error of the control API."""

    error: str = Field(description="What is wrong, and what to do instead.")
    field: str | None = Field(
        default=None, description="Key of the input, such as `faults.0.status`; may be absent."
    )


class VerificationFailedError(Exception):
    """An expected request is missing, or there is one too many; `body` is that of the response."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body["error"])
        self.body = body


def invalid_input(
    field: Sequence[str],
    message: str,
    given: Any = _NOT_SHOWN,
    place: Literal["query", "body"] = "body",
) -> InvalidInputError:
    """The error for a value that the models accept and the operation does not; `field` is its path."""
    detail = {"type": "value_error", "loc": tuple(field), "ctx": {"error": message}}
    return InvalidInputError(place, [detail if given is _NOT_SHOWN else {**detail, "input": given}])


def error_response(request: MockRequest, error: Exception) -> RawResponse:
    """The response to an exception that was raised while a request was served."""
    if isinstance(error, VerificationFailedError):
        return json_response(error.body, VERIFICATION_FAILED)
    status, message, field = _describe(request, error)
    report(request, error, status, message, failed=status == 500)
    headers = []
    if isinstance(error, MethodNotAllowedError):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if isinstance(error, AdminTokenError):
        headers.append((b"www-authenticate", b"Bearer"))
    return json_response({"error": message, **({} if field is None else {"field": field})}, status, headers)


def _describe(request: MockRequest, error: Exception) -> tuple[int, str, str | None]:
    """Status, message and field."""
    path = request.url.path
    match error:
        case ControlDisabledError():
            return 404, "the control API is disabled: start the server without --no-admin", None
        case AdminTokenError():
            return 401, "send Authorization: Bearer <an admin token of this server>", None
        case AccessDeniedError():
            return 403, str(error), None
        case ReadOnlyTokenError():
            return (
                403,
                "this token may only read: send an admin token of the tenant to change something",
                None,
            )
        case OperatorOnlyError():
            return 403, "this is about all tenants: send an admin token of the server's operator", None
        case RouteNotFoundError():
            return 404, f"unknown control endpoint {path}: /openapi/control.json lists them", None
        case MethodNotAllowedError(allowed=allowed):
            return 405, f"{request.sent_method} is not allowed on {path}: use {' or '.join(allowed)}", None
        case NotFoundError():
            return 404, _not_found(error, request.caller), None
        case (
            AlreadyExistsError()
            | InvalidStateError()
            | LimitExceededError()
            | IdTakenError()
            | WorldReplacedError()
        ):
            return 409, str(error), getattr(error, "field", None)
        case StorageQuotaExceededError(quota="bytes_in_flight"):
            return 413, str(error), None
        case StorageFullError() | StorageQuotaExceededError():
            return 507, str(error), None
        case StoreUnavailableError():
            return 503, str(error), None
        case QuotaExceededError():
            return 429, str(error), None
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
            found = problems(details, model)
            # A misspelled key says more than what is missing beside it.
            first = next((problem for problem in found if problem.suggestions), found[0])
            return 400, str(first), first.field or None
        case BodyTooLargeError():
            return 413, f"{error}: send less", None
        case UnsupportedEncodingError():
            return 415, str(error), None
        case UnsupportedContentTypeError():
            return 415, f"{error}: send a JSON document", None
        case MalformedBodyError():
            return 400, f"{error}: send a JSON document", None
        case _:
            return 500, f"the mock server failed with {type(error).__name__}: {error}", None


def _not_found(error: NotFoundError, caller: Caller | None) -> str:
    tenant = caller.tenant if caller is not None else None
    if error.what == "world" and tenant is not None:
        # The same for one that does not exist and for another tenant's.
        return (
            f"tenant {tenant} has no world {error.id!r}: GET /__admin/worlds lists those it has, whose names"
            f" are {tenant} or begin with {tenant}."
        )
    where = "" if error.what == "world" else " in this world"
    listed = f": GET {_LISTS[error.what]} lists them" if error.what in _LISTS else ""
    return f"there is no {error.what} {error.id!r}{where}{listed}"
