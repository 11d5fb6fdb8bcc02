"""Notes what the journal does not keep of requests, in worlds that are recorded."""

from starlette.responses import Response
from starlette.types import Message

from audience_mock.core.worlds.recording import MAX_BODY_BYTES, Exchange, Recording
from audience_mock.web.request import MockRequest
from audience_mock.web.response import body_of


class Tap:
    """Keeps what a request receives, up to a limit."""

    def __init__(self, request: MockRequest) -> None:
        self._receive = request.receive
        self._pieces: list[bytes] = []
        self._left_bytes = MAX_BODY_BYTES
        self._is_over = False
        request.replace_receive(self._tapped)

    async def _tapped(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and self._left_bytes >= 0:
            piece = message.get("body", b"")
            self._left_bytes -= len(piece)
            self._pieces.append(piece)
        self._is_over = not message.get("more_body", False)
        return message

    async def finish(self) -> None:
        """Receive what is left: a request that is rejected unread may be accepted under another version."""
        while self._left_bytes >= 0 and not self._is_over:
            await self._tapped()

    @property
    def body(self) -> bytes | None:
        return b"".join(self._pieces) if self._left_bytes >= 0 else None


def note(recording: Recording, number: int, request: MockRequest, response: Response | None) -> None:
    """Note a request that the journal has just got."""
    tap = request.tap
    sent = b"" if response is None or request.context.is_head else body_of(response)
    recording.add_exchange(
        number,
        Exchange(
            tap.body if tap is not None else b"",
            sent if len(sent) <= MAX_BODY_BYTES else None,
        ),
    )
