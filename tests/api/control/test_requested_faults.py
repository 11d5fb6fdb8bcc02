"""Faults that a single request asks for by a header, and what all faults may hold."""

import socket
from collections.abc import Callable

import httpx
import pytest
from starlette.testclient import TestClient

from audience_mock.testing import MockServer
from audience_mock.web import in_flight
from audience_mock.web.requested_faults import HEADER
from helpers.accounts import PINTEREST_TOKEN
from helpers.errors import pinterest_error, pitchtarget_error
from helpers.fault_clients import AUDIENCES, WITHIN_S, Client, client, on_the_wire, request_bytes, steps
from helpers.waiting import until

__all__ = ["client"]

# For one request


def test_prefer_forces_an_error_for_one_request(client: Client) -> None:
    """`Prefer: code=…` forces an error of this status; other statuses only where the API has a choice."""
    for prefer in ("code=429", "respond-async, code=429", "code=201;x, code=429"):
        assert pinterest_error(client.browse(Prefer=prefer))["code"] == 8
    assert pitchtarget_error(client.find(Prefer="code=503"))
    for prefer in ("code=200", "code=204", "code=302", "code=999", "code=4290", "dcode=429", "wait=5"):
        assert client.browse(Prefer=prefer).status_code == 200
    assert client.create(Prefer="code=200").status_code == 200
    assert client.create(Prefer="code=503").status_code == 503
    assert client.browse().status_code == 200


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("status=503", 503),
        ("status=404,latency_ms=1", 404),
        ("latency_ms=0-5 , status=500", 500),
        ("latency_ms=1", 200),
        ("garbage", 200),
        ("content_type", 200),
        ("content_type=text/plain; charset=utf-8", 200),
        ("effect_lost", 200),
    ],
)
def test_a_header_forces_a_fault_for_one_request(client: Client, written: str, status: int) -> None:
    """X-Audience-Mock-Fault takes the effects of a plan, with `=` and commas, before any planned fault."""
    planned = client.plan("audiences/list", status=418)
    asked = client.browse(**{"X-Audience-Mock-Fault": written})
    assert asked.status_code == status
    if "content_type" in written:
        assert asked.headers["content-type"] == (written.partition("=")[2] or "text/html")
    assert client.state(planned)["seen"] == 0
    assert client.browse().status_code == 418


@pytest.mark.parametrize(
    ("written", "end", "body_bytes"),
    [
        ("reset", "reset", 0),
        ("reset=in", "reset", 14),
        ("reset=after", "reset", 28),
        ("cut_after_bytes=10", "closed", 10),
        ("stall", "open", 0),
        ("stall=in", "open", 14),
        ("answer_lost", "closed", 0),
    ],
)
def test_a_header_breaks_the_connection_of_one_request(
    mock: MockServer, written: str, end: str, body_bytes: int
) -> None:
    """The kinds that break a connection have a short form too."""
    headers = {**PINTEREST_TOKEN, "X-Audience-Mock-Fault": written}
    wire = on_the_wire(mock, request_bytes(headers=headers), body_bytes if end == "open" else None)
    assert (wire.end, len(wire.body)) == (end, body_bytes)


@pytest.mark.parametrize(
    "written",
    [
        *("", "fail", "status", "status=5", "status=399", "status=500,garbage", "status=500,status=500"),
        *("latency_ms=2-1", "latency_ms=99999", "reset=never", "garbage=1", "cut_after_bytes=-1"),
        *("limit_window_s=1", ","),
    ],
)
def test_a_header_that_says_no_fault_is_rejected(client: Client, written: str) -> None:
    """A mistake in the header is each API's own error, which names the header."""
    asked = {"X-Audience-Mock-Fault": written}
    assert "X-Audience-Mock-Fault: " in pinterest_error(client.browse(**asked))["message"]
    assert "X-Audience-Mock-Fault: " in pitchtarget_error(client.find(**asked))["base"][0]


def test_fault_headers_are_ignored_where_request_faults_are_off(start: Callable[..., MockServer]) -> None:
    """With `request_faults` off, for the server or the world, both headers are ignored; planned faults still
    fire."""
    client = Client(start(request_faults=False).url)
    with client.http:
        asked = {"X-Audience-Mock-Fault": "status=500", "Prefer": "code=503"}
        assert client.browse(**asked).status_code == 200
        assert client.browse(**{"X-Audience-Mock-Fault": "nonsense"}).status_code == 200
        assert client.create(Prefer="code=200").status_code == 200
        client.http.put("/__admin/worlds/blue", json={"settings": {"request_faults": True}})
        assert client.http.get(f"/worlds/blue{AUDIENCES}", headers=asked).status_code == 500
        client.plan("audiences/list", status=502)
        assert client.browse().status_code == 502


def test_without_a_connection_a_fault_that_breaks_it_says_so(mock: MockServer) -> None:
    """An application called in process has no connection to break; the error says what to do instead."""
    headers = {"X-Audience-Mock-Fault": "reset", "Authorization": "Bearer pina_x"}
    with pytest.raises(RuntimeError, match="call the server over HTTP"):
        TestClient(mock.app).get(AUDIENCES, headers=headers)


# Who may ask, and for how much

