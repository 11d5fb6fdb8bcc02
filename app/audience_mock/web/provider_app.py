"""A provider as a value, and the ASGI application that it becomes."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audience_mock.web.errors import MethodNotAllowedError, RouteNotFoundError
from audience_mock.web.evidence import ANSWERS, ERRORS, ErrorSpec, Evidence
from audience_mock.web.journal import note
from audience_mock.web.links import Links
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse, lines
from audience_mock.web.world_selection import OF_A_PAGE


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One API: its name, where it lives, its routers, its words for errors.

    `error_response` renders whatever a request meets outside a route. `preflight` answers OPTIONS with the
    methods that a path has; a provider that has none gets the ordinary CORS answers for `cors_origins`.
    `security` are the schemes; `security_of` says by operation which of them it takes, and with which
    scopes: without it, each takes any. `caller_errors` are what each of these may answer, by status: a
    sentence, and an example of the component `Error`. `bodies` describes, by operation and content type,
    bodies that a handler reads by itself; `examples` are answers, by operation and status. `links` are
    OpenAPI's, by operation and name: what may be asked next with what a success answered. `words` are all
    errors, and `evidence` is what is known of every answer, for the description too: a double has both.
    `journalled` is whether its requests are noted in the journal.
    """

    name: str
    title: str
    version: str
    prefixes: Sequence[str]
    routers: Sequence[APIRouter]
    error_response: Callable[[MockRequest, Exception], RawResponse]
    about: str
    words: Callable[[], Sequence[ErrorSpec]] | None = None
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    servers: Sequence[Mapping[str, Any]] = ()
    security: Mapping[str, Any] = field(default_factory=dict)
    security_of: Mapping[str, Sequence[Mapping[str, Sequence[str]]]] = field(default_factory=dict)
    caller_errors: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    bodies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    links: Links = field(default_factory=dict)
    preflight: Callable[[MockRequest, set[str]], RawResponse] | None = None
    cors_origins: Sequence[str] = ()
    journalled: bool = True


