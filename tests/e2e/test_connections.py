"""Connections as clients of all kinds use them: offers, expectations, slow and endless requests, limits."""

import http.client
import json
import socket
from pathlib import Path

import pytest

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

__all__ = ["command"]  # a fixture
EXPECT = "Expect: 100-continue"


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
