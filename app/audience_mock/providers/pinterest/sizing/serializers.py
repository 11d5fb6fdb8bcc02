"""Bounds of an ad group's reach, as Pinterest writes them."""

from pydantic_core import to_json


def audience_size(lower: int, upper: int) -> bytes:
    return to_json({"audience_size_lower_bound": lower, "audience_size_upper_bound": upper})
