"""Planned faults that break, delay or falsify responses, seen on the wire."""

import json
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from audience_mock.core.store.tables import UploadPiece, UserBlock, table_of
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.fault_clients import (
    AUDIENCES,
    FIELDS,
    FILE,
    READS,
    VISITORS,
    Client,
    Read,
    Wire,
    client,
    connected,
    on_the_wire,
    request_bytes,
    steps,
)
from helpers.waiting import until

__all__ = ["client"]

LARGE_TABLES = [table_of(UserBlock).name, table_of(UploadPiece).name]


@pytest.fixture(params=READS, ids=lambda read: read.operation)
def read(request: pytest.FixtureRequest) -> Read:
    """A read of each API."""
    found: Read = request.param
    return found


# Connections


def test_a_connection_is_reset_before_in_and_after_the_body(
    mock: MockServer, client: Client, read: Read
) -> None:
    """A reset comes before anything is sent, after half of the body, or after all of it."""
    for reset in ("before", "in", "after"):
        client.plan(read.operation, reset=reset, first=1)
    before, half, whole = (on_the_wire(mock, request_bytes(read.path, read.headers)) for _ in range(3))
    assert before == Wire(b"", b"", "reset")
    assert half.head.startswith(b"HTTP/1.1 " + read.status)
    assert (half.body, half.end) == (read.body[: len(read.body) // 2], "reset")
    assert half.promised_bytes == len(read.body)
    assert whole.head.startswith(b"HTTP/1.1 " + read.status)
    assert (whole.body, whole.end) == (read.body, "reset")


def test_a_reset_before_the_body_runs_nothing(mock: MockServer, client: Client) -> None:
    """A reset before the body runs nothing; one in or after it comes too late for the effect."""
    for reset, made in (("before", 0), ("in", 1), ("after", 2)):
        client.plan("audiences/create", reset=reset, first=1)
        wire = on_the_wire(mock, request_bytes(body=VISITORS))
        assert (wire.end, client.audiences()) == ("reset", made)


@pytest.mark.parametrize("cut", [0, 7, 1_000_000])
def test_a_body_is_cut(mock: MockServer, client: Client, read: Read, cut: int) -> None:
    """The head announces the whole body, some bytes of it arrive, and the connection is closed."""
    client.plan(read.operation, cut_after_bytes=cut)
    wire = on_the_wire(mock, request_bytes(read.path, read.headers))
    assert wire.head.startswith(b"HTTP/1.1 " + read.status)
    assert (wire.body, wire.end, wire.promised_bytes) == (read.body[:cut], "closed", len(read.body))


def test_a_stalled_answer_stays_away_until_the_client_goes(
    mock: MockServer, client: Client, read: Read
) -> None:
    """Nothing is sent, or half of the body; the server notices when the client disconnects."""
    client.plan(read.operation, stall="before", first=1)
    client.plan(read.operation, stall="in", first=1)
    nothing = on_the_wire(mock, request_bytes(read.path, read.headers), 0)
    assert nothing == Wire(b"", b"", "open")
    half = on_the_wire(mock, request_bytes(read.path, read.headers), len(read.body) // 2)
    assert half.head.startswith(b"HTTP/1.1 " + read.status)
    assert (half.body, half.end) == (read.body[: len(read.body) // 2], "open")
    until(lambda: not steps(mock), "the end of what waits")


@pytest.mark.parametrize("what", ["reset", "restore", "delete"])
def test_a_stalled_or_late_answer_ends_with_its_world(mock: MockServer, client: Client, what: str) -> None:
    """A stalled response is reset with its world, and a delayed request does nothing in the next one."""
    blue = Client(f"{mock.url}/worlds/blue")
    with blue.http, connected(mock) as stalled, connected(mock) as late:
        blue.http.put("/__admin/snapshots/one")
        blue.plan("audiences/list", stall="before")
        blue.plan("audiences/create", latency_ms=60_000)
        stalled.sendall(request_bytes(f"/worlds/blue{AUDIENCES}"))
        late.sendall(request_bytes(f"/worlds/blue{AUDIENCES}", body=VISITORS))
        until(lambda: steps(mock, "blue") == 2, "two that wait")
        match what:
            case "reset":
                assert blue.http.post("/__admin/reset").status_code == 204
            case "restore":
                assert blue.http.post("/__admin/snapshots/one/restore").status_code == 204
            case _:
                assert client.http.delete("/__admin/worlds/blue").status_code == 204
        with pytest.raises(ConnectionResetError):
            stalled.recv(1)
        assert late.recv(1 << 16).startswith(b"HTTP/1.1 500 ")
        assert blue.audiences() == 0


def test_broken_connections_leave_no_line_in_the_log(
    mock: MockServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither uvicorn nor asyncio logs a connection that was broken on purpose."""
    faults = ("reset", "reset=in", "reset=after", "cut_after_bytes=3", "answer_lost", "stall", "stall=in")
    with caplog.at_level(logging.WARNING):
        for fault in faults:
            sent = request_bytes(headers={**PINTEREST_TOKEN, "X-Audience-Mock-Fault": fault})
            stalls_after = {"stall": 0, "stall=in": len(READS[0].body) // 2}.get(fault)
            assert on_the_wire(mock, sent, stalls_after)
        # With a second request after it on the same connection.
        sent = request_bytes(headers={**PINTEREST_TOKEN, "X-Audience-Mock-Fault": "cut_after_bytes=3"})
        assert on_the_wire(mock, sent + request_bytes()).end in ("closed", "reset")
        until(lambda: not steps(mock), "the end of what waits")
        assert client.browse().status_code == 200
    assert caplog.messages == []


def test_a_reset_takes_nothing_back(mock: MockServer, client: Client) -> None:
    """A client that reads slowly gets all that was sent before the reset."""
    client.plan("audiences/list", reset="after")
    link = connected(mock)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with link:
        link.sendall(request_bytes())
        until(lambda: client.state("fault-1")["fired"] == 1, "a fault that fired")
        received = b""
        while not received.endswith(READS[0].body):
            received += link.recv(64)
        with pytest.raises(ConnectionResetError):
            link.recv(64)


# Answers that are not what they seem


def test_an_answer_says_that_it_is_of_another_type(client: Client) -> None:
    """The content type is the planned one, and the body what it is."""
    client.plan(content_type="text/html")
    for response, read in zip((client.browse(), client.find()), READS, strict=True):
        assert response.headers.get_list("content-type") == ["text/html"]
        assert response.content == read.body


def test_garbage_is_no_json(client: Client) -> None:
    """Status and type stay, and the body is neither JSON nor UTF-8, even if there was none."""
    made = client.upload().json()["fb_custom_audience"]["id"]
    client.plan(garbage=True)
    deleted = client.http.delete(f"/custom_audiences/{made}", headers=PITCHTARGET_TOKEN)
    for response, status in ((client.create(), 201), (client.find("x"), 404), (deleted, 200)):
        assert response.status_code == status
        with pytest.raises(json.JSONDecodeError):
            json.loads(response.content.decode("latin-1"))
        with pytest.raises(UnicodeDecodeError):
            response.content.decode()


def test_answer_lost_runs_the_operation(mock: MockServer, client: Client) -> None:
    """The operation is run, and the connection is closed without a byte."""
    client.plan("audiences/create", answer_lost=True)
    client.plan("custom_audiences/create", answer_lost=True)
    assert on_the_wire(mock, request_bytes(body=VISITORS)) == Wire(b"", b"", "closed")
    with pytest.raises(httpx.RemoteProtocolError):
        client.upload()
    assert client.audiences() == 2


def rows(mock: MockServer) -> list[str]:
    """All rows of a world, those of the attached database included."""
    driver = mock.world.database.driver
    large = [driver.execute(f"SELECT * FROM {table} ORDER BY 1, 2") for table in LARGE_TABLES]
    return [*driver.iterdump(), *(str(row) for table in large for row in table)]


@pytest.fixture(params=["memory", "file"])
def kept(request: pytest.FixtureRequest, start: Callable[..., MockServer], tmp_path: Path) -> MockServer:
    """A server with each kind of database, its clock frozen."""
    server = start(database="sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/kept.db")
    server.world.clock.freeze()
    return server


@pytest.mark.sqlite_only(reason="it counts the rows of SQLite")
def test_effect_lost_answers_as_usual(kept: MockServer) -> None:
    """Creates, uploads in one piece and in parts, changes, removals and tokens are answered as always, and no
    row is another; the next one gets the id that was promised."""
    with httpx.Client(base_url=kept.url, headers=PINTEREST_TOKEN) as http:
        client = Client(kept.url)
        with client.http:
            standing = client.create().json()["id"]
            uploaded = client.upload().json()["fb_custom_audience"]["id"]
            lists = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
            emails = {"name": "l", "records": "a@example.com", "list_type": "EMAIL"}
            customer_list = f"{lists}/{http.post(lists, json=emails).json()['id']}"
            parts = http.post(f"{customer_list}/uploads", json={"operation": "ADD", "total_parts": 1}).json()
            part = parts["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"]
            run = f"{customer_list}/uploads/{parts['customer_list_upload']['id']}/run"
            assert http.put(part, content=b"b@example.com\n").status_code == 200
            before = rows(kept)
            lost = {"X-Audience-Mock-Fault": "effect_lost"}
            one = f"{AUDIENCES}/{standing}"
            other = f"/custom_audiences/{uploaded}"
            app = {"auth": ("1", "s"), "data": {"grant_type": "client_credentials", "scope": "ads:read"}}
            answers = [
                client.create(**lost),
                client.upload(**lost),
                http.patch(one, json={"name": "new"}, headers=lost),
                http.patch(one, json={"operation_type": "REMOVE"}, headers=lost),
                http.delete(other, headers={**PITCHTARGET_TOKEN, **lost}),
                http.put(other, files=FILE, headers={**PITCHTARGET_TOKEN, **lost}),
                http.put(part, content=b"c@example.com\n", headers=lost),
                http.post(run, headers=lost),
                httpx.post(f"{kept.pinterest_url}/oauth/token", headers=lost, **app),  # type: ignore[arg-type]
            ]
            statuses = [answer.status_code for answer in answers]
            assert statuses == [201, 201, 200, 200, 204, 200, 200, 200, 200]
            assert answers[2].json()["name"] == "new"
            assert rows(kept) == before
            assert client.create().json()["id"] == answers[0].json()["id"] != standing
            assert client.upload().json() == answers[1].json()
            assert http.get(one).json()["name"] == "v"
            assert client.audiences() == 4


def test_effect_lost_discards_only_its_own_request(mock: MockServer, client: Client) -> None:
    """Discarding a long upload keeps what other requests created meanwhile."""
    client.plan("custom_audiences/create", effect_lost=True, first=1)
    boundary = "b"
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in FIELDS.items()
    ]
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    body = ("".join(parts) + file).encode() + FILE["file"] + b"\r\n--b--\r\n"
    half = len(body) // 2
    head = (
        "POST /custom_audiences HTTP/1.1\r\nHost: mock.test\r\nConnection: close\r\n"
        f"Authorization: {PITCHTARGET_TOKEN['Authorization']}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n"
    )
    with connected(mock) as link:
        link.sendall(head.encode() + body[:half])
        until(lambda: client.state("fault-1")["fired"] == 1, "a fault that fired")
        assert client.create().status_code == 201
        link.sendall(body[half:])
        assert link.recv(1 << 16).startswith(b"HTTP/1.1 201 ")
    assert client.audiences() == 1


def test_latency_is_real_time(mock: MockServer, client: Client) -> None:
    """A delayed response is as usual, though the world's clock is frozen."""
    now_ms = mock.world.clock.now_ms()
    client.plan("audiences/create", latency_ms={"from": 50, "to": 100})
    client.plan("audiences/list", latency_ms=30, status=503)
    began = time.monotonic()
    assert client.create().status_code == 201
    assert time.monotonic() - began > 0.04, "a timer may be a millisecond early"
    assert client.browse().status_code == 503
    assert mock.world.clock.now_ms() == now_ms


def test_other_requests_do_not_wait_for_a_late_one(mock: MockServer, client: Client) -> None:
    """While a response is delayed, another request is answered."""
    client.plan("audiences/create", latency_ms=60_000)
    with connected(mock) as late:
        late.sendall(request_bytes(body=VISITORS))
        until(lambda: steps(mock) == 1, "one that waits")
        assert client.find().status_code == 404
        assert steps(mock) == 1
        assert client.http.post("/__admin/reset").status_code == 204
        assert late.recv(1 << 16).startswith(b"HTTP/1.1 500 ")
