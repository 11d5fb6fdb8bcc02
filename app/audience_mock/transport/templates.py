"""Answers assembled from JSON that is already text: a model gives the keys and their order, once."""

from collections.abc import Container, Mapping

from pydantic import BaseModel
from pydantic_core import to_json

NULL, TRUE, FALSE = b"null", b"true", b"false"

Pieces = Mapping[bytes, bytes]
"""JSON text by key."""


def template(model: type[BaseModel], *, without: Container[str] = ()) -> bytes:
    """A compact object with the model's keys in its order, to be filled with Pieces by `%`."""
    keys = (field.alias or name for name, field in model.model_fields.items() if name not in without)
    return b"{%b}" % b",".join(b'"%b":%%(%b)b' % (key.encode(), key.encode()) for key in keys)


def text(value: str | None) -> bytes:
    """A string, or null, as compact JSON."""
    return NULL if value is None else to_json(value)
