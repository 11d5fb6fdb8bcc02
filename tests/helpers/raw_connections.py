"""Requests over raw connections."""

import socket
from collections.abc import Callable
from http.client import HTTPResponse

from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.serve_command import AUDIENCES, connect

CREATE = b'{"name":"A","audience_type":"VISITOR","rule":{"visitor_source_id":"2612523499806"}}'


def request(method: str, path: str, body: bytes = b"", *more: str, version: str = "1.1") -> bytes:
    token = PINTEREST_TOKEN if path.startswith("/v5") else PITCHTARGET_TOKEN
    about_body = ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    authorization = f"Authorization: {token['Authorization']}"
    head = [f"{method} {path} HTTP/{version}", "Host: mock", authorization, *about_body, *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def answered(url: str, *requests: bytes) -> bytes:
    """All that comes back on one connection, which the last of the requests has to end."""
    with connect(url) as link:
        link.sendall(b"".join(requests))
        return b"".join(iter(lambda: link.recv(1 << 16), b""))


CLOSE = "Connection: close"
LAST = request("GET", AUDIENCES, b"", CLOSE)

Start = Callable[..., MockServer]


def responses(url: str, *methods: str, segments: list[bytes]) -> list[HTTPResponse]:
    """What comes back on one connection for requests with these methods, one segment sent after another; the
    last one ends the connection."""
    with connect(url) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for segment in segments:
            link.sendall(segment)
        found = []
        stream = link.makefile("rb")
        for method in methods:
            found.append(_read(stream, method))
        assert stream.read() == b""
    return found


class _Socket:
    def __init__(self, stream: object) -> None:
        self._stream = stream

    def makefile(self, *arguments: object) -> object:
        return _Unclosed(self._stream)


class _Unclosed:
    """HTTPResponse closes its stream at the end of one response."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def close(self) -> None:
        pass


def _read(stream: object, method: str) -> HTTPResponse:
    response = HTTPResponse(_Socket(stream), method=method)  # type: ignore[arg-type]
    response.begin()
    response.body = response.read()  # type: ignore[attr-defined]
    return response


def statuses(found: list[HTTPResponse]) -> list[int]:
    return [response.status for response in found]


def head_of(answer: bytes) -> tuple[int, bool]:
    """Status of the only response, and whether it announces the end of the connection."""
    head, _, _ = answer.partition(b"\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    return int(head.split()[1]), b"\r\nconnection: close" in head.lower()


def chunked(body: bytes, trailers: bytes = b"") -> bytes:
    half = len(body) // 2
    pieces = b"".join(b"%x;note=1\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]))
    return pieces + b"0\r\n" + trailers + b"\r\n"
