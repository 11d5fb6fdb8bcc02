"""Responses whose bytes are already made."""

import re
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from audience_mock.core.steps import let_others_run

Header = tuple[bytes, bytes]

PIECE_BYTES = 1 << 17
"""Of a body that is sent at a time. Chosen: more than almost all bodies."""

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ENDS_OR_HIDES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class RawResponse(Response):
    """A response of bytes: nothing is rendered, encoded or counted when it is sent.

    `raw_headers` are the names and values as they go over the wire, `content-length` among them.
    """

    background = None

    def __init__(self, status_code: int, body: bytes, raw_headers: Sequence[Header]) -> None:
        # Starlette's own renders a body and encodes headers, which takes as long as a look into the database.
        self.status_code = status_code
        self.body = body
        self.raw_headers = raw_headers if isinstance(raw_headers, list) else list(raw_headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A large body is sent in pieces: the server waits for a client that reads slowly before it takes the
        next, and so holds nothing twice; and others are answered in between."""
        body = self.body
        if len(body) <= PIECE_BYTES:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        pieces = memoryview(body)
        for at in range(0, len(body), PIECE_BYTES):
            more = at + PIECE_BYTES < len(body)
            piece = bytes(pieces[at : at + PIECE_BYTES])
            await let_others_run()
            await send({"type": "http.response.body", "body": piece, "more_body": more})


class HeaderName(bytes):
    """A header's name that keeps its case on the wire, as a Rails application of 2014 wrote it.

    ASGI has names in lower case and servers lower them once more; everything else about a name ignores case,
    so that middleware finds `Content-Type` under `content-type`.
    """

    __slots__ = ()

    def lower(self) -> bytes:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and bytes.lower(self) == bytes.lower(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(bytes.lower(self))


def checked(headers: Sequence[Header]) -> list[Header]:
    """The same headers. Raises ValueError for a name or value that would break the head."""
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or _ENDS_OR_HIDES.search(value):
            raise ValueError(f"not a header: {name!r}: {value!r}")
    return list(headers)


def body_of(response: Any) -> bytes:
    """The body of a response that has one in memory; a streamed one is not held."""
    return bytes(getattr(response, "body", b""))
