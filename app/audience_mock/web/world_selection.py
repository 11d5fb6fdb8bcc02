"""Which world a request is for: named by its path, a header or its token, in this order.

The headers are scanned once, so this also detects a request that may ask for a fault, and one sent by a page.
"""

import re
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock.core.errors import DomainError
from audience_mock.core.worlds.world import DEFAULT
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.web.context import RequestContext, Served, attach
from audience_mock.web.request import MockRequest

PREFIX = "/worlds/"
HEADER = b"x-audience-mock-world"

_READ = frozenset({HEADER, b"authorization", b"origin", b"prefer", b"x-audience-mock-fault"})

_TOKEN_AND_WORLD = re.compile(rb"(.+)~([A-Za-z0-9][A-Za-z0-9_.-]{0,99})(=*)")
"""`Bearer pina_anything~blue` is `Bearer pina_anything` in the world blue, for clients that let nothing but a
token be set. The tilde may stand in a token (RFC 6750) and is in none of Pinterest's or PitchTarget's. An
admin token is the operator's choice and may have one: a header that is one as a whole names no world."""

Reject = Callable[[MockRequest, DomainError], Response]


class WorldSelection:
    """Middleware: gives each HTTP request its world. `reject` responds if the world's name is not valid."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        worlds: Worlds,
        served: Served,
        reject: Reject,
        is_admin_token: Callable[[str], bool],
    ) -> None:
        self.app = app
        self._worlds = worlds
        self._served = served
        self._reject = reject
        self._is_admin_token = is_admin_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = RequestContext(self._worlds, self._worlds.default, self._served)
        attach(scope, context)
        name = _world_name(scope, context, self._is_admin_token)
        if name != DEFAULT:
            try:
                context.world = self._worlds.get_or_create(name)
            except DomainError as error:
                await self._reject(MockRequest(scope, receive, send), error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _world_name(scope: Scope, context: RequestContext, is_admin_token: Callable[[str], bool]) -> str:
    """The name as it was given, which is removed from the scope's path and token."""
    root: str = scope["root_path"]
    path: str = scope["path"]
    in_path = path.startswith(PREFIX, len(root))
    named = ""
    if in_path:
        named, slash, _ = path[len(root) + len(PREFIX) :].partition("/")
        # As ASGI has it, `root_path` is a part of `path`.
        scope["root_path"] = root + PREFIX + named
        scope["path"] = path if slash else path + "/"
    by_token = ""
    for position, (name, value) in enumerate(scope["headers"]):
        if name not in _READ:
            continue
        if name == b"authorization":
            if (
                b"~" in value
                and (found := _TOKEN_AND_WORLD.fullmatch(value))
                and not is_admin_token(value.decode("latin-1"))
            ):
                headers = list(scope["headers"])
                headers[position] = (name, found[1] + found[3])
                scope["headers"] = headers
                by_token = found[2].decode("ascii")
        elif name == HEADER:
            named = named or value.decode("latin-1").strip(" \t")
        elif name == b"origin":
            context.has_origin = True
        else:
            context.may_request_fault = True
    # `/worlds//…` is what an empty variable makes: an empty name, which must not select the shared world.
    return named if in_path else named or by_token or DEFAULT
