"""Values of a rule in the forms in which they may be sent, made one form: before pydantic checks them."""

import re
from typing import Any

from pydantic import ValidationInfo
from pydantic_core import PydanticKnownError, to_json

from audience_mock.providers.pinterest.api_versions import is_before_5_28


def unwrap_single(value: Any) -> Any:
    """The prose has a list of one where the schema has the one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def first_item(value: Any) -> Any:
    """The prose lists the items of an order where the schema has one; chosen: the first comes back."""
    return value[0] if isinstance(value, list) and value else value


def as_list(value: Any) -> Any:
    """The prose has the one where the schema has a list."""
    return [value] if isinstance(value, str) else value


def as_integer(value: Any) -> Any:
    """The prose has digits in quotes where the schema has an integer."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def as_text(value: Any) -> Any:
    """The prose has a number where the schema has a string."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def as_url_list(value: Any) -> Any:
    """The schema has a list of strings; the prose also a string, and an object of operator and value.

    Chosen: the object comes back as its JSON text in a list of one, which loses nothing and is of the
    schema's type.
    """
    if (
        isinstance(value, dict)
        and value
        and all(
            operator in ("=", "!=", "contains", "not_contains") and isinstance(operand, str)
            for operator, operand in value.items()
        )
    ):
        return [to_json(value).decode()]
    return as_list(value)


def as_ids(value: Any) -> Any:
    """From 5.28 on the schema has integers too. Chosen: they come back as the strings that were recorded."""
    if isinstance(value, list) and value and all(type(item) is int for item in value):
        return [str(item) for item in value]
    return as_list(value)


def as_ids_of_version(value: Any, info: ValidationInfo) -> Any:
    if is_before_5_28(info.context):
        return as_list(value)
    return as_ids(value)


def match_digits(text: str) -> str:
    if not re.fullmatch(r"[0-9]+", text):
        raise PydanticKnownError("string_pattern_mismatch", {"pattern": "^[0-9]+$"})
    return text


def one_source_before(value: Any) -> Any:
    """One id, in digits; 5.28 has any text, or a list."""
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    return match_digits(value)


def number_before(value: Any) -> Any:
    """5.28 has any text, too."""
    if not isinstance(value, int):
        raise PydanticKnownError("int_type")
    return value
