"""What the core needs to know of the emulated APIs.

Each provider describes its own; `providers.registry` registers all of them before a store is opened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import PydanticKnownError, core_schema


@dataclass(frozen=True, kw_only=True)
class Api:
    """An API that has audiences.

    `audience_statuses` are those that a test can set, in the core's terms. `sequences` are the ids that
    clients see, by sequence, each with its first number; `audience_sequence` is that of its audiences.
    `definition_text` is the JSON text of what selects an audience's people, from a seed, in the form in which
    the API answers it; it raises ValueError or RecursionError for what it cannot answer. By default, the text
    stays as it is.
    """

    name: str
    audience_statuses: tuple[str, ...]
    audience_sequence: str
    sequences: Mapping[str, int] = field(default_factory=dict)
    definition_text: Callable[[str], str] = str


_registered: dict[str, Api] = {}


def register(api: Api) -> None:
    """Make an API known, in the place of an earlier one of its name."""
    _registered[api.name] = api


def registered() -> Mapping[str, Api]:
    """All known APIs by name, in the order of their registration."""
    return _registered


def public_sequences() -> dict[str, int]:
    """The sequences of ids that clients see, with their first numbers."""
    return {name: first for api in _registered.values() for name, first in api.sequences.items()}


class OneOf:
    """As a Literal, of names that are known once all providers are registered."""

    def __init__(self, *, sequences: bool = False, more: tuple[str, ...] = ()) -> None:
        self._sequences = sequences
        self._more = more

    def names(self) -> list[str]:
        return [*(public_sequences() if self._sequences else _registered), *self._more]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, name: str) -> str:
        names = self.names()
        if name not in names:
            *most, last = map(repr, names)
            expected = f"{', '.join(most)} or {last}" if most else last
            raise PydanticKnownError("literal_error", {"expected": expected})
        return name

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "enum": self.names()}


ApiName = Annotated[str, OneOf()]
