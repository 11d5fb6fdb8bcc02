"""A provider as a value, and the FastAPI application that it becomes."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from audience_mock.core.errors import DomainError
from audience_mock.core.store.rows import AudienceRow, CustomerListRow
from audience_mock.core.worlds.world import World
from audience_mock.web.context import context_of
from audience_mock.web.errors import MethodNotAllowedError, RequestError, RouteNotFoundError
from audience_mock.web.evidence import ErrorSpec, Evidence
from audience_mock.web.journal import record
from audience_mock.web.mounting import METHODS, RouteIndex
from audience_mock.web.openapi import Operation, Security, describe
from audience_mock.web.request import MockRequest
from audience_mock.web.route import MockRoute

if TYPE_CHECKING:
    from audience_mock.web.api_versions import ApiVersions
    from audience_mock.web.bridge import Bridge
    from audience_mock.web.strict_evidence import Condition

NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own costs each request 13 microseconds; middleware of an operator's choice sees the same."""

_DESCRIBING = threading.Lock()
"""Held while an API is described, one for all of them: `warnings.catch_warnings` is of the whole process."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One API: its name, where it is served, its routers, its errors.

    `mounts` gives, by the first segment of a path, the base path that is no part of an operation's own path:
    "v5" is mounted at "/v5", "custom_audiences" at "". `servers` are its base URLs, for the description.

    `error_response` answers whatever a request meets. `preflight` answers OPTIONS with the methods that a
    path has, or leaves it to `error_response` by None; without it, pages of the server's `cors_origins` get
    the ordinary CORS headers. The provider that `is_default` answers what no route of the server takes.

    `usage` is a first request, for the server's index page; `client_variables` are environment variables that
    clients of the API read their base URL from. `example` is a GET that works as it is, for people: its path,
    and its `Authorization`.

    `show` is an audience or a customer list as the API's responses show it, by operation, for the control
    API: nothing is counted as read.

    `varying_headers` are those that differ between two like responses, in lower case: ids of requests and
    durations. `versions` are those that a world can emulate, with what changed in each;
    `bridge` is what of its audiences another API keeps, and what it keeps of theirs.

    `security_schemes` are OpenAPI's; each route says which it takes, or `default_security` does for all.
    `caller_errors` are what an operation of a scheme may answer, by status: a sentence, and an example of the
    component `Error`; `body_errors`, in the same form, what one that takes a body may answer. `errors` are
    all errors, `response_evidence` what is known of every response: an emulated API has both. `guesses` say
    when a rule makes a response, by its text, where `strict_evidence` cannot know. `journalled` is whether
    its requests are recorded in the request journal.
    """

    name: str
    title: str
    version: str
    description: str
    mounts: Mapping[str, str]
    servers: Sequence[Mapping[str, Any]]
    routers: Sequence[APIRouter]
    error_response: Callable[[MockRequest, Exception], Response]
    errors: Callable[[], Sequence[ErrorSpec]] | None = None
    response_evidence: Mapping[str, Evidence] = field(default_factory=dict)
    guesses: "Callable[[], Mapping[str, Condition]] | None" = None
    security_schemes: Mapping[str, Any] = field(default_factory=dict)
    default_security: Security | None = None
    caller_errors: Mapping[str, Mapping[str, tuple[str, Mapping[str, Any]]]] = field(default_factory=dict)
    body_errors: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    preflight: Callable[[MockRequest, set[str]], Response | None] | None = None
    is_default: bool = False
    usage: str = ""
    client_variables: Sequence[str] = ()
    example: tuple[str, str] = ("", "")
    show: Callable[[World, AudienceRow | CustomerListRow], Mapping[str, Any]] | None = None
    varying_headers: Collection[str] = ()
    versions: "Callable[[], ApiVersions] | None" = None
    bridge: "Callable[[], Bridge] | None" = None
    journalled: bool = True
    is_public_token: Callable[[str], bool] | None = None
    """Whether a token is no secret, as one that describes itself: a bundle needs it as it is."""


