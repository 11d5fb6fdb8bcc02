"""uvicorn's HTTP protocol, and what it lacks: limits on slow, large and many requests, the bodies of requests
that offer an upgrade, and final responses that a client can read while it is sending.

It depends on uvicorn's internals: those in `_NEEDED`, and the queue of pipelined requests. `http_protocol`
does without all of this where a release of uvicorn lacks one of them.
"""

import asyncio
import logging
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from audience_mock.server.connection import ConnectionTransport, Flow
from audience_mock.server.limits import (
    BETWEEN,
    BODY,
    HEAD,
    MAX_HEAD_BYTES,
    MAX_TURNED_AWAY,
    MAX_URL_BYTES,
    LimitedProtocol,
    RejectedError,
)
from audience_mock.settings import Settings

_NEEDED = (
    "connection_made",
    "connection_lost",
    "data_received",
    "shutdown",
    "timeout_keep_alive_handler",
    "on_message_begin",
    "on_url",
    "on_header",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "_unset_keepalive_if_required",
)
"""Methods of uvicorn's protocol that are overridden or called here."""

log = logging.getLogger("audience_mock")


def http_protocol(settings: Settings) -> "type[asyncio.Protocol] | Literal['httptools']":
    """What uvicorn is to serve by: its own protocol where a release of it lacks what is needed here."""
    if not all(hasattr(HttpToolsProtocol, name) for name in _NEEDED):
        log.warning("this release of uvicorn is not known: its own limits apply instead of the settings")
        return "httptools"
    return cast(type[asyncio.Protocol], partial(HttpProtocol, settings=settings))


class HttpProtocol(LimitedProtocol):
    """One connection."""

    _served: RequestResponseCycle | None = None
    """The request that is being served, or was last."""

    # Connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        excess = len(self.connections) - self._settings.max_connections
        super().connection_made(ConnectionTransport(transport, self))
        self.flow = Flow(transport, self.pipeline)
        if excess >= MAX_TURNED_AWAY:
            transport.abort()
        elif excess >= 0:
            self._send_rejection(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._timer = self.loop.call_later(self._settings.header_timeout_s, self._on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)
        # uvicorn tells it the last request that has arrived, which may wait for the one that is served.
        served = self._served
        if served is not None and not served.response_complete:
            served.disconnected = True
            served.message_event.set()

    def shutdown(self) -> None:
        self._stopping = True
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close_now()
        else:
            super().shutdown()

    # What is received. These methods run for each request and do what uvicorn's do, without its WebSockets.

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._segment_bytes = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as pause:
            self._ignore_offers(data, pause)
        except httptools.HttpParserError as error:
            self._reject(_status_of(error))
        if self._part != BETWEEN:
            self._watch(len(data))
        elif self.cycle is not None and self.cycle.response_complete:
            # The end of a body that was answered before, or empty lines between requests.
            self._wait_for_request()

    def on_message_begin(self) -> None:
        self._part = HEAD
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > MAX_URL_BYTES:
            raise RejectedError(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        name, value = name.lower(), value.rstrip(b" \t")  # RFC 9110, 5.5; the parser strips the other side
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._head_bytes or self._segment_bytes > MAX_HEAD_BYTES:
            self._check_head()
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise RejectedError(HTTPStatus.NOT_IMPLEMENTED)
            self._offer = (self._request_line(), self.headers)
            return
        super().on_headers_complete()
        if self._served is None or self._served.response_complete:
            self._served = self.cycle
        if self.pipeline:
            self.flow.resume_reading()  # uvicorn has paused it
        self._part = BODY
        if self._timer is not None:
            self._stop_timer()
        # Trailers are not merged into the headers (RFC 9110, 6.5.1), but dropped.
        self.headers = []
        if self.expect_100_continue:
            self._expect_body()

    def on_body(self, body: bytes) -> None:
        self._has_body_bytes = True
        cycle = self.cycle
        if cycle.waiting_for_100_continue:
            self._keep_alive_again(cycle, self._kept_alive)
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._offer is not None:
            return
        self._part = BETWEEN
        if self._timer is not None:
            self._stop_timer()
        cycle = self.cycle
        if cycle.waiting_for_100_continue:
            self._keep_alive_again(cycle, self._kept_alive)
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    def on_response_complete(self) -> None:
        self.transport.flush()
        is_last = not self.pipeline
        if not is_last:
            self._served = self.pipeline[-1][0]
        super().on_response_complete()
        if is_last and self._rejection is not None and not self.transport.is_closing():
            self._send_rejection(self._rejection)

    # Offers of another protocol, which are ignored (RFC 9110, 7.8)

    def _ignore_offers(self, data: bytes, pause: httptools.HttpParserUpgrade) -> None:
        """Parse on. A parser that found an offer takes what follows the head for another protocol, so a new
        one reads the head again, without the offer."""
        rest = memoryview(data)
        while self._offer is not None:
            rest = rest[pause.args[0] :]
            (line, headers), self._offer = self._offer, None
            kept = (b"%b: %b\r\n" % header for header in headers if header[0] != b"upgrade")
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            try:
                self.parser.feed_data(b"%b\r\n%b\r\n" % (line, b"".join(kept)))
                self.cycle.scope["headers"] = headers  # the application sees what was sent
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as next_pause:
                pause = next_pause
            except httptools.HttpParserError as error:
                self._reject(_status_of(error))
                return

    def _request_line(self) -> bytes:
        version = self.parser.get_http_version().encode()
        return b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)

    # Expect: 100-continue

    def _expect_body(self) -> None:
        """Until the body is asked for or comes by itself, a response ends the connection: the client may send
        the body or not, so what would follow it could not be told from it (RFC 9110, 10.1.1)."""
        cycle = self.cycle
        if cycle.scope["http_version"] == "1.0":  # which knows no 100 (Continue)
            cycle.waiting_for_100_continue = False
            return
        kept_alive = self._kept_alive = cycle.keep_alive
        cycle.keep_alive = False
        receive = cycle.receive

        async def ask_and_receive() -> Any:
            if cycle.waiting_for_100_continue:
                self._keep_alive_again(cycle, kept_alive)
            return await receive()

        cycle.receive = ask_and_receive  # type: ignore[method-assign]

    def _keep_alive_again(self, cycle: RequestResponseCycle, kept_alive: bool) -> None:
        cycle.keep_alive = kept_alive and not self._stopping


def _status_of(error: httptools.HttpParserError) -> HTTPStatus:
    cause = error.__context__
    return cause.status if isinstance(cause, RejectedError) else HTTPStatus.BAD_REQUEST
