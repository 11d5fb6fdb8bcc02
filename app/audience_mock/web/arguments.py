"""A handler's arguments, which pydantic reads from a request's bytes: the path's parameters, a query model, a
body model."""

import inspect
from asyncio import to_thread
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args, get_origin, get_type_hints

from fastapi import params
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.routing import compile_path

from audience_mock.web import body
from audience_mock.web.errors import InvalidInputError
from audience_mock.web.request import MockRequest
from audience_mock.web.validation import parse_json, parse_query

if TYPE_CHECKING:
    from audience_mock.web.route import MockRoute


class Arguments:
    """Reads a handler's arguments from a request, as its signature says."""

    def __init__(self, handler: Any, route: "MockRoute") -> None:
        self._route = route
        path_names = set(compile_path(route.path)[2])
        self._request: str | None = None
        self._path: list[tuple[str, Callable[..., Any]]] = []
        self._query: tuple[str, type[BaseModel]] | None = None
        self._body: tuple[str, type[BaseModel]] | None = None
        self.are_complete = True
        """Whether the handler takes nothing else."""
        hints = get_type_hints(handler, include_extras=True)
        for name in inspect.signature(handler).parameters:
            hint = hints.get(name, str)
            if hint is MockRequest:
                self._request = name
            elif name in path_names:
                self._path.append((name, _adapter(hint).validator.validate_python))
            elif _is_model_in(params.Query, hint):
                self._query = (name, get_args(hint)[0])
            elif inspect.isclass(hint) and issubclass(hint, BaseModel) and self._body is None:
                self._body = (name, hint)
            else:
                self.are_complete = False

    @property
    def query_model(self) -> type[BaseModel] | None:
        return None if self._query is None else self._query[1]

    @property
    def body_model(self) -> type[BaseModel] | None:
        return None if self._body is None else self._body[1]

    async def read(self, request: MockRequest) -> dict[str, Any]:
        """Raises InvalidInputError, MalformedBodyError, BodyTooLargeError, UnsupportedContentTypeError,
        ClientDisconnect."""
        arguments: dict[str, Any] = {}
        if self._request is not None:
            arguments[self._request] = request
        for name, validate in self._path:
            try:
                arguments[name] = validate(request.scope["path_params"][name], context=request.options)
            except ValidationError as error:
                details = cast(list[dict[str, Any]], error.errors(include_url=False))
                raise InvalidInputError("path", [{**details[0], "loc": (name,)}]) from None
        if self._query is not None:
            name, model = self._query
            arguments[name] = parse_query(model, request.scope["query_string"], request.options)
        if self._body is not None:
            name, model = self._body
            arguments[name] = await self._read_body(request, model)
        return arguments

    async def _read_body(self, request: MockRequest, model: type[BaseModel]) -> BaseModel:
        route = self._route
        if not route.accepts_bare_bodies:
            body.check_json(request)
        raw = await body.read_whole(request, route.max_body_bytes)
        if route.accepts_bare_bodies:
            raw = body.without_mark(raw) or b"{}"
        strict = route.is_strict(request)
        if len(raw) <= body.MAX_BODY_BYTES:
            return parse_json(raw, model, route.max_containers, request.options, strict=strict)
        # Beside the event loop: a large body takes a tenth of a second.
        return await to_thread(route.parse, raw, model, route.max_containers, request.options, strict=strict)


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    """One adapter for each kind of path parameter: they are slow to build."""
    return TypeAdapter(hint)


def _is_model_in(place: type[params.Param], hint: Any) -> bool:
    """Whether a hint is a model whose fields are read from there, as `Annotated[Filter, Query()]`."""
    if get_origin(hint) is not Annotated:
        return False
    kind, *marks = get_args(hint)
    return (
        inspect.isclass(kind)
        and issubclass(kind, BaseModel)
        and any(isinstance(mark, place) for mark in marks)
    )