class ProviderApp(FastAPI):
    """The application of a provider, to be mounted by `mounts_of`."""

    def __init__(self, provider: Provider, *, cors_origins: Sequence[str] = ()) -> None:
        super().__init__(
            title=provider.title,
            version=provider.version,
            description=provider.description,
            # As they are: `include_router` makes each route again for each application, which costs a server
            # 10 ms and each request a look into that.
            routes=[route for router in provider.routers for route in router.routes],
            openapi_url=None,
            telemetry=NO_TELEMETRY,
            redirect_slashes=False,
            exception_handlers={
                404: self._respond_without_route,
                405: self._respond_without_route,
                DomainError: self._respond_to_error,
                RequestError: self._respond_to_error,
            },
        )
        self.provider = provider
        self.siblings: Sequence[ProviderApp] = (self,)
        """The APIs whose routes are candidates for suggestions."""
        if cors_origins and provider.preflight is None:
            self.add_middleware(
                _JournalledCORS,
                allow_origins=cors_origins,
                allow_methods=["*"],
                allow_headers=["*"],
                allow_private_network=True,
                expose_headers=["*"],
            )
        self._own_middleware = len(self.user_middleware)
        self._index = RouteIndex([route for route in self.routes if isinstance(route, MockRoute)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = context_of(scope)
            context.provider = self.provider
            if scope["method"] == "HEAD":
                # A copy: the server looks at its own scope to leave the body out.
                context.is_head = True
                scope = {**scope, "method": "GET"}
            # What a page sent goes through the CORS middleware, and everything through a developer's.
            if not context.has_origin and len(self.user_middleware) == self._own_middleware:
                route = self._index.find(scope)
                if route is not None:
                    scope["app"] = self
                    await route.handle(scope, receive, send)
                    return
        await super().__call__(scope, receive, send)

    def routed(self, scope: Scope) -> Scope:
        """A copy of a request's scope, with what a matching `MockRoute` adds to it."""
        found = dict(scope)
        self._index.find(found)
        return found

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's, without the layers that the root application already has: telemetry and the handling of
        server errors."""
        app: ASGIApp = AsyncExitStackMiddleware(self.router)
        app = ExceptionMiddleware(app, handlers=self.exception_handlers)
        for middleware in reversed(self.user_middleware):
            app = middleware.cls(app, *middleware.args, **middleware.kwargs)
        return app

    @property
    def operations(self) -> list[Operation]:
        """The served routes: those of its own class, and those of included routers with their prefixes."""
        return [
            Operation(context.path_format or "", context.methods or set(), context.original_route)
            for context in iter_route_contexts(self.routes)
            if isinstance(context.original_route, MockRoute)
        ]

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI description, made at its first use, not at start; by one of the threads that ask."""
        with _DESCRIBING:
            if self.openapi_schema is None:
                self.openapi_schema = describe(self.provider, self.routes, self.operations)
        return self.openapi_schema

    async def _respond_to_error(self, request: Request, error: Exception) -> Response:
        """For handlers that are not of a `MockRoute`."""
        return self.provider.error_response(_mock_request(request), error)

    async def _respond_without_route(self, request: Request, error: Exception) -> Response:
        """The response to a request that matches no operation."""
        asked = _mock_request(request)
        allowed = {
            method for method in METHODS if any(_is_served(route, asked, method) for route in self.routes)
        }
        suggestions: Sequence[str] = ()
        response: Response | None = None
        if allowed and asked.method == "OPTIONS" and self.provider.preflight is not None:
            response = self.provider.preflight(asked, allowed)
        if response is None:
            suggestions = self._suggestions(asked)
            response = self.provider.error_response(
                asked,
                MethodNotAllowedError(allowed, suggestions) if allowed else RouteNotFoundError(suggestions),
            )
        record(asked, None, response, suggestions)
        return response

    def _suggestions(self, request: MockRequest) -> Sequence[str]:
        from audience_mock.web.route_suggestions import suggest

        routes = [
            (method, api.base_path + operation.path)
            for api in self.siblings
            for operation in api.operations
            for method in operation.methods
        ]
        scope = request.scope
        # Without the prefix of a proxy and of a world, which no route has.
        path = scope["path"].removeprefix(scope.get("app_root_path", scope["root_path"]))
        return suggest(request.sent_method, path, routes)

    @property
    def base_path(self) -> str:
        """What stands before its routes, where it is called by its first base URL."""
        servers = self.provider.servers
        return str(servers[0]["url"]).rstrip("/") if servers else ""


class _JournalledCORS(CORSMiddleware):
    """Starlette's, which leaves alone what no page sent and records the preflights that it answers itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not context_of(scope).has_origin:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            response = self.preflight_response(request_headers=headers)
            if response.status_code >= 400:
                # Starlette grants it to any origin.
                del response.headers["Access-Control-Allow-Private-Network"]
            record(MockRequest(scope, receive, send), None, response)
            await response(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, request_headers=headers)


def _mock_request(request: Request) -> MockRequest:
    return MockRequest(request.scope, request.receive)


def _is_served(route: BaseRoute, request: MockRequest, method: str) -> bool:
    """Whether a route would take the request with this method, in the request's world."""
    match, found = route.matches({**request.scope, "method": method})
    served = found.get("route")
    return match is Match.FULL and not (isinstance(served, MockRoute) and not served.is_served(request))