ASKED = [
    {"Prefer": "code=503"},
    *(
        {HEADER: each}
        for each in ("status=503", "stall=before", "reset=before", "latency_ms=60000", "nonsense")
    ),
    *({HEADER: each} for each in ("effect_lost", "answer_lost", "garbage", "cut_after_bytes=1", "stall=in")),
]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    ("token", "status", "code"),
    [("", 401, 2), ("Bearer pina_stranger", 401, 2), ("Bearer pina_mock.", 401, 3)],
)
def test_a_caller_who_may_not_call_gets_no_fault_that_it_asks_for(
    start: Callable[..., MockServer], asked: dict[str, str], token: str, status: int, code: int
) -> None:
    """The caller is looked at first, so a stranger neither holds a connection nor has the world copied."""
    mock = start(auth_mode="strict")
    headers = {"Authorization": token, **asked} if token else asked
    rejected = httpx.get(mock.url + AUDIENCES, headers=headers, timeout=WITHIN_S)
    assert rejected.status_code == status
    assert pinterest_error(rejected)["code"] == code
    (entry,) = httpx.get(f"{mock.url}/__admin/journal").json()["entries"]
    assert entry["fault"] is None
    other = httpx.get(f"{mock.url}/custom_audiences", headers=asked, timeout=WITHIN_S)
    assert other.status_code == 401
    assert pitchtarget_error(other)
    unsigned = httpx.put(f"{mock.url}/v5/__uploads/1/1", headers=asked, timeout=WITHIN_S)
    assert (unsigned.status_code, "<Code>AccessDenied</Code>" in unsigned.text) == (403, True)


@pytest.mark.parametrize("asked", ["latency_ms=1", "effect_lost", "garbage", "status=503", "nonsense"])
def test_a_call_that_asks_for_a_fault_counts_once(start: Callable[..., MockServer], asked: str) -> None:
    """It counts against the rate limits as any call of its caller."""
    mock = start()
    mock.world.clock.freeze()
    client = Client(mock.url)
    client.browse(**{HEADER: asked})
    left = client.browse().headers["x-ratelimit-remaining"]
    client.http.close()
    assert left == "98"


def test_only_so_many_requests_wait_because_of_faults(
    mock: MockServer,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One more that is late gets the API's 503, and one more that stalls is ended at once; the journal says
    why, and when one has ended there is room again."""
    monkeypatch.setattr(in_flight, "MAX_WAITING", 2)
    stalled = [open_and_ask(client, f"{HEADER}: stall=before") for _ in range(2)]
    until(lambda: steps(mock) == 2, "two that wait")
    assert client.browse(**{HEADER: "latency_ms=1"}).status_code == 503
    entry = client.http.get("/__admin/journal").json()["entries"][-1]
    assert entry["reason"] == "faults keep 2 requests waiting already"
    third = open_and_ask(client, f"{HEADER}: stall=before")
    with pytest.raises(ConnectionResetError):
        assert third.recv(1) == b"x"
    assert "a stalled connection ends at once: faults keep 2 requests waiting already" in caplog.text
    for connection in (*stalled, third):
        connection.close()
    until(lambda: client.browse(**{HEADER: "latency_ms=1"}).status_code == 200, "room again")


def open_and_ask(client: Client, header: str) -> socket.socket:
    url = httpx.URL(client.url)
    connection = socket.create_connection((url.host, url.port or 0), timeout=WITHIN_S)
    lines = (f"GET {AUDIENCES} HTTP/1.1", "Host: mock", "Authorization: Bearer pina_x", header, "", "")
    connection.sendall("\r\n".join(lines).encode())
    return connection


@pytest.mark.sqlite_only(reason="copies are not in memory")
@pytest.mark.parametrize(
    ("bound", "value", "reason"),
    [
        ("MAX_COPIES", 0, "faults hold 0 copies of worlds already"),
        ("MAX_COPIED_BYTES", 1000, "faults copy 1000 bytes of worlds at most"),
    ],
)
def test_only_so_much_is_copied_for_lost_effects(
    client: Client, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, reason: str
) -> None:
    """Beyond the bounds, a lost effect is answered by the API's 503; nothing is stored."""
    assert client.create(**{HEADER: "effect_lost"}).status_code == 201
    monkeypatch.setattr(in_flight, bound, value)
    rejected = client.create(**{HEADER: "effect_lost"})
    assert rejected.status_code == 503
    assert pinterest_error(rejected)["code"] == 12
    client.plan(effect_lost=True, first=1)
    assert client.create().status_code == 503
    entries = client.http.get("/__admin/journal").json()["entries"]
    assert [entry.get("reason") for entry in entries] == [None, reason, reason]
    assert client.audiences() == 0


def test_a_copy_is_released_whatever_comes_of_it() -> None:
    """Copies and waiting requests are counted until they end, also by an exception."""
    holds = in_flight.InFlight()
    for _ in range(3 * in_flight.MAX_COPIES):
        with pytest.raises(KeyError), holds.copying(in_flight.MAX_COPIED_BYTES), holds.waiting("default"):
            raise KeyError
    with holds.copying(1), pytest.raises(in_flight.TooManyInFlightError):
        with holds.copying(in_flight.MAX_COPIED_BYTES):
            pass


def test_planned_faults_show_no_secret(client: Client) -> None:
    """A fault that was planned for a token, a password or a cookie is listed without it, and fires for it."""
    match = {
        "headers": {"Authorization": "Bearer pina_hidden1word", "Cookie": "a=hidden2word; b=hidden3word"},
        "query": {"access_token[]": "hidden4word"},
        "body": {"user": {"pwd": ["hidden5word"]}, "app_secret": "hidden6word"},
    }
    id = client.plan(status=503, match=match, body={"access_token": "hidden7word", "code": 7})
    by_token = client.plan(
        "audiences/list", status=500, match={"headers": {"authorization": "Bearer pina_hidden8word"}}
    )
    for shown in (client.http.get("/__admin/faults").text, client.http.get(f"/__admin/faults/{id}").text):
        assert "hidden" not in shown
        assert '"code":7' in shown
    assert client.browse(Authorization="Bearer pina_hidden8word").status_code == 500
    assert client.state(by_token)["fired"] == 1
