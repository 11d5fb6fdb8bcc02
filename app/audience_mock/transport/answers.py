"""Answers whose bytes are already made."""

from starlette.responses import Response

Headers = list[tuple[bytes, bytes]]


class Answer(Response):
    """Status, body and headers as they go on the wire: names in the case they are to have, in this order."""

    def __init__(self, status: int, body: bytes, headers: Headers) -> None:
        self.status_code = status
        self.body = body
        self.raw_headers = headers
        self.background = None
