"""Responses as the operations describe them."""

from typing import Any

from audience_mock.control.errors import Error
from audience_mock.web.openapi import response

Responses = dict[int | str, dict[str, Any]]


def success(example: Any) -> Responses:
    return {200: response(example)}


def created(example: Any) -> Responses:
    return {201: response(example)}


def error(status: int, description: str, message: str, field: str | None = None) -> Responses:
    """An error with an example: its message, and the field that it is about."""
    example = {"error": message} | ({} if field is None else {"field": field})
    return {status: response(example, description=description, model=Error)}


NO_WORLD = error(404, "No such world", "there is no world 'none': GET /__admin/worlds lists them")
EXPORT_TOO_LARGE = error(
    409,
    "More users than an export may hold",
    "this world holds 134217728 bytes of users and of parts of uploads, and a state has 67108864 at most:"
    " take a snapshot, or fork the world",
)
TOO_MANY_WORLDS = error(
    409, "There are too many worlds", "a server has 10000 worlds at most: delete one first"
)
DISK_FULL = error(
    507,
    "The disk is full; nothing was changed",
    "nothing was written: database or disk is full (is the disk full?)",
)
