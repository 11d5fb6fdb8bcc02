"""/, /__admin/health and /openapi/{name}.json: pages of the server itself."""

from collections.abc import Callable, Mapping
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
    API when it is first asked for."""

    def __init__(self, descriptions: Mapping[str, Describe], usages: Mapping[str, str]) -> None:
        self._descriptions = descriptions
        self._usages = usages
        self.routes: list[BaseRoute] = [
            _PageRoute("/", self.index),
            _PageRoute(HEALTH, self.health),
            _PageRoute("/openapi/{file:path}", self.description),
        ]
        self.exception_handlers: dict[Any, Any] = {404: self.not_found, 405: self.method_not_allowed}

    async def index(self, request: Request) -> Response:
        return _page(
            200,
            {
                "name": "Audience Mock",
                "version": __version__,
                **self._usages,
                "control": "/__admin/…, described in /openapi/control.json",
                "pages": self._paths(),
            },
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
        return ["/", HEALTH, *(f"/openapi/{name}.json" for name in self._descriptions)]


class _PageRoute(Route):
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
