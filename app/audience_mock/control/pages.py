"""/, /__admin/health and /openapi/{name}.json: pages of the server itself.

A browser that opens / is sent to the console, or to the API docs where there is no console.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from audience_mock import __version__
from audience_mock.core.audiences import queries
from audience_mock.web.context import context_of, route_path
from audience_mock.web.response import Header, RawResponse

HEALTH = "/__admin/health"

Describe = Callable[[], dict[str, Any]]


class Pages:
    """The server's own pages, on the root application. `descriptions` make the OpenAPI description of each
    API when it is first asked for. `html` are the pages for people; a browser that opens / is sent to the
    first."""

    def __init__(
        self, descriptions: Mapping[str, Describe], usages: Mapping[str, str], html: Sequence[str]
    ) -> None:
        self._descriptions = descriptions
        self._usages = usages
        self._html = html
        self.routes: list[BaseRoute] = [
            PageRoute("/", self.index),
            PageRoute(HEALTH, self.health),
            PageRoute("/openapi/{file:path}", self.description),
        ]
        self.exception_handlers: dict[Any, Any] = {404: self.not_found, 405: self.method_not_allowed}

    async def index(self, request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            # Relative, since a proxy may have removed a prefix: /worlds/blue is opened without a slash.
            last = request.scope["root_path"].rpartition("/")[2]
            sent: bytes = request.scope.get("raw_path") or b"/"
            here = "" if sent.endswith(b"/") else f"{last}/"
            location = f"{here}{self._html[0].removeprefix('/')}".encode()
            return RawResponse(
                307,
                b"",
                [(b"location", location), (b"content-length", b"0"), (b"vary", b"Accept")],
            )
        return _page(
            200,
            {
                "name": "Audience Mock",
                "version": __version__,
                **self._usages,
                "control": "/__admin/…, described in /openapi/control.json",
                "pages": self._paths(),
            },
            (b"vary", b"Accept"),
        )

    async def health(self, request: Request) -> Response:
        """Open to anyone: a probe may run on another machine."""
        audiences = await context_of(request.scope).world.read(queries.count)
        return _page(200, {"status": "ready", "version": __version__, "audiences": audiences})

    async def description(self, request: Request) -> Response:
        name = request.path_params["file"].removesuffix(".json")
        if name not in self._descriptions or not request.path_params["file"].endswith(".json"):
            raise HTTPException(404)
        return _page(200, self._descriptions[name]())

    async def not_found(self, request: Request, error: Exception) -> Response:
        path = route_path(request.scope)
        return _page(404, {"error": f"unknown path {path}: see pages", "pages": self._paths()})

    async def method_not_allowed(self, request: Request, error: Exception) -> Response:
        body = {"error": f"{request.method} is not allowed on {route_path(request.scope)}: use GET"}
        return _page(405, body, (b"allow", b"GET, HEAD"))

    def _paths(self) -> list[str]:
        return ["/", *self._html, HEALTH, *(f"/openapi/{name}.json" for name in self._descriptions)]


class PageRoute(Route):
    """Matches every method, so that a POST gets 405 here and does not reach a later route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        return Match.FULL if match is Match.PARTIAL else match, child_scope


def _page(status: int, value: Any, *headers: Header) -> RawResponse:
    body = to_json(value)
    return RawResponse(
        status,
        body,
        [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"access-control-allow-origin", b"*"),
            *headers,
        ],
    )
