"""FastAPI's route class, with its order of things: the caller before the body, faults before both.

FastAPI routes to it and describes it; this class reads the request by the handler's signature, with
pydantic on the body's own bytes.
"""

import inspect
import json
import logging
from asyncio import to_thread
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from functools import cache, cached_property
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from fastapi import HTTPException, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect
from starlette.routing import Route, compile_path
from starlette.types import Receive, Scope, Send

from audience_mock.web import body as bodies
from audience_mock.web import faults
from audience_mock.web.errors import InvalidInputError, MalformedBodyError
from audience_mock.web.journal import note
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.world_selection import ASKS_FOR_FAULT

log = logging.getLogger("audience_mock")

_NINES = bytes.maketrans(b"012345678e", b"999999999E")
"""Makes digits alike, and exponents."""

MAX_CONTAINERS = 10_000
"""Arrays and objects in one body. Chosen: brackets are cheap to send and dear to work through."""


Handler = Callable[..., Awaitable[RawResponse]]


class MockRoute(APIRoute):
    """A route of a provider. A handler takes a `MockRequest`, the path's parameters, at most one query model
    and at most one body model, and answers an `RawResponse`."""

    max_body_bytes = bodies.MAX_BODY_BYTES
    max_containers = MAX_CONTAINERS
    subject_to_faults = True
    takes_bare_bodies = False
    """Whether a body may come without a word of what it is, or not at all, which is `{}`."""

    def __init__(self, path: str, endpoint: Handler, *, methods: Collection[str], **more: Any) -> None:
        Route.__init__(self, path, endpoint, methods=methods)
        self.methods = set(methods)
        self.operation_id = more["operation_id"]
        self._more: dict[str, Any] | None = {"methods": methods, **more}

    def __getattr__(self, name: str) -> Any:
        """What FastAPI knows of a route is made when it is asked for, to describe it: a start has no use for
        it, and it takes a fifth of one."""
        more = self.__dict__.pop("_more", None)
        if more is None:
            raise AttributeError(name)
        super().__init__(self.path, self.endpoint, **more)
        return getattr(self, name)

    @cached_property
    def _read(self) -> Callable[[MockRequest], Awaitable[RawResponse]]:
        """Calls the handler with what it asks for: read here, if that is what `_Inputs` knows, and by FastAPI
        if it asks for more: dependencies, headers, cookies, forms."""
        inputs = _Inputs(self.endpoint, self)
        if inputs.are_all:

            async def read(request: MockRequest) -> RawResponse:
                return await self.endpoint(**await inputs.read(request))

            return read
        handler = self.get_route_handler()

        async def by_fastapi(request: MockRequest) -> RawResponse:
            async with AsyncExitStack() as request_stack, AsyncExitStack() as function_stack:
                request.scope["fastapi_inner_astack"] = request_stack
                request.scope["fastapi_function_astack"] = function_stack
                return await handler(request)

        return by_fastapi

    def authorize(self, request: MockRequest) -> None:
        """Let a caller in, or raise. Runs before anything of the request but its head was read."""
        raise NotImplementedError

    def reads_strictly(self, request: MockRequest) -> bool:
        """Whether a JSON body is read in pydantic's strict mode."""
        return False

    def error_response(self, request: MockRequest, error: Exception) -> RawResponse:
        """The provider's answer to whatever was raised."""
        raise NotImplementedError

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self.methods:
            raise HTTPException(405)
        request = MockRequest(scope, receive, send)
        broken: faults.BrokenDelivery | None = None
        if self.subject_to_faults and (request.world.faults.planned or ASKS_FOR_FAULT in scope):
            response, broken = await faults.response(self, request)
        else:
            response = await self.response(request)
        note(request, self.operation_id, response)
        if broken is not None:
            await broken.deliver(request, response, send)
        elif response is not None:
            await response(scope, receive, send)

    async def response(self, request: MockRequest) -> RawResponse | None:
        """What the operation says, or why not; None if there is nobody to be told."""
        try:
            self.authorize(request)
            return await self._read(request)
        except ClientDisconnect:
            log.info("%s %s: the client went away; nothing was kept", request.method, request.url.path)
            return None
        except Exception as error:  # noqa: BLE001 - the provider has an answer to anything
            return self.error_response(request, error)


