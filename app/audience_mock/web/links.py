"""OpenAPI's links: what may be asked next with what a success answered."""

from collections.abc import Mapping
from typing import Any

Links = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By operation and name, as OpenAPI writes them."""


def link(operation: str, body: Mapping[str, Any] | None = None, /, **parameters: str) -> dict[str, Any]:
    """To an operation, with a part of its body and its parameters: OpenAPI's expressions, or constants."""
    to: dict[str, Any] = {"operationId": operation}
    if parameters:
        to["parameters"] = parameters
    return to if body is None else to | {"requestBody": body}
