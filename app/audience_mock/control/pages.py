"""/, /__admin/health, live and ready, and /openapi/{name}.json: pages of the server itself.


A browser that opens / is sent to the console, or to the API docs where there is no console.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from audience_mock import __version__
from audience_mock.core.audiences import queries
from audience_mock.core.worlds.world import World
from audience_mock.web.context import context_of, route_path, url_of
from audience_mock.web.cors import is_preflight, preflight_response
from audience_mock.web.probes import Probes
from audience_mock.web.request import MockRequest
from audience_mock.web.response import Header, RawResponse

HEALTH, LIVE, READY = PROBES = ("/__admin/health", "/__admin/live", "/__admin/ready")
"""Open to anyone: a probe may run on another machine."""

Describe = Callable[[], dict[str, Any]]


BROWSER_PATHS = frozenset(
    {
        *("/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/manifest.json"),
        *("/site.webmanifest", "/robots.txt", "/sitemap.xml", "/sw.js", "/service-worker.js"),
        *("/redoc", "/openapi.json", "/swagger", "/index.html"),
    }
)
"""What browsers and their users ask any server for, and no emulated API has."""
_WELL_KNOWN = "/.well-known/"


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
            PageRoute(LIVE, self.live),
            PageRoute(READY, self.ready),
            PageRoute("/openapi/{file:path}", self.description),
        ]
        self.browser_route = _BrowserRoute(self.missing)
        """To be the last route: it takes what no API does."""
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
            request,
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
        return _page(request, 200, await health_of(context_of(request.scope).world))

    async def live(self, request: Request) -> Response:
        return _page(request, 200, ALIVE)

    async def ready(self, request: Request) -> Response:
        status, body = readiness_of(context_of(request.scope).served.probes)
        return _page(request, status, body)

    async def description(self, request: Request) -> Response:
        name = request.path_params["file"].removesuffix(".json")
        if name not in self._descriptions or not request.path_params["file"].endswith(".json"):
            raise HTTPException(404)
        # The first time, the description is made, which takes up to 0.4 seconds.
        described = await asyncio.to_thread(self._descriptions[name])
        return _page(request, 200, _with_servers_of(request, described))

    async def missing(self, request: Request) -> Response:
        raise HTTPException(404)

    async def not_found(self, request: Request, error: Exception) -> Response:
        path = route_path(request.scope)
        return _page(request, 404, {"error": f"unknown path {path}: see pages", "pages": self._paths()})

    async def method_not_allowed(self, request: Request, error: Exception) -> Response:
        """The response to another method than GET, the preflights of pages among them."""
        if request.method == "OPTIONS" and (preflight := _preflight(request)) is not None:
            return preflight
        body = {"error": f"{request.method} is not allowed on {route_path(request.scope)}: use GET"}
        return _page(request, 405, body, (b"allow", b"GET, HEAD"))

    def _paths(self) -> list[str]:
        return ["/", *self._html, *PROBES, *(f"/openapi/{name}.json" for name in self._descriptions)]


ALIVE = {"status": "alive"}


def readiness_of(probes: Probes) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    found = probes.not_ready()
    return (200, {"status": "ready"}) if found is None else (503, {"status": "not_ready", **found._asdict()})


async def health_of(world: World) -> dict[str, Any]:
    return {"status": "ready", "version": __version__, "audiences": await world.read(queries.count)}


class PageRoute(Route):
    """Matches every method, so that a POST gets 405 here and does not reach a later route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        return Match.FULL if match is Match.PARTIAL else match, child_scope


class _BrowserRoute(Route):
    """Matches what a browser asks for by itself, or a person in its address bar; no client of an API does.
    Else each visit would be a request to an emulated API in the journal."""

    def __init__(self, endpoint: Callable[[Request], Any]) -> None:
        super().__init__("/", endpoint)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return Match.NONE, {}
        path = route_path(scope)
        known = path.rstrip("/") in BROWSER_PATHS or path.startswith(_WELL_KNOWN)
        if known or Headers(scope=scope).get("sec-fetch-mode") == "navigate":
            return Match.FULL, {"endpoint": self.endpoint, "path_params": {}}
        return Match.NONE, {}


def _with_servers_of(request: Request, description: dict[str, Any]) -> dict[str, Any]:
    """The description with the base URLs of this world, behind this proxy. At the root of a server they are
    relative, and right by whatever name it is called."""
    root = request.scope["root_path"]
    if not root and context_of(request.scope).served.public_url is None:
        return description
    base = url_of(request.scope, root)

    def moved(described: dict[str, Any]) -> dict[str, Any]:
        servers = [
            {**server, "url": base + server["url"]} if server["url"].startswith("/") else server
            for server in described["servers"]
        ]
        return {**described, "servers": servers}

    paths = {
        path: {
            method: moved(operation) if "servers" in operation else operation
            for method, operation in operations.items()
        }
        for path, operations in description["paths"].items()
    }
    return moved({**description, "paths": paths})


def _preflight(request: Request) -> RawResponse | None:
    """The answer to the preflight of a page that may read this one; None for any other request."""
    from audience_mock.control.cors import preflight  # noqa: PLC0415 - few servers need it at the start

    asked = MockRequest(request.scope, request.receive)
    methods = ("GET", "HEAD")
    if route_path(request.scope) in PROBES:
        answer = preflight(asked, methods)
    else:
        answer = preflight_response(asked, methods) if is_preflight(asked) else None
    if answer is not None:
        answer.raw_headers += _page_headers(request)
    return answer


def _page(request: Request, status: int, value: Any, *headers: Header) -> RawResponse:
    body = to_json(value)
    return RawResponse(
        status,
        body,
        [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *_page_headers(request),
            *headers,
        ],
    )


def _page_headers(request: Request) -> list[Header]:
    """Pages of any origin may read the descriptions; those of this machine may read the health, too."""
    if route_path(request.scope) in PROBES:
        from audience_mock.control.cors import common_headers  # noqa: PLC0415 - as above

        return common_headers(request.scope)
    return [context_of(request.scope).date, (b"access-control-allow-origin", b"*")]
