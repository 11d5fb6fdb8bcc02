"""The route class: who may call, what came, what the core says, what goes back; in that order.

FastAPI makes the description from a handler's signature; this class reads the request by the same
signature, with pydantic on the body's own bytes. FastAPI's request handling costs more than the
database, and it would look at the body before the caller.
"""

import inspect
import json
import logging
import re
from asyncio import to_thread
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from audience_mock.transport import bodies, faults
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.choosing import ASKS_FOR_FAULT
from audience_mock.transport.errors import InvalidInput, Malformed
from audience_mock.transport.journal import note

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

log = logging.getLogger("audience_mock")

_NINES = bytes.maketrans(b"012345678e", b"999999999E")
"""Makes digits alike, and exponents."""

MAX_CONTAINERS = 10_000
"""Arrays and objects in one body. Chosen: brackets are cheap to send and dear to work through."""


Handler = Callable[..., Awaitable[Answer]]
H = TypeVar("H", bound=Handler)


class Query:
    """Marks the model of a handler that is read from the query, in the place of FastAPI's own mark."""


class MockRoute:
    """A route of a dialect. A handler takes a `Call`, the path's parameters, at most one query model and
    at most one body model, and answers an `Answer`.

    `more` is what FastAPI's routes take besides, for the description. What a request needs is made when the
    first one comes.
    """

    max_body_bytes = bodies.MAX_BODY_BYTES
    max_containers = MAX_CONTAINERS
    meets_faults = True
    takes_bare_bodies = False
    """Whether a body may come without a word of what it is, or not at all, which is `{}`."""

    def __init__(
        self, path: str, endpoint: Handler, *, methods: Iterable[str], operation_id: str, **more: Any
    ) -> None:
        self.path = path
        self.methods = set(methods)
        self.endpoint = endpoint
        self.operation_id = operation_id
        self._more = more

    @cached_property
    def matches(self) -> Callable[[str], re.Match[str] | None]:
        """Finds the parameters in a path, if it is one of this route."""
        return compile_path(self.path)[0].match

    @cached_property
    def _inputs(self) -> "_Inputs":
        return _Inputs(self.endpoint, self)

    def described(self) -> "APIRoute":
        """As a route of FastAPI's, which describes it. FastAPI is a fifth of a start, so it is imported when
        somebody asks for a description."""
        from fastapi.routing import APIRoute

        return APIRoute(
            self.path,
            _as_fastapi_takes_it(self.endpoint),
            methods=[*self.methods],
            operation_id=self.operation_id,
            **self._more,
        )

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
            return await self.endpoint(**await self._inputs.read(call))
        except ClientDisconnect:
            log.info("%s %s: the client went away; nothing was kept", call.method, call.url.path)
            return None
        except Exception as error:  # noqa: BLE001 - the dialect has an answer to anything
            return self.refuse(call, error)


class Router:
    """Collects the routes of a resource, as FastAPI's router does; `more` goes to each of them."""

    def __init__(self, route_class: type[MockRoute], *, prefix: str = "", **more: Any) -> None:
        self.routes: list[MockRoute] = []
        self._route_class = route_class
        self._prefix = prefix
        self._more = more

    def get(self, path: str, **more: Any) -> Callable[[H], H]:
        return self._route("GET", path, more)

    def post(self, path: str, **more: Any) -> Callable[[H], H]:
        return self._route("POST", path, more)

    def put(self, path: str, **more: Any) -> Callable[[H], H]:
        return self._route("PUT", path, more)

    def patch(self, path: str, **more: Any) -> Callable[[H], H]:
        return self._route("PATCH", path, more)

    def delete(self, path: str, **more: Any) -> Callable[[H], H]:
        return self._route("DELETE", path, more)

    def _route(self, method: str, path: str, more: Mapping[str, Any]) -> Callable[[H], H]:
        def add(handler: H) -> H:
            whole = self._prefix + path
            self.routes.append(self._route_class(whole, handler, methods=[method], **self._more, **more))
            return handler

        return add


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


def _as_fastapi_takes_it(handler: Handler) -> Callable[..., Any]:
    """A function of the same signature, name and docstring, with FastAPI's own mark of a query."""
    from fastapi import Query as FastAPIsQuery

    def shown() -> None:
        raise NotImplementedError

    hints = get_type_hints(handler, include_extras=True)
    signature = inspect.signature(handler)
    parameters = []
    for parameter in signature.parameters.values():
        hint = hints[parameter.name]
        if _is_query(hint):
            hint = Annotated[get_args(hint)[0], FastAPIsQuery()]
        parameters.append(parameter.replace(annotation=hint))
    shown.__name__, shown.__doc__ = handler.__name__, handler.__doc__
    # An Answer is bytes: what is in it says `response_model`.
    bare = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    shown.__signature__ = bare  # type: ignore[attr-defined]
    return shown


def _is_query(hint: Any) -> bool:
    return get_origin(hint) is Annotated and any(isinstance(part, Query) for part in get_args(hint))
