"""Which world a request is for: named by its path, a header or its token, in this order.

The headers are scanned once, so this also detects a request that may ask for a fault, and one sent by a page.
"""

import re
from collections.abc import Awaitable, Callable, Collection
from time import time
from urllib.parse import unquote

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock.core.errors import DomainError, StoreUnavailableError
from audience_mock.core.worlds.world import DEFAULT, World
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.web.context import RequestContext, Served, attach
from audience_mock.web.request import MockRequest

PREFIX = "/worlds/"
HEADER = b"x-audience-mock-world"
EVIDENCE_HEADER = b"x-audience-mock-evidence"

_READ = frozenset({HEADER, b"authorization", b"origin", b"prefer", b"x-audience-mock-fault", EVIDENCE_HEADER})

_TOKEN_AND_WORLD = re.compile(rb"(.+)~([^~=]*)(=*)")
"""`Bearer pina_anything~blue` is `Bearer pina_anything` in the world blue, for clients that let nothing but a
token be set. The tilde may stand in a token (RFC 6750) and is in none of Pinterest's or PitchTarget's. What
follows it is always a name, so that a blank or misspelled one is rejected and selects no shared world. An
admin token is the operator's choice and may have one: a header that is one as a whole names no world."""

_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)

Reject = Callable[[MockRequest, DomainError], Response]
Admit = Callable[[Scope, str], World]
"""The world that a request names. Raises DomainError."""

Prepare = Callable[[Scope, str], Awaitable[None]]
"""What precedes it if that world is not open. Raises DomainError."""


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
        admit: Admit | None = None,
        prepare: Prepare | None = None,
        without_world: Collection[str] = (),
    ) -> None:
        """`without_world` are paths that need none, and do not wait for a database that has it."""
        self.app = app
        self._worlds = worlds
        self._served = served
        self._reject = reject
        self._is_admin_token = is_admin_token
        self._admit = admit or _any_of(worlds)
        self._prepare = prepare
        self._without_world = without_world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = RequestContext(self._worlds, self._worlds.default, self._served)
        attach(scope, context)
        name = _world_name(scope, context, self._is_admin_token)
        if name != DEFAULT:
            context.named = name
        if name != DEFAULT or (self._worlds.is_shared and _path(scope) not in self._without_world):
            try:
                if self._prepare is not None and not self._worlds.has_opened(name):
                    await self._prepare(scope, name)
                context.world = (
                    self._admit(scope, name) if name != DEFAULT else self._worlds.get_or_create(name)
                )
            except StoreUnavailableError as unavailable:
                # The API that is meant has an error for it.
                context.world = self._worlds.unreachable(name, unavailable)
            except DomainError as error:
                await self._reject(MockRequest(scope, receive, send), error)(scope, receive, send)
                return
        context.world.last_use_s = time()
        await context.moment.during(self.app(scope, receive, send))


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path[len(scope["root_path"]) :]


def _any_of(worlds: Worlds) -> Admit:
    return lambda scope, name: worlds.get_or_create(name)


def _world_name(scope: Scope, context: RequestContext, is_admin_token: Callable[[str], bool]) -> str:
    """The name as it was given, blank ones too, which is removed from the scope's path and token."""
    root: str = scope["root_path"]
    context.prefix = root
    if b"%2" in (raw_path := scope.get("raw_path") or b""):
        _keep_encoded_slashes(scope, raw_path.decode("latin-1"))
    path: str = scope["path"]
    in_path = path.startswith(PREFIX, len(root))
    named: str | None = None
    if in_path:
        named, slash, _ = path[len(root) + len(PREFIX) :].partition("/")
        # As ASGI has it, `root_path` is a part of `path`.
        scope["root_path"] = root + PREFIX + named
        scope["path"] = path if slash else path + "/"
    by_header: str | None = None
    by_token: str | None = None
    for position, (name, value) in enumerate(scope["headers"]):
        if name not in _READ:
            continue
        if name == b"authorization":
            if (
                b"~" in value
                and (found := _TOKEN_AND_WORLD.fullmatch(value.rstrip(b" \t")))
                and not is_admin_token(value.decode("latin-1"))
            ):
                headers = list(scope["headers"])
                headers[position] = (name, found[1] + found[3])
                scope["headers"] = headers
                by_token = found[2].decode("latin-1")
        elif name == HEADER:
            given = value.decode("latin-1").strip(" \t")
            # Two fields are one list (RFC 9110, 5.3), and a list is no name.
            by_header = given if by_header in (None, given) else f"{by_header}, {given}"
        elif name == b"origin":
            context.has_origin = True
        elif name == EVIDENCE_HEADER:
            context.evidence = value.decode("latin-1").strip(" \t").lower()
        else:
            context.may_request_fault = True
    # A blank name is what an empty variable makes: it must not select the shared world.
    for name in (named, by_header, by_token):
        if name is not None:
            return name
    return DEFAULT


def _keep_encoded_slashes(scope: Scope, raw_path: str) -> None:
    """`%2F` is data in a segment and separates none (RFC 3986, 2.2), but servers decode it for `path`."""
    segments = _ENCODED_SLASH.split(raw_path)
    if len(segments) == 1:
        return
    decoded = "%2F".join(unquote(segment) for segment in segments)
    root: str = scope["root_path"]
    # Servers disagree on whether `raw_path` has the root path.
    scope["path"] = decoded if decoded.startswith(root) else root + decoded
