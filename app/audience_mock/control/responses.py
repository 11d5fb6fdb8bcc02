"""Responses of the control API."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from audience_mock.web.response import Header, RawResponse


def json_response(value: Any, status: int = 200, headers: Sequence[Header] = ()) -> RawResponse:
    return raw_json_response(to_json(value), status, headers)


def raw_json_response(body: bytes, status: int = 200, headers: Sequence[Header] = ()) -> RawResponse:
    """As `json_response`, of JSON that is written already."""
    about_body = ((b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"))
    return RawResponse(status, body, (*about_body, (b"cache-control", b"no-store"), *headers))


def empty_response() -> RawResponse:
    """204, without a body."""
    return RawResponse(204, b"", ((b"cache-control", b"no-store"),))
