"""Answers as they go over the wire, byte by byte, and connections that come all at once."""

import json
import re
import select
import signal
import socket
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from audience_mock import testing
from audience_mock.server.http_protocol import http_protocol
from audience_mock.server.uvicorn_server import ACCEPT_HANDLERS, Server
from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from audience_mock.web.response import HeaderName, RawResponse, checked
from helpers.pitchtarget_requests import LOOKALIKE
from helpers.raw_connections import CREATE, answered, request
from helpers.serve_command import AUDIENCES, LIMIT_S, Runner, command, connect

__all__ = ["command"]  # a fixture

PUBLISHED = rb"""HTTP/1.1 201 Created
X-Frame-Options: SAMEORIGIN
X-XSS-Protection: 1; mode=block
X-Content-Type-Options: nosniff
Access-Control-Allow-Origin: \*
Access-Control-Allow-Methods: POST, PUT, DELETE, GET, OPTIONS
Access-Control-Request-Method: \*
Access-Control-Allow-Headers: Origin, X-Requested-With, Content-Type, Accept, Authorization, \
Content-Disposition
Content-Type: application/json; charset=utf-8
ETag: "60669f217459b9091f02a9c0f24942a7"
Cache-Control: max-age=0, private, must-revalidate
X-Request-Id: [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}
X-Runtime: 0\.[0-9]{6}
Content-Length: 22

""".replace(b"\\\n", b"").replace(b"\n", b"\r\n")


def test_a_published_answer(mock: MockServer) -> None:
    """Status line, names, values and order as published; only the request's id and its time are its own."""
    with connect(mock.url) as link:
        link.sendall(request("POST", "/custom_audiences", json.dumps(LOOKALIKE).encode()))
        answer = link.recv(1 << 16)
    assert re.fullmatch(PUBLISHED + rb'\{"id":"6006183285954"\}', answer), answer


class _H11Server(Server):
    """uvicorn with its other implementation of HTTP, whose inside is not known here."""

    def __init__(self, app: ASGIApp, **more: Any) -> None:
        super().__init__(app, **more)
        self.config.http = "h11"


CLOSE = "Connection: close"
MANY = [request("POST", AUDIENCES, CREATE) for _ in range(250)]


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param([request("POST", AUDIENCES, CREATE, CLOSE)], id="created"),
        pytest.param([request("GET", AUDIENCES, b"", CLOSE)], id="read"),
        pytest.param([request("GET", AUDIENCES, version="1.0")], id="read by HTTP/1.0"),
        pytest.param([request("HEAD", AUDIENCES), request("GET", AUDIENCES, b"", CLOSE)], id="head"),
        pytest.param([request("GET", f"{AUDIENCES}/1", b"", CLOSE)], id="not found"),
        pytest.param([request("PUT", AUDIENCES, b"", CLOSE)], id="not allowed"),
        pytest.param([request("OPTIONS", "/custom_audiences", b"", CLOSE)], id="no body"),
        pytest.param([request("GET", "/openapi/pinterest.json", b"", CLOSE)], id="large"),
        pytest.param([request("POST", AUDIENCES, CREATE, CLOSE, "Expect: 100-continue")], id="expected"),
        pytest.param([*MANY, request("GET", f"{AUDIENCES}?page_size=250", b"", CLOSE)], id="pipelined"),
        pytest.param([request("GET", "/v5/nothing", b"", CLOSE, "Origin: http://page")], id="of a page"),
    ],
)
def test_another_http_implementation_sends_the_same(
    requests: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the case of names. Two servers in one state: the clocks stand, random numbers begin alike."""

    def by(server_class: type[Server]) -> bytes:
        monkeypatch.setattr(testing, "Server", server_class)
        with MockServer() as mock:
            mock.clock.freeze(1_795_305_607)
            return re.sub(rb"(?m)^[A-Za-z-]+:", lambda name: name[0].lower(), answered(mock.url, *requests))

    ours, others = by(Server), by(_H11Server)
    assert ours == others
    assert ours.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "header",
    [(b"x: y", b"z"), (b"", b"z"), (b"x", b"a\r\nset-cookie: b"), (b"x", b"a\nb"), (b"x", b"a\0")],
)
def test_an_invalid_header_is_not_written(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="not a header"):
        checked([header])


def test_a_name_keeps_its_case_and_is_found_by_any() -> None:
    """Servers lower a name before they write it; middleware looks for one in lower case."""
    name = HeaderName(b"Content-Type")
    assert name.lower() is name
    assert name == b"content-type"
    assert name != b"content-length"
    assert b"content-type" in {name}
    response = RawResponse(200, b"", [(name, b"text/plain")])
    assert response.headers["content-type"] == "text/plain"
    response.headers["content-type"] = "text/html"
    assert response.raw_headers == [(b"content-type", b"text/html")]


@pytest.mark.parametrize("missing", ["on_response_complete", "on_headers_complete"])
def test_a_uvicorn_that_is_not_known_serves_by_its_own_protocol(
    missing: str, monkeypatch: pytest.MonkeyPatch, start: Callable[..., MockServer]
) -> None:
    monkeypatch.delattr(HttpToolsProtocol, missing)
    assert http_protocol(Settings()) == "httptools"
    monkeypatch.undo()
    monkeypatch.setattr("audience_mock.server.uvicorn_server.http_protocol", lambda settings: "httptools")
    assert answered(start().url, *MANY, request("GET", AUDIENCES, b"", CLOSE)).count(b"HTTP/1.1 201 ") == 250


def test_simultaneous_connections_are_served_fairly(command: Runner) -> None:
    """With one accept handler, an event loop would send 528 responses before it serves the last of 32
    simultaneous connections."""
    run, crowd = command.serve(), 32
    run.create()
    asked = request("GET", AUDIENCES)
    links: dict[int, socket.socket] = {}
    # They come while it is stopped, so that it finds them all.
    run.process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(crowd):
            link = connect(run.url)
            link.sendall(asked)
            links[link.fileno()] = link
    finally:
        run.process.send_signal(signal.SIGCONT)
    poll = select.poll()
    for number in links:
        poll.register(number, select.POLLIN)
    heard: set[int] = set()
    received: dict[int, bytes] = defaultdict(bytes)
    answers = 0
    while len(heard) < crowd:
        ready = poll.poll(LIMIT_S * 1000)
        assert ready, "somebody is never answered"
        for number, _ in ready:
            received[number] += links[number].recv(1 << 16)
            if not received[number].endswith(b'"bookmark":null}'):
                continue  # head and body come one after the other
            assert received.pop(number).startswith(b"HTTP/1.1 200 ")
            heard.add(number)
            answers += 1
            links[number].sendall(asked)
    for link in links.values():
        link.close()
    # With so many taken in a turn: 8, 16, 24 and 32 answers, and what a slow reader adds.
    turns = crowd // ACCEPT_HANDLERS
    assert answers <= 2 * sum(ACCEPT_HANDLERS * turn for turn in range(1, turns + 1))
