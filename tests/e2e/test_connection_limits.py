"""Limits of connections: sizes, times, how many there are, and what ends with them."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from audience_mock.core.controls.subscriptions import MAX_SUBSCRIBERS
from audience_mock.server.limits import MAX_HEAD_BYTES, MAX_TURNED_AWAY, MAX_URL_BYTES
from audience_mock.testing import MockServer
from helpers.raw_connections import (
    CLOSE,
    CREATE,
    LAST,
    Start,
    answered,
    chunked,
    head_of,
    request,
    responses,
    statuses,
)
from helpers.serve_command import AUDIENCES, LIMIT_S, Runner, command, connect, read_all
from helpers.tenants import OPERATOR, two_teams, write_tenants

__all__ = ["command"]

SOON_S = 0.3
"""A timeout that a test waits for."""

CHUNKED = request("POST", AUDIENCES, b"", "Transfer-Encoding: chunked", "Content-Type: application/json")
REJECTED = {
    "one long header": (431, [b"GET / HTTP/1.1\r\nX: ", *[b"x" * (1 << 16)] * 1024]),
    "one long name": (431, [b"GET / HTTP/1.1\r\n", *[b"x" * (1 << 16)] * 64]),
    "many headers": (431, [b"GET / HTTP/1.1\r\n", *[b"x: y\r\n" * 10_000] * 64]),
    "headers that end": (431, [b"GET / HTTP/1.1\r\n" + b"x: yyyy\r\n" * (MAX_HEAD_BYTES // 8) + b"\r\n"]),
    "a URL": (414, [b"GET /" + b"x" * MAX_URL_BYTES + b" HTTP/1.1\r\n\r\n"]),
    "a URL without end": (414, [b"GET /", *[b"x" * (1 << 16)] * 1024]),
    "trailers": (431, [CHUNKED + b"0\r\n", *[b"x: y\r\n" * 10_000] * 64]),
    "a long trailer": (431, [CHUNKED + b"0\r\nX: ", *[b"x" * (1 << 16)] * 1024]),
    "a long chunk extension": (431, [CHUNKED + b"1;", *[b"x" * (1 << 16)] * 1024]),
    "no HTTP": (400, [b"\x16\x03\x01\x02\x00 hello\r\n\r\n"]),
    "no path": (400, [b"GET mock:80 HTTP/1.1\r\n\r\n"]),
}


@pytest.mark.parametrize("what", REJECTED)
def test_a_request_beyond_the_limits_is_rejected(mock: MockServer, what: str) -> None:
    """The response arrives, though the client has not stopped sending."""
    status, segments = REJECTED[what]
    with connect(mock.url) as link:
        for segment in segments:
            try:
                link.sendall(segment)
            except OSError:
                break  # the server reads on for `DRAIN_S` at most
        assert head_of(read_all(link)) == (status, True)


def test_what_is_rejected_is_answered_after_what_came_before(mock: MockServer) -> None:
    found = responses(
        mock.url, "GET", "GET", "GET", segments=[request("GET", AUDIENCES) * 2 + b"GET / HTTP/9\r\n\r\n"]
    )
    assert statuses(found) == [200, 200, 400]


def test_large_headers_are_served_up_to_the_limit(mock: MockServer) -> None:
    """60 KiB, in one segment or in many, also behind a long body."""
    large = request("GET", AUDIENCES, b"", "X-Long: " + "x" * (60 << 10), CLOSE)
    assert head_of(answered(mock.url, large)) == (200, True)
    body = request("POST", AUDIENCES, b" " * (600 << 10))
    sent = body + large
    segments = [sent[at : at + 50_000] for at in range(0, len(sent), 50_000)]
    assert statuses(responses(mock.url, "POST", "GET", segments=segments)) == [400, 200]


def test_trailers_are_no_headers(mock: MockServer) -> None:
    """A trailer gives nobody a token, a world or an Expect."""
    create = request("POST", AUDIENCES, b"", "Content-Type: application/json", "Transfer-Encoding: chunked")
    create = create.replace(b"Authorization: Bearer pina_test\r\n", b"")
    trailers = b"Authorization: Bearer pina_test\r\nX-Audience-Mock-World: blue\r\nExpect: 100-continue\r\n"
    found = responses(mock.url, "POST", "GET", segments=[create + chunked(CREATE, trailers) + LAST])
    assert statuses(found) == [401, 200]
    assert len(mock.journal.entries()) == 2


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\nHost: mock\r\n"])
def test_a_head_that_takes_too_long_gets_408(start: Start, begun: bytes) -> None:
    """On a new connection, and on one that served a request."""
    mock = start(header_timeout_s=SOON_S)
    assert head_of(answered(mock.url, begun)) == (408, True)
    found = responses(mock.url, "GET", "GET", segments=[request("GET", AUDIENCES), begun])
    assert statuses(found) == [200, 408]


def trickle(link: socket.socket, piece: bytes) -> bytes:
    """All that comes back while a piece is sent again and again."""
    link.settimeout(SOON_S / 10)
    end = time.monotonic() + LIMIT_S
    received = b""
    while time.monotonic() < end:
        try:
            link.sendall(piece)
            if not (more := link.recv(1 << 16)):
                return received
            received += more
        except TimeoutError:
            continue
        except OSError:
            return received
    raise AssertionError("the connection stays open")


def test_a_trickle_is_no_progress(start: Start) -> None:
    """Neither of headers nor of a body: each byte would prolong a plain timeout."""
    mock = start(header_timeout_s=SOON_S, body_timeout_s=SOON_S)
    with connect(mock.url) as link:
        link.sendall(b"GET / HTTP/1.1\r\nX: ")
        assert head_of(trickle(link, b"x")) == (408, True)
    with connect(mock.url) as link:
        link.sendall(request("POST", AUDIENCES, b" " * 60_000).rstrip(b" "))
        assert head_of(trickle(link, b" ")) == (408, True)


def test_a_body_that_takes_too_long_gets_408(start: Start) -> None:
    """Nothing is stored."""
    mock = start(body_timeout_s=SOON_S)
    assert head_of(answered(mock.url, request("POST", AUDIENCES, CREATE)[:-9])) == (408, True)
    assert json.loads(answered(mock.url, LAST).partition(b"\r\n\r\n")[2])["items"] == []


def test_a_body_that_progresses_may_take_longer(start: Start) -> None:
    """Each 500 bytes earn a second."""
    mock = start(body_timeout_s=SOON_S)
    body = CREATE + b" " * 9_000
    with connect(mock.url) as link:
        link.sendall(request("POST", AUDIENCES, body, CLOSE).removesuffix(body))
        link.settimeout(SOON_S / 3)
        for at in range(0, len(body), 1_000):
            link.sendall(body[at : at + 1_000])
            if at + 1_000 < len(body):
                with pytest.raises(TimeoutError):
                    link.recv(1)
        link.settimeout(LIMIT_S)
        assert head_of(read_all(link)) == (201, True)


def test_a_connection_without_a_request_is_closed(start: Start) -> None:
    """There is nothing to answer."""
    mock = start(header_timeout_s=SOON_S, keep_alive_s=SOON_S)
    with connect(mock.url) as link:
        assert link.recv(1) == b""
    with connect(mock.url) as link:
        link.sendall(b"\r\n")
        assert link.recv(1) == b""


def test_an_idle_connection_is_closed(start: Start) -> None:
    """After a response, and after a body that was answered before it ended."""
    mock = start(keep_alive_s=SOON_S)
    with connect(mock.url) as link:
        link.sendall(request("GET", AUDIENCES))
        assert read_all(link).startswith(b"HTTP/1.1 200 ")
    with connect(mock.url) as link:
        head = request("POST", "/v5/nothing", b" " * 100)
        link.sendall(head[:-50])
        answer = link.recv(1 << 16)
        assert answer.startswith(b"HTTP/1.1 404 ")
        link.sendall(head[-50:])
        assert read_all(link) == b""


def test_a_client_that_calls_every_five_seconds_keeps_its_connection(mock: MockServer) -> None:
    """The default is nginx's, 75 s: far from the 5 s of a build delay, at which many clients poll."""
    assert mock.settings.keep_alive_s == 75


