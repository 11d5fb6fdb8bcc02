"""What every response of the control API has: the date, and CORS for pages from this machine, of any port.

Whether the call itself is allowed is decided by `access`; a preflight carries neither token nor body.
"""

from collections.abc import Collection

from starlette.types import Message, Scope, Send

from audience_mock.control.access import is_local_origin
from audience_mock.web.context import context_of
from audience_mock.web.cors import is_preflight, preflight_response
from audience_mock.web.request import MockRequest
from audience_mock.web.response import Header, RawResponse


def common_headers(scope: Scope) -> list[Header]:
    """Those that a page of this machine needs to read a response, and the date."""
    context = context_of(scope)
    headers: list[Header] = [context.date]
    if context.has_origin:
        origin = next(value for name, value in scope["headers"] if name == b"origin")
        headers.append((b"vary", b"Origin"))
        if is_local_origin(origin.decode("latin-1")):
            headers.append((b"access-control-allow-origin", origin))
    return headers


def with_common_headers(scope: Scope, send: Send) -> Send:
    """A `send` that adds them to the response."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *common_headers(scope)]}
        await send(message)

    return send_with_headers


def preflight(request: MockRequest, methods: Collection[str]) -> RawResponse | None:
    """The answer to a preflight from a page that may call, without the common headers; None for any other
    request."""
    if not is_preflight(request) or not is_local_origin(request.header(b"origin") or ""):
        return None
    return preflight_response(request, methods)