class ProviderApp(FastAPI):
    """The application of a provider."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(
            title=provider.title,
            version=provider.version,
            description=provider.about,
            servers=[dict(server) for server in provider.servers],
            # As they are: include_router makes each of them again for each application.
            routes=[route for router in provider.routers for route in router.routes],
            openapi_url=None,
            telemetry={"tracing": False, "metrics": False, "logs": False},
            redirect_slashes=False,
            exception_handlers={404: self._refuse, 405: self._refuse},
        )
        self.provider = provider
        self.neighbours: Sequence[ProviderApp] = (self,)
        """The APIs among whose routes a request may have meant one."""
        self._cross_origin: ASGIApp = super().__call__
        if provider.cors_origins and provider.preflight is None:
            self._cross_origin = CORSMiddleware(
                super().__call__,
                allow_origins=provider.cors_origins,
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=["*"],
            )

    @property
    def operations(self) -> list[str]:
        """The ids of its operations, those that it does not describe too."""
        return [str(route.operation_id) for route in self._mine]

    @property
    def _mine(self) -> list[APIRoute]:
        return [route for route in self.routes if isinstance(route, APIRoute)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["options"] = scope["world"].options.get(self.provider.name)
        scope["app"] = self
        if scope["method"] == "HEAD":
            # A copy: the server looks at its own scope to leave the body out.
            scope = {**scope, "method": "GET", "sent_method": "HEAD"}
        # Only a page has an Origin; Starlette's middleware would write `Vary: Origin` to everyone.
        if OF_A_PAGE in scope:
            await self._cross_origin(scope, receive, self._noting(scope, receive, send))
        else:
            await super().__call__(scope, receive, send)

    def _noting(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """Starlette's middleware answers the preflights by itself; this notes them."""
        asks = any(name == b"access-control-request-method" for name, _ in scope["headers"])
        if scope["method"] != "OPTIONS" or not asks or not isinstance(self._cross_origin, CORSMiddleware):
            return send
        start: Message = {}

        async def noting(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            else:
                response = RawResponse(start["status"], message.get("body", b""), lines(start["headers"]))
                note(MockRequest(scope, receive, send), None, response)
            await send(message)

        return noting

    async def _refuse(self, request: Request, error: Exception) -> RawResponse:
        """No operation takes the request."""
        scope = request.scope
        path = scope["path"].removeprefix(scope["root_path"])
        allowed = {method for route in self._mine if route.path_regex.match(path) for method in route.methods}
        call = MockRequest(scope, request.receive, request._send)
        suggestions: Sequence[str] = ()
        if allowed and scope["method"] == "OPTIONS" and self.provider.preflight is not None:
            response = self.provider.preflight(call, allowed)
        else:
            suggestions = self._suggestions(scope)
            response = self.provider.error_response(
                call,
                MethodNotAllowedError(allowed, suggestions) if allowed else RouteNotFoundError(suggestions),
            )
        note(call, None, response, suggestions)
        return response

    def _suggestions(self, scope: Scope) -> Sequence[str]:
        from audience_mock.web.route_suggestions import suggest

        routes = [
            (method, app.base_path + route.path)
            for app in self.neighbours
            for route in app._mine
            for method in route.methods
        ]
        return suggest(scope.get("sent_method") or scope["method"], scope["path"], routes)

    @property
    def base_path(self) -> str:
        """What stands before its routes, where it is called by its own base URL."""
        return str(self.provider.servers[0]["url"]).rstrip("/") if self.provider.servers else ""

    def openapi(self) -> dict[str, Any]:
        """The description of what is served; made when it is first asked for, not at start."""
        if self.openapi_schema is None:
            with warnings.catch_warnings():
                # FastAPI silences this where it gives a body a name that no body has; models that are built
                # when they are needed are built after that.
                warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
                schema = get_openapi(
                    title=self.title,
                    version=self.provider.version,
                    description=self.provider.about,
                    routes=self.routes,
                    servers=[dict(server) for server in self.provider.servers],
                )
            schema.setdefault("components", {})["securitySchemes"] = dict(self.provider.security)
            _describe_bodies(schema, self.provider.bodies)
            _show_examples(schema, self.provider.examples)
            _describe_callers(schema, self.provider)
            _show_links(schema, self.provider.links)
            if self.provider.words is not None:
                schema[ANSWERS] = {name: known.told() for name, known in self.provider.evidence.items()}
                schema[ERRORS] = [words.told() for words in self.provider.words()]
            self.openapi_schema = _without_fastapis_own_422(schema)
        return self.openapi_schema


def _describe_callers(schema: dict[str, Any], provider: Provider) -> None:
    """Who may call what, and what they are told who may not."""
    if not provider.security_of:
        schema["security"] = [{name: []} for name in provider.security]
    for operations in schema["paths"].values():
        for operation in operations.values():
            if operation["operationId"] in provider.security_of:
                operation.setdefault("security", provider.security_of[operation["operationId"]])
                for status, (description, example) in provider.caller_errors.items():
                    error = {"schema": {"$ref": "#/components/schemas/Error"}, "example": dict(example)}
                    told = {"description": description, "content": {"application/json": error}}
                    operation["responses"].setdefault(status, told)


def _describe_bodies(schema: dict[str, Any], bodies: Mapping[str, Mapping[str, Any]]) -> None:
    for operations in schema["paths"].values():
        for operation in operations.values():
            content = {}
            for content_type, model in bodies.get(operation["operationId"], {}).items():
                body = TypeAdapter(model).json_schema(ref_template="#/components/schemas/{model}")
                schema["components"].setdefault("schemas", {}).update(body.pop("$defs", {}))
                content[content_type] = {"schema": body}
            if content:
                operation["requestBody"] = {"required": True, "content": content}


def _show_examples(schema: dict[str, Any], examples: Mapping[str, Mapping[str, Any]]) -> None:
    """Put in afterwards: FastAPI leaves the nulls out of an example, and an answer has them."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            for status, example in examples.get(operation["operationId"], {}).items():
                operation["responses"][status]["content"]["application/json"]["example"] = example


def _show_links(schema: dict[str, Any], links: Links) -> None:
    for operations in schema["paths"].values():
        for operation in operations.values():
            its_links = links.get(operation["operationId"])
            for status, described in operation["responses"].items():
                if its_links and status.startswith("2"):
                    described["links"] = {name: dict(link) for name, link in its_links.items()}


def _without_fastapis_own_422(schema: dict[str, Any]) -> dict[str, Any]:
    """FastAPI describes its own validation error on every route; no provider answers in that shape."""
    components = schema["components"].get("schemas", {})
    components.pop("HTTPValidationError", None)
    components.pop("ValidationError", None)
    for operations in schema["paths"].values():
        for operation in operations.values():
            described = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
            if described.get("schema", {}).get("$ref", "").endswith("/HTTPValidationError"):
                del operation["responses"]["422"]
    return schema