def test_connections_beyond_the_maximum_get_503(start: Start) -> None:
    """Those that are open go on, and a closed one makes room."""
    mock = start(max_connections=3)
    with ExitStack() as held:
        links = [held.enter_context(connect(mock.url)) for _ in range(3)]
        for link in links:
            link.sendall(request("GET", AUDIENCES))
            assert link.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        assert head_of(answered(mock.url, LAST)) == (503, True)
        for link in links:
            link.sendall(LAST)
            assert read_all(link).startswith(b"HTTP/1.1 200 ")
    assert head_of(answered(mock.url, LAST)) == (200, True)


def test_a_crowd_beyond_the_maximum_is_closed(start: Start) -> None:
    """Whoever does not even read the 503 holds no connection for long."""
    mock = start(max_connections=1)
    with ExitStack() as held:
        links = [held.enter_context(connect(mock.url)) for _ in range(MAX_TURNED_AWAY * 2)]
        for link in links[1:]:
            with suppress(ConnectionResetError):
                answer = read_all(link)
                assert answer == b"" or head_of(answer) == (503, True)
        links[0].sendall(LAST)
        assert read_all(links[0]).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_pipelines_without_end_is_slowed_down(mock: MockServer) -> None:
    """The server reads no more than it answers, so the client's sending stops."""
    asked = request("GET", f"{AUDIENCES}?page_size=250") * 1000
    sent = 0
    with connect(mock.url) as link:
        link.settimeout(2)
        try:
            for _ in range(1_000):
                link.sendall(asked)
                sent += len(asked)
        except TimeoutError:
            pass
    assert sent < 64 << 20