class _Inputs:
    """Reads a handler's arguments from a request, as its signature says."""

    def __init__(self, handler: Handler, route: MockRoute) -> None:
        self._route = route
        self._max_body_bytes = route.max_body_bytes
        self._max_containers = route.max_containers
        self._takes_bare_bodies = route.takes_bare_bodies
        path_names = set(compile_path(route.path)[2])
        self._call = ""
        self._path: list[tuple[str, Callable[[Any], Any]]] = []
        self._query: tuple[str, type[BaseModel]] | None = None
        self._body: tuple[str, type[BaseModel]] | None = None
        hints = get_type_hints(handler, include_extras=True)
        self.are_all = not any(map(_is_fastapis, hints.values()))
        for name in inspect.signature(handler).parameters:
            hint = hints[name]
            if hint is MockRequest:
                self._call = name
            elif name in path_names:
                self._path.append((name, _adapter(hint).validator.validate_python))
            elif _is_query(hint):
                self._query = (name, get_args(hint)[0])
            else:
                self._body = (name, hint)

    async def read(self, request: MockRequest) -> dict[str, Any]:
        """Raises InvalidInputError, MalformedBodyError, BodyTooLargeError, UnsupportedContentTypeError,
        ClientDisconnect."""
        arguments: dict[str, Any] = {self._call: request}
        for name, validate in self._path:
            try:
                arguments[name] = validate(request.scope["path_params"][name])
            except ValidationError as error:
                details = cast(list[dict[str, Any]], error.errors(include_url=False))
                raise InvalidInputError("path", [{**details[0], "loc": (name,)}]) from None
        if self._query is not None:
            name, model = self._query
            given = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
            arguments[name] = validated(model, given, "query", request.options)
        if self._body is not None:
            if not self._takes_bare_bodies:
                bodies.check_json(request)
            name, model = self._body
            raw = await bodies.read_whole(request, self._max_body_bytes)
            if self._takes_bare_bodies:
                raw = raw or b"{}"
            if len(raw) <= bodies.MAX_BODY_BYTES:
                arguments[name] = self._parsed(request, raw, model)
            else:
                # Step by step beside the event loop: each step of a large body takes a tenth of a second.
                arguments[name] = await to_thread(self._parsed, request, raw, model)
        return arguments

    def _parsed(self, request: MockRequest, raw: bytes, model: type[BaseModel]) -> Any:
        strictly = self._route.reads_strictly(request)
        return parse_json(raw, model, self._max_containers, request.options, strictly=strictly)


Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model],
    values: Mapping[str, Any],
    place: Literal["query", "body"] = "body",
    options: Any = None,
) -> Model:
    """The model that the parameters of a query or a form make; its validators may ask for the provider's
    options, as pydantic's context. Raises InvalidInputError."""
    try:
        return model.model_validate(values, context=options)
    except ValidationError as error:
        details = cast(list[dict[str, Any]], error.errors(include_url=False))
        raise InvalidInputError(place, details) from None


def parse_json(
    raw: bytes,
    model: type[BaseModel],
    max_containers: int = MAX_CONTAINERS,
    options: Any = None,
    *,
    strictly: bool = False,
) -> Any:
    """The model that the bytes of a JSON document make; its validators may ask for the provider's options, as
    pydantic's context. Raises MalformedBodyError, InvalidInputError."""
    if raw.count(b"[") + raw.count(b"{") > max_containers:
        raise MalformedBodyError(f"The body has more than {max_containers} arrays and objects")
    try:
        value = model.model_validate_json(raw, context=options, strict=strictly or None)
    except ValidationError as error:
        details = cast(list[dict[str, Any]], error.errors(include_url=False))
        if details[0]["type"] == "json_invalid":
            raise MalformedBodyError(f"The body is not JSON: {details[0]['ctx']['error']}") from None
        raise InvalidInputError("body", details) from None
    if _is_suspect(raw):
        for oddity in bodies.unsupported_values(json.loads(raw)):
            raise MalformedBodyError(f"The body holds a {oddity}")
    return value


def _is_suspect(raw: bytes) -> bool:
    """Whether a body may hold an oddity: what valid JSON, or what pydantic takes for it, can write and no API
    means. A number of under 200 digits and an exponent of one is finite. This spares most bodies the walk."""
    alike = raw.translate(_NINES)
    return (
        b"E99" in alike
        or b"E+99" in alike
        or rb"\u9999" in alike
        or b"NaN" in alike
        or b"Infinity" in alike
        or b"9" * 200 in alike
    )


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    """One adapter for each kind of path parameter: they are slow to build."""
    return TypeAdapter(hint)


def _is_fastapis(hint: Any) -> bool:
    return get_origin(hint) is Annotated and any(
        isinstance(part, params.Depends | params.Header | params.Cookie | params.Form)
        for part in get_args(hint)
    )


def _is_query(hint: Any) -> bool:
    return get_origin(hint) is Annotated and any(isinstance(part, params.Query) for part in get_args(hint))
