"""Requests recorded as they were sent, with their answers, and sent again to an application in this process.

The request journal keeps what a person reads: the start of a body, masked, of a world that still exists. A
recording keeps what a replay needs, of all worlds. Only what asks for one pays for it: `Recorder` is put
around an application.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audience_mock.core.worlds.clock import system_ms
from audience_mock.web.context import find_context
from audience_mock.web.faults import CONNECTION
from audience_mock.web.response import Header

HELD_BYTES = 1 << 20
"""Of a body, in memory; a larger one is in a temporary file. Chosen."""
PIECE_BYTES = 1 << 18

READS = frozenset({"GET", "HEAD", "OPTIONS"})
MIN_SECRET_CHARACTERS = 16
"""Of what is taken for a token or a signature where a replay answers another one. Chosen: those have 32 and
more, a status has less."""
_WORDS = re.compile(rb"[A-Za-z0-9_~-]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None for a request that got no complete answer."""

    status: int | None = None
    headers: Sequence[Header] = ()
    body: bytes = b""


@dataclass(slots=True)
class Exchange:
    """A request as it was sent, and its answer. `at_ms` is the system's time that it saw, and the order
    of a recording that of the answers, which is the order of their effects."""

    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: Sequence[Header]
    body: IO[bytes]
    api: str = ""
    operation: str | None = None
    world: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Those of its world alone."""
    is_control: bool = False
    """Whether it was a call of the control API, which no journal has."""
    at_ms: int = 0
    answer: Answer = field(default_factory=Answer)

    def pieces(self) -> Iterator[bytes]:
        """The body."""
        self.body.seek(0)
        while piece := self.body.read(PIECE_BYTES):
            yield piece


class Recorder:
    """Middleware around the whole application. It records what reaches an API, and of the control API what
    changes something."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.exchanges: list[Exchange] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # Before the world is taken out of it.
        exchange = Exchange(
            scope["method"],
            scope["path"],
            scope.get("raw_path") or scope["path"].encode(),
            scope["query_string"],
            tuple(scope["headers"]),
            SpooledTemporaryFile(HELD_BYTES),
        )
        head: list[Message] = []
        body = bytearray()

        is_whole = False

        async def receive_too() -> Message:
            nonlocal is_whole
            message = await receive()
            exchange.body.write(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            return message

        async def send_too(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.append(message)
                self._add(exchange, scope)
                # Some requests are rejected unread, and another version may not reject them.
                while not is_whole:
                    await receive_too()
            elif not exchange.is_control:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    exchange.answer = _answer(head, body)
            await send(message)

        await self.app(scope, receive_too, send_too)
        if not head:
            self._add(exchange, scope)

    def _add(self, exchange: Exchange, scope: Scope) -> None:
        context = find_context(scope)
        if context is None or context.provider is None:
            return
        exchange.is_control = not context.provider.journalled
        if exchange.is_control and exchange.method in READS:
            return
        exchange.api, exchange.operation = context.provider.name, context.operation
        exchange.world, exchange.settings = context.world.name, dict(context.world.settings)
        at_ms = context.moment.at_ms
        exchange.at_ms = system_ms() if at_ms is None else at_ms
        self.exchanges.append(exchange)


class Replay:
    """Sends recorded requests to an application of this process, one after the other.

    A token that the application issues may be another one than was recorded; later requests then have the one
    that it issued.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._issued: dict[bytes, bytes] = {}

    async def answer(self, exchange: Exchange) -> Answer:
        pieces = exchange.pieces()
        head: list[Message] = []
        body = bytearray()
        answer = Answer()

        async def receive() -> Message:
            piece = next(pieces, None)
            if piece is None and not ended:
                ended.append(True)
                return {"type": "http.request", "body": b"", "more_body": False}
            if piece is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": self._as_issued(piece), "more_body": True}

        ended: list[bool] = []

        async def send(message: Message) -> None:
            nonlocal answer
            if message["type"] == "http.response.start":
                head.append(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    answer = _answer(head, body)

        await self._app(self._scope(exchange), receive, send)
        if not exchange.is_control:
            self._learn(exchange.answer.body, answer.body)
        return answer

    def _scope(self, exchange: Exchange) -> Scope:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": exchange.method,
            "scheme": "http",
            "path": exchange.path,
            "raw_path": exchange.raw_path,
            "root_path": "",
            "query_string": self._as_issued(exchange.query),
            "headers": [(name, self._as_issued(value)) for name, value in exchange.headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "extensions": {CONNECTION: _NoConnection()},
        }

    def _as_issued(self, sent: bytes) -> bytes:
        if not self._issued:
            return sent
        return _WORDS.sub(lambda word: self._issued.get(word[0], word[0]), sent)

    def _learn(self, recorded: bytes, now: bytes) -> None:
        if recorded == now:
            return
        then_words, now_words = _WORDS.findall(recorded), _WORDS.findall(now)
        if len(then_words) == len(now_words):
            self._issued |= {
                then: this
                for then, this in zip(then_words, now_words, strict=True)
                if then != this and min(len(then), len(this)) >= MIN_SECRET_CHARACTERS
            }


class _NoConnection:
    """What a fault breaks in a replay."""

    async def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def _answer(head: Sequence[Message], body: bytearray) -> Answer:
    return Answer(head[0]["status"], tuple(head[0].get("headers", ())), bytes(body))
