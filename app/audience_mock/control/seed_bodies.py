"""Large seeds, read in slices: pydantic holds the interpreter for as long as it reads one document, and all
other requests wait for it."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel

from audience_mock.web.body import MAX_CONTAINERS
from audience_mock.web.errors import InvalidInputError, MalformedBodyError
from audience_mock.web.validation import parse_json

Model = TypeVar("Model", bound=BaseModel)

SLICE_CHARACTERS = 1 << 18
"""Of a section that are read at a time: some milliseconds."""

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class _NotSlicedError(Exception):
    """The document is not an object of known, distinct sections; or not JSON at all."""


def parse_in_slices(
    raw: bytes,
    model: type[Model],
    max_containers: int = MAX_CONTAINERS,
    options: Any = None,
    *,
    strict: bool = False,
) -> Model:
    """As `parse_json`, for a model whose fields are checked each by itself. What is not valid is read as a
    whole, so that its error is the same. Raises as `parse_json`."""
    values: dict[str, Any] = {}
    try:
        for document in _slices(raw.decode()):
            part = parse_json(document.encode(), model, max_containers, options, strict=strict)
            for name in part.model_fields_set:
                value = getattr(part, name)
                if name in values and isinstance(value, list):
                    values[name] += value
                else:
                    values[name] = value
    except (_NotSlicedError, InvalidInputError, MalformedBodyError, ValueError, RecursionError):
        return parse_json(raw, model, max_containers, options, strict=strict)
    return model.model_construct(_fields_set=set(values), **values)


def _slices(text: str) -> Iterator[str]:
    """Documents of one section each, or of some of its rows."""
    at, seen = _after(text, 0, "{"), set[str]()
    while True:
        start = at
        name, at = _DECODER.raw_decode(text, at)
        if not isinstance(name, str) or name in seen:
            raise _NotSlicedError
        seen.add(name)
        key = text[start:at]
        at = _after(text, at, ":")
        if text.startswith("[", at):
            for rows, after in _rows(text, at):
                yield f"{{{key}:[{rows}]}}"
                at = after
        else:
            start = at
            _, at = _DECODER.raw_decode(text, at)
            yield f"{{{key}:{text[start:at]}}}"
        at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
        if text.startswith("}", at):
            break
        at = _after(text, at, ",")
    if _BLANK.match(text, at + 1).end() != len(text):  # type: ignore[union-attr]
        raise _NotSlicedError


def _rows(text: str, at: int) -> Iterator[tuple[str, int]]:
    """The rows of an array in slices, each with where it ends."""
    at = start = _after(text, at, "[")
    if text.startswith("]", at):
        yield "", at + 1
        return
    while True:
        _, end = _DECODER.raw_decode(text, at)
        at = _BLANK.match(text, end).end()  # type: ignore[union-attr]
        if text.startswith("]", at):
            yield text[start:end], at + 1
            return
        at = _after(text, at, ",")
        if end - start >= SLICE_CHARACTERS:
            yield text[start:end], at
            start = at


def _after(text: str, at: int, mark: str) -> int:
    """Where the next value begins after a mark, with blanks on both sides."""
    at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
    if not text.startswith(mark, at):
        raise _NotSlicedError
    return _BLANK.match(text, at + 1).end()  # type: ignore[union-attr]