@pytest.mark.parametrize("behind", [0, 1, 3])
def test_a_stream_ends_with_its_connection(mock: MockServer, behind: int) -> None:
    """Also where more requests were sent behind it: they wait for it, and it for a client that has left."""
    subscribe = request("GET", "/__admin/events").replace(b"Host: mock", b"Host: localhost")
    for _ in range(MAX_SUBSCRIBERS):
        with connect(mock.url) as link:
            link.sendall(subscribe + behind * request("GET", AUDIENCES, b""))
            assert link.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
    assert _is_true_soon(lambda: _status_of_a_stream(mock) == 200)


@pytest.mark.parametrize("behind", [0, 2])
def test_a_stall_ends_with_its_connection(start: Start, behind: int, tmp_path: Path) -> None:
    """Also where more requests were sent behind it, so a client that left holds no quota."""
    tenants = write_tenants(tmp_path / "tenants.toml", tenants=two_teams(quotas={"stalls": 1}))
    mock = start(tenants=tenants, admin_token=OPERATOR)
    world = "X-Audience-Mock-World: team-a"
    stall = request("GET", AUDIENCES, b"", world, "X-Audience-Mock-Fault: stall=in")
    with connect(mock.url) as link:
        link.sendall(stall + behind * request("GET", AUDIENCES, b"", world))
        assert link.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
    late = {"Authorization": "Bearer pina_x", "X-Audience-Mock-Fault": "latency_ms=0"}
    path = f"{mock.url}/worlds/team-a{AUDIENCES}"
    assert _is_true_soon(lambda: httpx.get(path, headers=late).status_code == 200)


def _status_of_a_stream(mock: MockServer) -> int:
    with httpx.stream("GET", f"{mock.url}/__admin/events") as stream:
        return stream.status_code


def _is_true_soon(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + LIMIT_S
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_open_connections_do_not_delay_the_end(command: Runner) -> None:
    """Idle, new, half a head, half a body that was answered: all are closed at once."""
    run = command.serve()
    with ExitStack() as held:
        links: Iterator[socket.socket] = iter([held.enter_context(connect(run.url)) for _ in range(4)])
        for sent in (
            request("GET", AUDIENCES),
            request("GET", AUDIENCES) + b"GET / HT",
            request("POST", "/v5/nothing", b" " * 100)[:-50],
        ):
            link = next(links)
            link.sendall(sent)
            assert link.recv(1 << 16)
        run.end()
    assert "cut off" not in run.err
