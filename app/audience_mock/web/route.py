"""FastAPI's route class, with this server's order of things: faults, then the caller, then the body.

FastAPI routes to a `MockRoute` and describes it as any other. The arguments that most handlers take (the
path's parameters, a query model, a body model) are read by `Arguments`: FastAPI would read the body before
the caller is known, and takes longer for it than the database does. A handler that asks for more (`Depends`,
`Header`, `Cookie`, `Form`, `File`) is called by FastAPI.
"""

import logging
import threading
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from functools import cached_property
from typing import Any, cast
from weakref import WeakKeyDictionary

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.convertors import Convertor, StringConvertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, compile_path
from starlette.types import Receive, Scope, Send

from audience_mock.core.controls.faults import IDENTITY_FAULT_ID
from audience_mock.core.errors import InvalidTextError, RejectedIdentityError
from audience_mock.web import body, faults
from audience_mock.web.arguments import Arguments
from audience_mock.web.context import route_path
from audience_mock.web.error_log import one_line
from audience_mock.web.errors import InjectedError, InvalidInputError, MalformedBodyError
from audience_mock.web.journal import record
from audience_mock.web.openapi import API_VERSIONS, BODIES
from audience_mock.web.request import MockRequest
from audience_mock.web.validation import parse_json

log = logging.getLogger("audience_mock")

_INCLUDED = "fastapi"
"""In the scope of a request to a router that FastAPI has included in another, perhaps with a prefix."""

_COMPILED = ("path_regex", "path_format", "param_convertors")

_DERIVING = threading.Lock()
"""Held while a route derives what FastAPI needs: a thread may describe it while requests arrive."""

Handler = Callable[..., Awaitable[Response]]
Call = Callable[[MockRequest], Awaitable[Response]]


