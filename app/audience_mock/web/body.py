"""Request bodies: content types, and JSON and forms read as a whole, within a limit."""

import codecs
import json
from collections.abc import Iterator
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect

from audience_mock.web.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    UnsupportedContentTypeError,
    UnsupportedEncodingError,
)
from audience_mock.web.request import MockRequest

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

MAX_BODY_BYTES = 1 << 20
"""The maximum of a JSON body, or of the text fields of a form. Not documented; chosen."""

MAX_CONTAINERS = 10_000
"""Arrays and objects in one JSON body. Chosen: brackets are cheap to send and expensive to process."""


def media_type(request: MockRequest) -> str:
    """The content type in lower case, without its parameters; empty if there is none."""
    return (request.header(b"content-type") or "").partition(";")[0].strip().lower()


def check_json(request: MockRequest, *also_served: str) -> None:
    """Accept JSON, and a body without a content type; the error names what the operation reads besides.
    Raises UnsupportedContentTypeError."""
    if request.header(b"content-type") == JSON:
        return
    given = media_type(request)
    if given and given != JSON and not (given.startswith("application/") and given.endswith("+json")):
        raise UnsupportedContentTypeError(given, JSON, *also_served)


def check_encoding(request: MockRequest) -> None:
    """Raises UnsupportedEncodingError, if there is a body that has an encoding."""
    given = request.header(b"content-encoding")
    if given is None or given.strip().lower() in ("", "identity"):
        return
    if declared_bytes(request) or request.header(b"transfer-encoding") is not None:
        raise UnsupportedEncodingError(given.strip()[:100])


def declared_bytes(request: MockRequest) -> int:
    """The Content-Length; 0 if there is none, or if it is not a number."""
    declared = request.header(b"content-length") or ""
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0


async def read_whole(request: MockRequest, limit_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body. Raises BodyTooLargeError before more than the limit is kept, ClientDisconnect."""
    if declared_bytes(request) > limit_bytes:
        raise BodyTooLargeError(limit_bytes)
    pieces: list[bytes] = []
    size, more = 0, True
    receive = request.receive
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        piece, more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size > limit_bytes:
            raise BodyTooLargeError(limit_bytes)
        pieces.append(piece)
    request.raw_body = b"".join(pieces) if len(pieces) > 1 else pieces[0]
    return request.raw_body


def without_mark(raw: bytes) -> bytes:
    """A JSON document without a byte order mark, as a client sends a file that begins with one. RFC 8259, 8.1
    leaves it to a parser to ignore it; whether an emulated API does is not known."""
    return raw.removeprefix(codecs.BOM_UTF8)


async def read_parameters(request: MockRequest) -> dict[str, Any]:
    """The parameters of an urlencoded form, or of a JSON object. Raises UnsupportedContentTypeError,
    MalformedBodyError, BodyTooLargeError."""
    given = media_type(request)
    if given not in ("", FORM, JSON):
        raise UnsupportedContentTypeError(given, FORM, JSON)
    raw = await read_whole(request)
    if given == JSON:
        try:
            parsed = json.loads(raw.decode())
        except (ValueError, RecursionError):
            raise MalformedBodyError("The body is not JSON") from None
        return parsed if isinstance(parsed, dict) else {}
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except (ValueError, UnicodeError):
        raise MalformedBodyError("The form cannot be read") from None
    return dict(pairs)


def unsupported_values(value: Any) -> Iterator[str]:
    """The values in a parsed document that no API accepts: NUL characters, numbers that are not finite."""
    if isinstance(value, str):
        if "\x00" in value:
            yield "NUL character"
    elif isinstance(value, float):
        if not isfinite(value):
            yield "number that is not finite"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from unsupported_values(key)
            yield from unsupported_values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from unsupported_values(inner)
