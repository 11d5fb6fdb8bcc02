"""Requests read by pydantic: a query or a JSON document in bytes, a form's fields."""

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from audience_mock.web.body import MAX_CONTAINERS, unsupported_values
from audience_mock.web.errors import InvalidInputError, MalformedBodyError

Model = TypeVar("Model", bound=BaseModel)

_NINES = bytes.maketrans(b"012345678e", b"999999999E")
"""Makes digits alike, and exponents."""


def validated(
    model: type[Model],
    values: Mapping[str, Any],
    place: Literal["query", "body"] = "body",
    options: Any = None,
) -> Model:
    """The model that the parameters of a query or a form make. Its validators may ask for the provider's
    options, which are pydantic's context. Raises InvalidInputError."""
    try:
        return model.model_validate(values, context=options)
    except ValidationError as error:
        details = cast(list[dict[str, Any]], error.errors(include_url=False))
        raise InvalidInputError(place, details, model) from None


def parse_query(model: type[Model], query: bytes, options: Any = None) -> Model:
    """As `validated`, of a query as it came; of a name that comes several times, the last value. Raises
    InvalidInputError."""
    return validated(
        model, dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)), "query", options
    )


def parse_json(
    raw: bytes,
    model: type[Model],
    max_containers: int = MAX_CONTAINERS,
    options: Any = None,
    *,
    strict: bool = False,
) -> Model:
    """The model that the bytes of a JSON document make; options as for `validated`. Raises
    MalformedBodyError, InvalidInputError."""
    if raw.count(b"[") + raw.count(b"{") > max_containers:
        raise MalformedBodyError(f"The body has more than {max_containers} arrays and objects")
    try:
        value = model.model_validate_json(raw, context=options, strict=strict or None)
    except ValidationError as error:
        details = cast(list[dict[str, Any]], error.errors(include_url=False))
        if details[0]["type"] == "json_invalid":
            raise MalformedBodyError(f"The body is not JSON: {details[0]['ctx']['error']}") from None
        raise InvalidInputError("body", details, model) from None
    if _may_hold_unsupported_values(raw):
        for unsupported in unsupported_values(json.loads(raw)):
            raise MalformedBodyError(f"The body holds a {unsupported}")
    return value


def _may_hold_unsupported_values(raw: bytes) -> bool:
    """Makes the search unnecessary for most bodies: a number of under 200 digits and an exponent of one digit
    is finite."""
    alike = raw.translate(_NINES)
    return (
        b"E99" in alike
        or b"E+99" in alike
        or rb"\u9999" in alike
        or b"NaN" in alike
        or b"Infinity" in alike
        or b"9" * 200 in alike
    )
