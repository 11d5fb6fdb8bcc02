"""Answers whose bytes are already made."""

import re
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

CONNECTION = "connection"
"""In the scope of a request that our own server brought: the connection that it came by."""

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ENDS_OR_HIDES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class RawResponse(Response):
    background = None
    """Status, body and head, which is the lines of the headers as they go over the wire.

    A head is one piece of bytes because most of it never changes: what varies is filled in. Our own server
    writes all three at once; any other gets them as ASGI has them.
    """

    def __init__(self, status: int, body: bytes, head: bytes) -> None:
        self.status = status
        self.body = body
        self.head = head

    @property
    def headers(self) -> Headers:  # type: ignore[override]
        """Names, as they are written, and values."""
        return parsed(self.head)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: Any = scope.get(CONNECTION)
        # Who put something between the server and this one, as CORS does, wants to see the messages.
        if connection is not None and connection.whole and "of_a_page" not in scope:
            await connection.response(self.status, self.head, self.body)
            return
        start = [(name.lower(), value) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": start})
        await send({"type": "http.response.body", "body": self.body})


def lines(headers: Headers) -> bytes:
    """The head that these headers make. Raises ValueError for what would be another header or none."""
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or _ENDS_OR_HIDES.search(value):
            raise ValueError(f"not a header: {name!r}: {value!r}")
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def parsed(head: bytes) -> Headers:
    """The headers that these lines are."""
    split = [line.partition(b": ") for line in head.split(b"\r\n")[:-1]]
    return [(name, value) for name, _, value in split]
