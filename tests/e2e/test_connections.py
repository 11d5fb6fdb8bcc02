"""Connections as clients of all kinds use them: offers, expectations, slow and endless requests, limits."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest
from test_wire import CREATE, answered, request

from audience_mock.core.controls.subscriptions import MAX_SUBSCRIBERS
from audience_mock.server.limits import MAX_HEAD_BYTES, MAX_TURNED_AWAY, MAX_URL_BYTES
from audience_mock.testing import MockServer
from helpers.serve_command import AUDIENCES, LIMIT_S, Runner, command, connect, read_all
from helpers.tenants import OPERATOR, two_teams, write_tenants

__all__ = ["command"]  # a fixture

CLOSE = "Connection: close"
LAST = request("GET", AUDIENCES, b"", CLOSE)
EXPECT = "Expect: 100-continue"
SOON_S = 0.3
"""A timeout that a test waits for."""

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


# Offers of another protocol

OFFERS = {
    "h2c": (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    ),
    "websocket": ("Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13"),
    "TLS": ("UPGRADE: TLS/1.0", "connection: upgrade"),
    "several": ("Upgrade: h2c", "Upgrade: HTTP/3.0, IRC/6.9", "Connection: upgrade"),
}


def _split(sent: bytes, how: str) -> list[bytes]:
    head = sent.index(b"\r\n\r\n") + 4
    match how:
        case "at once":
            return [sent]
        case "after the head":
            return [sent[:head], sent[head:]]
        case "within the body":
            return [sent[: head + 9], sent[head + 9 :]]
        case "within the head":
            return [sent[: head - 30], sent[head - 30 :]]
        case _:
            return [sent[at : at + 1] for at in range(len(sent))]


@pytest.mark.parametrize("how", ["at once", "after the head", "within the body", "within the head", "bytes"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_to_upgrade_is_ignored(mock: MockServer, offer: str, framing: str, how: str) -> None:
    """The body is read, and so is the request behind it, which makes the same offer."""
    if framing == "length":
        create = request("POST", AUDIENCES, CREATE, *OFFERS[offer])
    else:
        chunks = ("Content-Type: application/json", "Transfer-Encoding: chunked", *OFFERS[offer])
        create = request("POST", AUDIENCES, b"", *chunks) + chunked(CREATE, b"X-Trailer: 1\r\n")
    found = responses(mock.url, "POST", "POST", "GET", segments=_split(create + create + LAST, how))
    assert statuses(found) == [201, 201, 200]
    assert len(json.loads(found[2].body)["items"]) == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_offer_changes_no_answer(start: Start, method: str, body: bytes) -> None:
    """Whatever the method, with a body or without."""

    def by(*offer: str) -> bytes:
        mock = start()
        mock.clock.freeze(1_795_305_607)
        return answered(mock.url, request(method, AUDIENCES, body, *offer), LAST)

    assert by(*OFFERS["h2c"]) == by()


def test_an_offer_by_http_1_0_ends_the_connection(mock: MockServer) -> None:
    """As every request of that version does."""
    sent = request("POST", AUDIENCES, CREATE, *OFFERS["h2c"], version="1.0")
    assert head_of(answered(mock.url, sent)) == (201, True)


def test_the_journal_shows_the_offer(mock: MockServer) -> None:
    """The application sees the request as it was sent."""
    answered(mock.url, request("POST", AUDIENCES, CREATE, *OFFERS["h2c"], CLOSE))
    (entry,) = mock.journal.entries()
    assert {"upgrade": "h2c"}.items() <= {
        name.lower(): value for name, value in entry["request"]["headers"].items()
    }.items()


def test_a_tunnel_is_not_made(mock: MockServer) -> None:
    """CONNECT ends the connection: what follows it is not HTTP."""
    sent = b"CONNECT mock:443 HTTP/1.1\r\nHost: mock\r\n\r\n\x16\x03\x01 hello"
    assert head_of(answered(mock.url, sent)) == (501, True)


# Expect: 100-continue

EARLY = {
    401: lambda: request("POST", AUDIENCES, CREATE, EXPECT).replace(b"Bearer pina_test", b"no"),
    404: lambda: request("POST", "/v5/nothing", CREATE, EXPECT),
    405: lambda: request("PUT", AUDIENCES, CREATE, EXPECT),
    413: lambda: request("POST", AUDIENCES, CREATE, EXPECT).replace(b"Length: 8", b"Length: 8999999"),
    415: lambda: request("POST", AUDIENCES, CREATE, EXPECT).replace(b"application/json", b"text/plain"),
    503: lambda: request("POST", AUDIENCES, CREATE, EXPECT, "Prefer: code=503"),
}


@pytest.fixture(params=sorted(EARLY))
def early(request: pytest.FixtureRequest) -> tuple[int, bytes]:
    """The status of a response that needs no body, and the head of a request for it."""
    status: int = request.param
    return status, EARLY[status]().removesuffix(CREATE)


def test_a_final_answer_to_an_expectation_ends_the_connection(
    mock: MockServer, early: tuple[int, bytes]
) -> None:
    """The client has not sent the body, and may send it or not: nothing could follow."""
    status, head = early
    assert head_of(answered(mock.url, head)) == (status, True)


def test_it_arrives_though_the_client_sends_its_body_all_the_same(
    mock: MockServer, early: tuple[int, bytes]
) -> None:
    """A connection that was closed at once would be reset by the body, and the response lost."""
    status, head = early
    with connect(mock.url) as link:
        link.sendall(head)
        answer = link.recv(1 << 16)
        for _ in range(64):
            link.sendall(b" " * (1 << 16))
        assert head_of(answer + read_all(link)) == (status, True)


def test_a_client_of_the_standard_library_gets_it(mock: MockServer, early: tuple[int, bytes]) -> None:
    """http.client knows no expectations: it sends head and body, and then reads."""
    status, head = early
    line, *lines = head.decode().split("\r\n")
    headers = dict(each.split(": ", 1) for each in lines if each)
    method, path, _ = line.split()
    if status == 413:
        headers["Content-Length"] = str(9 << 20)
    body = b" " * int(headers["Content-Length"])
    connection = http.client.HTTPConnection("127.0.0.1", int(mock.url.rsplit(":", 1)[1]), timeout=LIMIT_S)
    try:
        for _ in range(2):
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            assert response.status == status
            response.read()
    finally:
        connection.close()


def test_a_429_answers_an_expectation_so_too(start: Start) -> None:
    mock = start(rate_limits="trial", build_delay_s=0)
    mock.faults.add(operation="audiences/create", status=429)
    head = request("POST", AUDIENCES, CREATE, EXPECT).removesuffix(CREATE)
    assert head_of(answered(mock.url, head)) == (429, True)


def test_an_expectation_is_met_and_the_connection_kept(mock: MockServer) -> None:
    """100 (Continue) first; after the body the connection goes on."""
    with connect(mock.url) as link:
        link.sendall(request("POST", AUDIENCES, CREATE, EXPECT).removesuffix(CREATE))
        assert link.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(CREATE)
        assert link.recv(1 << 16).startswith(b"HTTP/1.1 201 ")
        link.sendall(LAST)
        assert read_all(link).startswith(b"HTTP/1.1 200 ")


def test_a_rejected_request_whose_body_came_keeps_the_connection(
    mock: MockServer, early: tuple[int, bytes]
) -> None:
    """Nothing is left to be sent, so the next request can be told from the body."""
    status, head = early
    if status == 413:
        head = request("POST", AUDIENCES, b"", f"Content-Length: {2 << 20}", "Content-Type: application/json")
    body = b" " * (2 << 20) if status == 413 else CREATE
    found = responses(mock.url, "POST", "GET", segments=[head + body + LAST])
    assert statuses(found) == [status, 200]


def test_http_1_0_has_no_expectations(mock: MockServer) -> None:
    """It knows no 100 (Continue), so none is sent."""
    with connect(mock.url) as link:
        link.sendall(request("POST", AUDIENCES, CREATE, EXPECT, version="1.0").removesuffix(CREATE))
        link.sendall(CREATE)
        assert head_of(read_all(link)) == (201, True)


# Header values

SPACED = ["Bearer pina_x ", "Bearer pina_x\t \t", "bearer  pina_x", "BEARER pina_x"]


@pytest.mark.parametrize("value", SPACED)
@pytest.mark.parametrize(
    ("path", "scheme"), [(AUDIENCES, "Bearer"), ("/custom_audiences?fb_ad_account_id=1", "OAuth")]
)
def test_white_space_and_case_of_a_scheme_do_not_count(
    mock: MockServer, path: str, scheme: str, value: str
) -> None:
    given = (
        value.replace("Bearer", scheme).replace("BEARER", scheme.upper()).replace("bearer", scheme.lower())
    )
    sent = f"GET {path} HTTP/1.1\r\nHost: mock\r\nAuthorization: {given}\r\n{CLOSE} \r\n\r\n".encode()
    assert head_of(answered(mock.url, sent)) == (200, True)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("space", ["", " ", "\t"])
def test_they_do_not_count_for_the_control_api(start: Start, scheme: str, space: str) -> None:
    mock = start(admin_token="a-token-of-tests")
    for token, status in (("a-token-of-tests", 200), ("a-token-of-testers", 401)):
        head = f"GET /__admin/clock HTTP/1.1\r\nHost: mock\r\n{CLOSE}\r\n"
        sent = f"{head}Authorization: {scheme} {token}{space}\r\n\r\n"
        assert head_of(answered(mock.url, sent.encode())) == (status, True)


def test_a_world_by_token_is_found_before_white_space(mock: MockServer) -> None:
    answered(mock.url, request("POST", AUDIENCES, CREATE, CLOSE).replace(b"pina_test", b"pina_test~blue \t"))
    assert mock.journal.entries() == []


# Limits

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


# Addresses


def reaches(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=LIMIT_S).close()
    except OSError:
        return False
    return True


HAS_IPV6 = socket.has_ipv6 and Path("/proc/net/if_inet6").exists()
needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")


@needs_ipv6
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST"])
def test_localhost_is_both_families(start: Start, host: str) -> None:
    """On one port, also where any free one was asked for; the URL is that of IPv4."""
    mock = start(host=host)
    port = int(mock.url.rsplit(":", 1)[1])
    assert mock.url == f"http://127.0.0.1:{port}"
    assert reaches("127.0.0.1", port)
    assert reaches("::1", port)


@needs_ipv6
def test_a_port_in_use_on_one_family_is_in_use(command: Runner) -> None:
    """A client that tried the other family first would find someone else."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        run = command("serve", "--host", "localhost", "--port", str(port))
        assert run.status() == 2
        assert (
            run.err
            == f"audience-mock: cannot listen on localhost:{port}: Address already in use (try --port 0)\n"
        )


@needs_ipv6
def test_any_address_of_ipv6_says_whether_ipv4_is_included(command: Runner) -> None:
    run = command.serve("--host", "::")
    port = int(run.url.rsplit(":", 1)[1])
    assert run.err == f"listening on [::]:{port} for IPv6 and IPv4\n"
    assert reaches("127.0.0.1", port)
    assert reaches("::1", port)
