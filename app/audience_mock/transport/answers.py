"""Answers whose bytes are already made."""

from starlette.responses import Response

Headers = list[tuple[bytes, bytes]]


class Answer(Response):
    """Status, body and headers, in this order; uvicorn writes the names of headers in lower case."""

    def __init__(self, status: int, body: bytes, headers: Headers) -> None:
        self.status_code = status
        self.body = body
        self.raw_headers = headers
        self.background = None
