"""What /__admin answers to what it cannot do: one sentence that says what to do next, and the field."""

import logging
from typing import Any

from pydantic import Field
from pydantic_core import to_json

from audience_mock.control.access import Denied, NoToken, TurnedOff
from audience_mock.core.errors import (
    AlreadyThere,
    BadDatabase,
    BadFault,
    BadName,
    BadSeed,
    BadSettings,
    BadStatus,
    IdTaken,
    Interrupted,
    NotFound,
    NotNow,
    TooMany,
)
from audience_mock.transport.answers import Answer, Headers, lines
from audience_mock.transport.calls import Call
from audience_mock.transport.errors import (
    BodyTooLarge,
    InvalidInput,
    Malformed,
    MethodNotAllowed,
    NoSuchRoute,
    UnsupportedContentType,
)
from audience_mock.transport.wire import WireModel

log = logging.getLogger("audience_mock")


class Error(WireModel):
    """The shape of every error of the control plane."""

    error: str = Field(description="What is wrong, and what to do about it.")
    field: str | None = Field(
        default=None, description="Where in the input, as `faults.0.status`; may be absent."
    )


class NotVerified(Exception):
    """A request that was to be there is not, or one is too many; `told` is all that the answer says of it."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["error"])
        self.told = told


VERIFICATION_FAILED = 417
"""Expectation Failed. Chosen, since nothing else here answers it: a check that failed is never taken for one
that could not be made (400, 409), and `curl -f` fails."""


def refuse(call: Call, error: Exception) -> Answer:
    if isinstance(error, NotVerified):
        return answer(VERIFICATION_FAILED, error.told)
    status, message, field = _words(call, error)
    if status == 500:
        log.error("%s %s %d: %s: %s", call.method, call.url.path, status, type(error).__name__, error)
        log.debug("where it happened", exc_info=error)
    else:
        log.info("%s %s %d %s", call.method, call.url.path, status, message)
    more = [(b"allow", ", ".join(error.allowed).encode())] if isinstance(error, MethodNotAllowed) else []
    if isinstance(error, NoToken):
        more.append((b"www-authenticate", b"Bearer"))
    return answer(status, {"error": message, **({} if field is None else {"field": field})}, more)


def answer(status: int, value: Any, more: Headers | None = None) -> Answer:
    """A JSON answer of the control plane; 204 has no body."""
    return json_answer(status, b"" if status == 204 else to_json(value), more)


def json_answer(status: int, body: bytes, more: Headers | None = None) -> Answer:
    """As `answer`, of JSON that is written already."""
    head = b"content-length: %d\r\ncontent-type: application/json\r\n" % len(body) if body else b""
    return Answer(status, body, head + b"cache-control: no-store\r\n" + lines(more or []))


def _words(call: Call, error: Exception) -> tuple[int, str, str | None]:
    match error:
        case TurnedOff():
            return 404, "the control plane is turned off: start the server without --no-admin", None
        case NoToken():
            return 401, "send Authorization: Bearer <the token that the server was started with>", None
        case Denied():
            return 403, str(error), None
        case NoSuchRoute():
            path = call.url.path
            return 404, f"{path} is no operation of the control plane: /openapi/control.json lists them", None
        case MethodNotAllowed(allowed=allowed):
            return 405, f"{call.url.path} answers to {', '.join(allowed)} only", None
        case NotFound(what=what, id=id):
            return 404, f"there is no {what} {id!r} in this {'server' if what == 'world' else 'world'}", None
        case AlreadyThere() | NotNow() | TooMany() | IdTaken() | Interrupted():
            return 409, str(error), getattr(error, "field", None)
        case BadSettings() | BadStatus() | BadFault() | BadSeed() | BadName() | BadDatabase():
            return 400, str(error), getattr(error, "field", None)
        case InvalidInput(details=details):
            first = details[0]
            where = ".".join(str(part) for part in first["loc"])
            given = "" if first["type"] == "missing" else f" (given: {_cut(repr(first['input']))})"
            return (
                400,
                f"{where}: {first['msg']}{given}" if where else f"{first['msg']}{given}",
                where or None,
            )
        case Malformed() | BodyTooLarge() | UnsupportedContentType():
            status = {BodyTooLarge: 413, UnsupportedContentType: 415}.get(type(error), 400)
            return status, f"{error}: send a JSON document", None
        case _:
            return 500, f"the mock itself failed: {type(error).__name__}: {error}", None


def _cut(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"
