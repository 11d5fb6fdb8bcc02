"""Requests recorded as they were sent, with their answers, and sent again to an application in this process.

The request journal keeps what a person reads: the start of a body, masked, of a world that still exists. A
recording keeps what a replay needs, of all worlds. Only what asks for one pays for it: `Recorder` is put
around an application.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audience_mock.core.worlds.clock import system_ms
from audience_mock.web.bundling import ALIAS
from audience_mock.web.context import find_context
from audience_mock.web.faults import CONNECTION, NO_LATENCY
from audience_mock.web.response import Header

HELD_BYTES = 1 << 20
"""Of a body, in memory; a larger one is in a temporary file. Chosen."""
PIECE_BYTES = 1 << 20
"""Of a body that is sent at a time: all of one that a recorded world keeps. Tokens are looked for in each."""

READS = frozenset({"GET", "HEAD", "OPTIONS"})
MIN_SECRET_CHARACTERS = 16
"""Of what is taken for a token or a signature where a replay answers another one. Chosen: those have 32 and
more, a status has less."""
_WORDS = re.compile(rb"[A-Za-z0-9_~-]+")
_ALIAS = re.compile(ALIAS.encode())


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None for a request that got no complete answer. `api` is the one that answered; it is empty
    if none did. A HEAD is answered without a body, which the server leaves out."""

    status: int | None = None
    headers: Sequence[Header] = ()
    body: bytes = b""
    api: str = ""


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
    operation: str | None = None
    world: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Those of its world alone."""
    is_control: bool = False
    """Whether it was a call of the control API, which no journal has."""
    at_ms: int = 0
    number: int = 0
    """In the request journal, where it comes from there."""
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
                    exchange.answer = _answer(scope, head, body)
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
        exchange.operation = context.operation
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
        scope = self._scope(exchange)
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
                    answer = _answer(scope, head, body)

        await self._app(scope, receive, send)
        if not exchange.is_control:
            self._learn(exchange.answer.body, answer.body)
        return answer

    def _scope(self, exchange: Exchange) -> Scope:
        raw_path = self._as_issued(exchange.raw_path)
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": exchange.method,
            "scheme": "http",
            "path": exchange.path if raw_path == exchange.raw_path else unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "root_path": "",
            "query_string": self._as_issued(exchange.query),
            "headers": [*self._headers(exchange)],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "extensions": {CONNECTION: _NoConnection(), NO_LATENCY: {}},
        }

    def _headers(self, exchange: Exchange) -> Iterator[Header]:
        for name, value in exchange.headers:
            if name == b"content-length" and self._issued:
                # A token may be longer than the one that it replaces.
                yield name, b"%d" % sum(len(self._as_issued(piece)) for piece in exchange.pieces())
            else:
                yield name, self._as_issued(value)

    def _as_issued(self, sent: bytes) -> bytes:
        if not self._issued:
            return sent
        return _WORDS.sub(lambda word: self._issued.get(word[0], word[0]), sent)

    def _learn(self, recorded: bytes, now: bytes) -> None:
        for then_text, now_text in texts_that_differ(recorded, now):
            then_words, now_words = _WORDS.findall(then_text), _WORDS.findall(now_text)
            if len(then_words) == len(now_words):
                self._issued |= {
                    then: this
                    for then, this in zip(then_words, now_words, strict=True)
                    if then != this and _may_be_issued(then, this)
                }


def _may_be_issued(then: bytes, now: bytes) -> bool:
    is_long = min(len(then), len(now)) >= MIN_SECRET_CHARACTERS
    return is_long or _ALIAS.fullmatch(then) is not None


def texts_that_differ(one: bytes, other: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The texts at the same places of two JSON bodies that are not equal; two other bodies as a whole."""
    if one == other:
        return
    try:
        values = json.loads(one), json.loads(other)
    except (ValueError, RecursionError):
        yield one, other
    else:
        for then, now in leaves(*values):
            if then != now:
                yield then.encode(errors="surrogatepass"), now.encode(errors="surrogatepass")


def leaves(one: Any, other: Any) -> Iterator[tuple[str, str]]:
    """The texts at the same places of two JSON values."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() & other.keys():
            yield from leaves(one[name], other[name])
    elif isinstance(one, list) and isinstance(other, list):
        for each, its in zip(one, other, strict=False):
            yield from leaves(each, its)
    elif isinstance(one, str) and isinstance(other, str):
        yield one, other


class _NoConnection:
    """What a fault breaks in a replay."""

    async def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def _answer(scope: Scope, head: Sequence[Message], body: bytearray) -> Answer:
    context = find_context(scope)
    return Answer(
        head[0]["status"],
        tuple(head[0].get("headers", ())),
        b"" if scope["method"] == "HEAD" else bytes(body),
        "" if context is None or context.provider is None else context.provider.name,
    )
