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

from audience_mock.transport import bodies, faults
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.choosing import ASKS_FOR_FAULT
from audience_mock.transport.errors import InvalidInput, Malformed
from audience_mock.transport.journal import note

log = logging.getLogger("audience_mock")

_NINES = bytes.maketrans(b"012345678e", b"999999999E")
"""Makes digits alike, and exponents."""

MAX_CONTAINERS = 10_000
"""Arrays and objects in one body. Chosen: brackets are cheap to send and dear to work through."""


Handler = Callable[..., Awaitable[Answer]]


class MockRoute(APIRoute):
    """A route of a dialect. A handler takes a `Call`, the path's parameters, at most one query model and
    at most one body model, and answers an `Answer`."""

    max_body_bytes = bodies.MAX_BODY_BYTES
    max_containers = MAX_CONTAINERS
    meets_faults = True
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
    def _read(self) -> Callable[[Call], Awaitable[Answer]]:
        """Calls the handler with what it asks for: read here, if that is what `_Inputs` knows, and by FastAPI if
        it asks for more: dependencies, headers, cookies, forms."""
        inputs = _Inputs(self.endpoint, self)
        if inputs.are_all:

            async def read(call: Call) -> Answer:
                return await self.endpoint(**await inputs.read(call))

            return read
        handler = self.get_route_handler()

        async def by_fastapi(call: Call) -> Answer:
            async with AsyncExitStack() as request_stack, AsyncExitStack() as function_stack:
                call.scope["fastapi_inner_astack"] = request_stack
                call.scope["fastapi_function_astack"] = function_stack
                return await handler(call)

        return by_fastapi

    def admit(self, call: Call) -> None:
        """Let a caller in, or raise. Runs before anything of the request but its head was read."""
        raise NotImplementedError

    def reads_strictly(self, call: Call) -> bool:
        """Whether a JSON body is read in pydantic's strict mode."""
        return False

    def refuse(self, call: Call, error: Exception) -> Answer:
        """The dialect's answer to whatever was raised."""
        raise NotImplementedError

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self.methods:
            raise HTTPException(405)
        call = Call(scope, receive, send)
        broken: faults.Broken | None = None
        if self.meets_faults and (call.world.faults.planned or ASKS_FOR_FAULT in scope):
            answer, broken = await faults.answer(self, call)
        else:
            answer = await self.answer(call)
        note(call, self.operation_id, answer)
        if broken is not None:
            await broken.deliver(call, answer, send)
        elif answer is not None:
            await answer(scope, receive, send)

    async def answer(self, call: Call) -> Answer | None:
        """What the operation says, or why not; None if there is nobody to be told."""
        try:
            self.admit(call)
            return await self._read(call)
        except ClientDisconnect:
            log.info("%s %s: the client went away; nothing was kept", call.method, call.url.path)
            return None
        except Exception as error:  # noqa: BLE001 - the dialect has an answer to anything
            return self.refuse(call, error)


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
            if hint is Call:
                self._call = name
            elif name in path_names:
                self._path.append((name, _adapter(hint).validator.validate_python))
            elif _is_query(hint):
                self._query = (name, get_args(hint)[0])
            else:
                self._body = (name, hint)

    async def read(self, call: Call) -> dict[str, Any]:
        """Raises InvalidInput, Malformed, BodyTooLarge, UnsupportedContentType, ClientDisconnect."""
        arguments: dict[str, Any] = {self._call: call}
        for name, validate in self._path:
            try:
                arguments[name] = validate(call.scope["path_params"][name])
            except ValidationError as error:
                details = cast(list[dict[str, Any]], error.errors(include_url=False))
                raise InvalidInput("path", [{**details[0], "loc": (name,)}]) from None
        if self._query is not None:
            name, model = self._query
            given = dict(parse_qsl(call.scope["query_string"].decode("latin-1"), keep_blank_values=True))
            arguments[name] = validated(model, given, "query", call.options)
        if self._body is not None:
            if not self._takes_bare_bodies:
                bodies.check_json(call)
            name, model = self._body
            raw = await bodies.read_whole(call, self._max_body_bytes)
            if self._takes_bare_bodies:
                raw = raw or b"{}"
            if len(raw) <= bodies.MAX_BODY_BYTES:
                arguments[name] = self._parsed(call, raw, model)
            else:
                # Step by step beside the event loop: each step of a large body takes a tenth of a second.
                arguments[name] = await to_thread(self._parsed, call, raw, model)
        return arguments

    def _parsed(self, call: Call, raw: bytes, model: type[BaseModel]) -> Any:
        strictly = self._route.reads_strictly(call)
        return parse_json(raw, model, self._max_containers, call.options, strictly=strictly)


Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model],
    values: Mapping[str, Any],
    place: Literal["query", "body"] = "body",
    options: Any = None,
) -> Model:
    """The model that the parameters of a query or a form make; its validators may ask for the dialect's
    options, as pydantic's context. Raises InvalidInput."""
    try:
        return model.model_validate(values, context=options)
    except ValidationError as error:
        details = cast(list[dict[str, Any]], error.errors(include_url=False))
        raise InvalidInput(place, details) from None


def parse_json(
    raw: bytes,
    model: type[BaseModel],
    max_containers: int = MAX_CONTAINERS,
    options: Any = None,
    *,
    strictly: bool = False,
) -> Any:
    """The model that the bytes of a JSON document make; its validators may ask for the dialect's options, as
    pydantic's context. Raises Malformed, InvalidInput."""
    if raw.count(b"[") + raw.count(b"{") > max_containers:
        raise Malformed(f"The body has more than {max_containers} arrays and objects")
    try:
        value = model.model_validate_json(raw, context=options, strict=strictly or None)
    except ValidationError as error:
        details = cast(list[dict[str, Any]], error.errors(include_url=False))
        if details[0]["type"] == "json_invalid":
            raise Malformed(f"The body is not JSON: {details[0]['ctx']['error']}") from None
        raise InvalidInput("body", details) from None
    if _is_suspect(raw):
        for oddity in bodies.oddities(json.loads(raw)):
            raise Malformed(f"The body holds a {oddity}")
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
