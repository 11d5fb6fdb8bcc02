"""Fields that no operation reads: names in a query or a body that the operation does not have."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from fastapi.routing import iter_route_contexts
from pydantic import AliasChoices, BaseModel
from typing_extensions import is_typeddict

from audience_mock.web.conduct.calls import Call
from audience_mock.web.conduct.checks import Check, Subject
from audience_mock.web.conduct.rules import Rule
from audience_mock.web.evidence import chosen
from audience_mock.web.route import MockRoute

UNREAD = Rule(
    id="AM401",
    name="unread-field",
    severity="warning",
    summary="A request that succeeded had fields that the operation does not have.",
    fix="look for a misspelled name, or leave the field out",
    evidence=chosen("the API accepts and ignores, or echoes, what it does not know, so nothing else tells"),
)

MAX_DEPTH = 8
"""Levels of a body that are looked into. Chosen: no described body has as many."""
MAX_NAMED, MAX_NAME = 5, 60
"""Fields that a finding names, and characters of each. Chosen: it stays one line."""
MAX_ITEMS = 100
"""Items of a list that are looked into. Chosen: they are usually alike."""


class Fields(Check):
    RULES = (UNREAD,)

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._routes: dict[str, Mapping[str, MockRoute]] = {}

    def see(self, call: Call) -> None:
        if not call.is_success or not (call.recorded.query or call.recorded.body):
            return
        route = self._routes_of(call.api).get(call.operation or "")
        if route is None:
            return
        # A lone underscore keeps caches out (jQuery).
        more = {"_", *self.facts(call).more_fields.get(route.operation_id, ())}
        unread = [f"?{name}" for name in _unread_parameters(route, call) if name not in more]
        if route.body_models and isinstance(call.body, dict):
            unread += (name for name in _unread(route.body_models, call.body) if name not in more)
        if unread:
            names = ", ".join(name[:MAX_NAME] for name in dict.fromkeys(unread[:MAX_NAMED]))
            self.report(UNREAD, f"{call} sent what it does not have: {names}", [call], about=names)

    def _routes_of(self, api: str) -> Mapping[str, MockRoute]:
        if api not in self._routes:
            routes = [route for router in self.subject.providers[api].routers for route in router.routes]
            originals = (context.original_route for context in iter_route_contexts(routes))
            self._routes[api] = {
                route.operation_id: route for route in originals if isinstance(route, MockRoute)
            }
        return self._routes[api]


def _unread_parameters(route: MockRoute, call: Call) -> Iterator[str]:
    if route.are_arguments_known and route.include_in_schema:
        known = set() if route.query_model is None else set(_fields(route.query_model) or ())
        yield from (name for name in call.query if name not in known)


def _unread(types: Iterable[Any], value: Mapping[str, Any]) -> list[str]:
    return list(_unread_in(tuple(types), value, "", MAX_DEPTH))


def _unread_in(types: tuple[Any, ...], value: Any, path: str, depth: int) -> Iterator[str]:
    """The paths of keys that none of these types has."""
    if depth == 0:
        return
    if isinstance(value, list):
        items = tuple(argument for one in types if get_origin(one) is list for argument in get_args(one))
        # A list of one stands for the one in some fields, and the other way round.
        for each in value[:MAX_ITEMS]:
            yield from _unread_in(_flat(items or types), each, f"{path}[]", depth - 1)
        return
    flat = _flat(types)
    objects = [fields for one in flat if (fields := _fields(one)) is not None]
    if (
        not isinstance(value, dict)
        or not objects
        or any(one is Any or get_origin(one) is dict for one in flat)
    ):
        return
    for key, each in value.items():
        found = [fields[key] for fields in objects if key in fields]
        name = f"{path}.{key}" if path else key
        if not found:
            yield name
        else:
            yield from _unread_in(_flat(found), each, name, depth - 1)


def _flat(types: Iterable[Any]) -> tuple[Any, ...]:
    """The types with the members of unions in their place, and without what is annotated to them."""
    flat: list[Any] = []
    for one in types:
        origin = get_origin(one)
        if origin in (Union, UnionType):
            flat += _flat(get_args(one))
        elif hasattr(one, "__metadata__"):
            flat += _flat((get_args(one)[0],))
        else:
            flat.append(one)
    return tuple(flat)


@cache
def _fields(of: Any) -> Mapping[str, Any] | None:
    """The types of a model's or a typed dictionary's fields by their names on the wire; None for others."""
    if is_typeddict(of):
        return get_type_hints(of)
    if not (inspect.isclass(of) and issubclass(of, BaseModel)):
        return None
    return {name: field for field_name in of.model_fields for name, field in _named(of, field_name)}


def _named(model: type[BaseModel], field_name: str) -> Iterator[tuple[str, Any]]:
    field = model.model_fields[field_name]
    alias = field.validation_alias or field.alias
    names = alias.choices if isinstance(alias, AliasChoices) else [alias or field_name]
    for name in names:
        if isinstance(name, str):
            yield name, field.annotation
