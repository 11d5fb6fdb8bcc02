"""Limits on what a connection receives: sizes, times, and what is answered beyond them."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from audience_mock.server.connection import ConnectionTransport
from audience_mock.settings import Settings

MAX_HEAD_BYTES = 64 << 10
"""Request line and headers. Chosen: eight times what nginx allows by default, for large cookies."""

MAX_URL_BYTES = 16 << 10
"""Chosen: twice the 8,000 octets that RFC 9110 (4.1) asks of servers."""

MIN_BODY_BYTES_PER_S = 500
"""A body may take `body_timeout_s`, and a second more for each 500 bytes received: Apache's default
(`RequestReadTimeout body=20,MinRate=500`)."""

MAX_TURNED_AWAY = 64
"""Connections over the maximum that are answered at one time; more are closed without an answer. Chosen."""

BETWEEN, HEAD, BODY = range(3)
"""Which part of a request is being received."""

log = logging.getLogger("audience_mock")


class RejectedError(Exception):
    """The request is not served, whatever it asks for."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class LimitedProtocol(HttpToolsProtocol):
    """What `HttpProtocol` calls when a request takes more than one segment, or is rejected."""

    # Python keeps up to 30 attributes of an object where it finds them fastest; uvicorn's are 28.
    __slots__ = (
        "_body_began_s",
        "_body_bytes",
        "_has_body_bytes",
        "_head_bytes",
        "_kept_alive",
        "_offer",
        "_other_bytes",
        "_part",
        "_rejection",
        "_segment_bytes",
        "_settings",
        "_stopping",
        "_timer",
    )

    transport: ConnectionTransport

    def __init__(self, *arguments: Any, settings: Settings, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._settings = settings
        self._timer: asyncio.TimerHandle | None = None
        """Ends a head or a body that takes too long."""
        self._part = BETWEEN
        self._segment_bytes = 0
        self._head_bytes = 0
        """Received of an unfinished head. The first segment counts as one byte: it may begin with the body
        of another request."""
        self._body_bytes = 0
        self._body_began_s = 0.0
        self._has_body_bytes = False
        """Whether the last segment had some, and not only chunk extensions or trailers."""
        self._other_bytes = 0
        """Received in segments without body bytes, one after the other."""
        self._offer: tuple[bytes, list[tuple[bytes, bytes]]] | None = None
        """Request line and headers of a request that offers an upgrade, which ends what the parser reads."""
        self._rejection: HTTPStatus | None = None
        """To be sent once the requests before it were answered."""
        self._stopping = False

    def detach(self) -> None:
        """Give the connection to another protocol."""
        self._stop_timer()
        self._unset_keepalive_if_required()
        self.connections.discard(self)

    @property
    def is_receiving(self) -> bool:
        """Whether the client is still sending a request, and the server is not about to end."""
        return self._part != BETWEEN and not self._stopping

    # Limits

    def _check_head(self) -> None:
        """Raises RejectedError."""
        self._head_bytes = 0
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            raise RejectedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _watch(self, size: int) -> None:
        """Limit the size and time of a request that a segment did not finish."""
        if self._rejection is not None or self.transport.is_closing():
            return
        if self._part == HEAD:
            if self._timer is None:
                self._timer = self.loop.call_later(self._settings.header_timeout_s, self._on_head_timeout)
            self._head_bytes += size if self._head_bytes else 1
            if self._head_bytes > MAX_HEAD_BYTES:
                self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        if self._timer is None:
            self._body_bytes = self._other_bytes = 0
            self._body_began_s = self.loop.time()
            self._timer = self.loop.call_later(self._settings.body_timeout_s, self._on_body_timeout)
        else:
            self._body_bytes += size
        self._other_bytes = 0 if self._has_body_bytes else self._other_bytes + size
        self._has_body_bytes = False
        if self._other_bytes > MAX_HEAD_BYTES:
            self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _wait_for_request(self) -> None:
        if self._rejection is not None or self.transport.is_closing():
            return
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _on_head_timeout(self) -> None:
        if self._part == HEAD:
            self._reject(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()  # a connection without a request: there is nothing to answer

    def _on_body_timeout(self) -> None:
        now_s = self.loop.time()
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:  # the client waits for the server
            self._body_began_s, self._body_bytes = now_s, 0
        end_s = self._body_began_s + self._settings.body_timeout_s + self._body_bytes / MIN_BODY_BYTES_PER_S
        if now_s < end_s:
            self._timer = self.loop.call_later(end_s - now_s, self._on_body_timeout)
        else:
            self._reject(HTTPStatus.REQUEST_TIMEOUT)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Rejection

    def _reject(self, status: HTTPStatus) -> None:
        """Answer with this status, after the requests before, and close the connection."""
        if self._rejection is not None or self.transport.is_closing():
            return
        self._stop_timer()
        cycle = self.cycle
        if self._part == BODY:
            if not (self.pipeline and self.pipeline[0][0] is cycle):
                self._interrupt(status)
                return
            self.pipeline.popleft()  # it never began
            cycle.response_complete = True
        elif cycle is None or (cycle.response_complete and not self.pipeline):
            self._send_rejection(status)
            return
        self._rejection = status
        self.flow.pause_reading()

    def _interrupt(self, status: HTTPStatus) -> None:
        """End a request whose body the application is waiting for: to it, the client has disconnected."""
        cycle = self.cycle
        begun = cycle.response_started
        cycle.disconnected = True
        cycle.message_event.set()
        if begun:
            self.transport.close()
        else:
            self._send_rejection(status)

    def _send_rejection(self, status: HTTPStatus) -> None:
        host, port = self.client or ("client", 0)
        log.info("%s:%d %d %s; connection closed", host, port, status, status.phrase)
        body = status.phrase.encode()
        head = [
            b"HTTP/1.1 %d %b" % (status, body),
            *(b"%b: %b" % header for header in self.server_state.default_headers),
            b"content-type: text/plain; charset=utf-8",
            b"content-length: %d" % len(body),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.transport.drain()
