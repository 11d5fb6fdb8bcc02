"""Answers assembled from JSON that is already text: a model gives the keys and their order, once."""

from collections.abc import Container, Mapping
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

NULL, TRUE, FALSE = b"null", b"true", b"false"

Pieces = Mapping[bytes, bytes]
"""JSON text by key."""


def template(model: type[BaseModel], *, without: Container[str] = ()) -> bytes:
    """A compact object with the model's keys in its order, to be filled with Pieces by `%`."""
    keys = _keys(model, without)
    return b"{%b}" % b",".join(b'"%b":%%(%b)b' % (key.encode(), key.encode()) for key in keys)


def _keys(model: type[BaseModel], without: Container[str]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items() if name not in without]


class Form:
    """As `template`, in less than half the time, for what is answered by the hundred: filled with a tuple of
    the values that vary, always in the order of `forms`, which says how each key is written."""

    def __init__(
        self, model: type[BaseModel], forms: Mapping[str, str], *, without: Container[str] = ()
    ) -> None:
        keys = _keys(model, without)
        varying = [key for key, form in forms.items() if "%" in form]
        self._format = "{" + ",".join(f'"{key}":{forms[key]}' for key in keys) + "}"
        order = [varying.index(key) for key in keys if key in varying]
        self._pick = None if order == [*range(len(varying))] else itemgetter(*order)

    def fill(self, values: tuple[Any, ...]) -> str:
        filled: str = self._format % (values if self._pick is None else self._pick(values))
        return filled


def quoted(value: str | None) -> str:
    """As `text`, for a Form."""
    return "null" if value is None else encode_basestring(value)


def text(value: str | None) -> bytes:
    """A string, or null, as compact JSON."""
    return NULL if value is None else to_json(value)