class MockRoute(APIRoute):
    """A route of a provider, whose package subclasses it: who may call, and how errors are worded.

    A handler takes a `MockRequest`, the path's parameters, at most one query model and at most one body
    model, and returns a `RawResponse`; or it takes whatever FastAPI passes to a handler.
    """

    max_body_bytes = body.MAX_BODY_BYTES
    max_containers = body.MAX_CONTAINERS
    subject_to_faults = True
    matches_encoded_slashes = False
    """Whether a parameter of the path may have an encoded slash. Pinterest's and PitchTarget's ids have none,
    so such a path is none of theirs."""
    waits_for_long_transactions = False
    """Whether a handler may change a world other than by `World.transact`."""
    parse = staticmethod(parse_json)
    """How a large body becomes a model, beside the event loop."""
    accepts_bare_bodies = False
    """Whether a body may come without a content type, with a byte order mark, or not at all (`{}`)."""

    def __init__(
        self,
        path: str,
        endpoint: Handler,
        *,
        methods: Collection[str] | None = None,
        openapi_extra: dict[str, Any] | None = None,
        **described: Any,
    ) -> None:
        self.path = path
        self.endpoint = endpoint
        self.methods: set[str] = {method.upper() for method in methods or ("GET",)}
        extra = dict(openapi_extra or {})
        self.bodies: dict[str, Any] = extra.pop(BODIES, {})
        """What the handler reads by itself: models by content type."""
        self.security: list[dict[str, list[str]]] | None = extra.get("security")
        """OpenAPI's security requirements of this operation; None for those of the whole description."""
        self.api_versions: list[str] | None = extra.get(API_VERSIONS)
        """The only versions of the API that have this operation; None for all."""
        self.include_in_schema = described.get("include_in_schema", True)
        self.name = described.get("name") or endpoint.__name__
        self.operation_id: str = described.get("operation_id") or self.name
        self._described: dict[str, Any] | None = {
            **described,
            "methods": self.methods,
            "openapi_extra": extra or None,
        }
        self._fastapi_handlers: WeakKeyDictionary[FastAPI, Callable[[Request], Awaitable[Response]]] = (
            WeakKeyDictionary()
        )

    def __getattr__(self, name: str) -> Any:
        """What FastAPI and Starlette derive from a declaration is made when first asked for: the pattern
        of the path by a request; dependencies and response fields by the description, or by a handler that
        FastAPI calls. It would take a fifth of each start."""
        if name in _COMPILED:
            self.path_regex, self.path_format, self.param_convertors = compile_path(self.path)
            return self.__dict__[name]
        with _DERIVING:
            described = self.__dict__.get("_described")
            if described is not None:
                # Of FastAPI's own class, which asks nothing of this one: the lock is taken once.
                for derived, value in vars(APIRoute(self.path, self.endpoint, **described)).items():
                    self.__dict__.setdefault(derived, value)
                del self.__dict__["_described"]
        if name not in self.__dict__:
            raise AttributeError(name)
        return self.__dict__[name]

    # Decided by the provider

    def is_served(self, request: MockRequest) -> bool:
        """Whether the request's world has this operation."""
        return True

    def authorize(self, request: MockRequest) -> None:
        """Authenticate and authorize the caller, or raise. Runs before the body is read."""
        raise NotImplementedError

    def is_strict(self, request: MockRequest) -> bool:
        """Whether a JSON body is read in pydantic's strict mode."""
        return False

    def error_response(self, request: MockRequest, error: Exception) -> Response:
        """The provider's response to an exception."""
        raise NotImplementedError

    # How a request is handled

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As FastAPI's, but a route does not match by its path alone: which methods a path has is found out
        when no route took a request, so that all others look at half as many paths."""
        if _INCLUDED in scope:
            return super().matches(scope)
        if scope["type"] != "http" or scope["method"] not in self.methods:
            return Match.NONE, {}
        path = route_path(scope)
        found = self.path_regex.match(path)
        if found is None or ("%2F" in path and not self.matches_encoded_slashes):
            return Match.NONE, {}
        params = found.groupdict()
        for name, convertor in self._convertors.items():
            params[name] = convertor.convert(params[name])
        return Match.FULL, {"endpoint": self.endpoint, "path_params": params, "route": self}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self.methods:
            raise HTTPException(405)
        request = MockRequest(scope, receive, send)
        request.context.operation = self.operation_id
        if request.world.recording is not None:
            from audience_mock.web.recording import Tap

            request.tap = Tap(request)
        if self.subject_to_faults and (request.world.faults.planned or request.context.may_request_fault):
            response, broken = await faults.respond(self, request)
        else:
            response, broken = await self.respond(request), None
        if request.tap is not None:
            await request.tap.finish()
        record(request, self.operation_id, response)
        if broken is not None:
            await broken.deliver(request, response, send)
        elif response is not None:
            await response(scope, receive, send)

    async def respond(self, request: MockRequest, *, authorized: bool = False) -> Response | None:
        """The operation's response, or an error's; None if the client has disconnected. `authorized` is
        whether `authorize` was run."""
        try:
            if request.world.exclusive.blocks_reads:
                await request.world.exclusive.wait()
            if not authorized:
                self.authorize(request)
            if request.context.evidence is not None or request.world.rules.strict_evidence is not None:
                return await self._respond_by_evidence(request)
            body.check_encoding(request)
            return await self._call(request)
        except ClientDisconnect:
            path = one_line(request.scope["path"])
            log.info("%s %s: client disconnected; nothing was stored", request.method, path)
            return None
        except RequestValidationError as error:
            return self.error_response(request, _as_invalid_input(error))
        except RejectedIdentityError as error:
            request.context.fault = request.context.fault or IDENTITY_FAULT_ID
            return self.error_response(
                request, InjectedError(error.status, reason=error.reason, code=error.code)
            )
        except HTTPException as error:
            return self.error_response(request, InjectedError(error.status_code))
        except InvalidTextError as error:
            return self.error_response(request, MalformedBodyError(str(error)))
        except Exception as error:  # noqa: BLE001 - the provider has a response to anything
            return self.error_response(request, error)

    async def _respond_by_evidence(self, request: MockRequest) -> Response:
        from audience_mock.web import strict_evidence

        body.check_encoding(request)
        return await strict_evidence.respond(self, request, self._call)

    @cached_property
    def _convertors(self) -> dict[str, Convertor[Any]]:
        """Those that convert: most parameters stay text."""
        return {
            name: convertor
            for name, convertor in self.param_convertors.items()
            if not isinstance(convertor, StringConvertor)
        }

    @cached_property
    def _arguments(self) -> Arguments:
        return Arguments(self.endpoint, self)

    @property
    def are_arguments_known(self) -> bool:
        """Whether the handler takes nothing that FastAPI has to read."""
        return self._arguments.are_complete

    @property
    def query_model(self) -> type[BaseModel] | None:
        """The model of the query's parameters; None if the handler takes none."""
        return self._arguments.query_model

    @property
    def body_models(self) -> list[Any]:
        """The models of the body, those that the handler reads by itself among them."""
        model = self._arguments.body_model
        return [*self.bodies.values(), *([] if model is None else [model])]

    @cached_property
    def _call(self) -> Call:
        """Calls the handler with the arguments that it declares."""
        arguments = self._arguments
        endpoint = cast(Handler, self.endpoint)
        if arguments.are_complete:

            async def call(request: MockRequest) -> Response:
                read = await arguments.read(request)
                exclusive = request.world.exclusive
                if exclusive.is_taken and (exclusive.blocks_reads or self.waits_for_long_transactions):
                    await exclusive.wait()
                return await endpoint(**read)

            return call
        return self._call_by_fastapi

    async def _call_by_fastapi(self, request: MockRequest) -> Response:
        app: FastAPI = request.app
        handler = self._fastapi_handlers.get(app)
        if handler is None:
            # Routes are shared by all servers of a process, dependency overrides belong to one.
            self.dependency_overrides_provider = app
            handler = self._fastapi_handlers[app] = self.get_route_handler()
        # As FastAPI's own middleware and route have it; dependencies end before the response is sent.
        async with AsyncExitStack() as stack:
            for place in ("middleware", "inner", "function"):
                request.scope[f"fastapi_{place}_astack"] = stack
            return await handler(request)


def _as_invalid_input(error: RequestValidationError) -> InvalidInputError:
    """FastAPI's validation error as ours, for which the providers have messages. A header or cookie counts as
    query."""
    details = [dict(detail) for detail in error.errors()]
    place = details[0]["loc"][0]
    for detail in details:
        detail["loc"] = tuple(detail["loc"])[1:]
    return InvalidInputError(place if place in ("path", "body") else "query", details)
