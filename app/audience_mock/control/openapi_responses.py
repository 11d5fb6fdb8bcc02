"""Responses as the operations describe them."""

from typing import Any

from audience_mock.control.errors import Error
from audience_mock.web.openapi import response

Responses = dict[int | str, dict[str, Any]]


def success(example: Any) -> Responses:
    return {200: response(example)}


def created(example: Any) -> Responses:
    return {201: response(example)}


def error(status: int, description: str) -> Responses:
    return {status: response(description=description, model=Error)}


NO_WORLD = error(404, "No such world")
DISK_FULL = error(507, "The disk is full; nothing was changed")
