"""Planned faults, seen on the wire: through a raw socket where the connection breaks."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.testclient import TestClient

from audience_mock.core.controls.faults import MAX_FAULTS
from audience_mock.core.store.tables import UploadPiece, UserBlock, table_of
from audience_mock.testing import MockServer
from audience_mock.web import in_flight
from audience_mock.web.requested_faults import HEADER
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error, pinterest_error, pitchtarget_error
from helpers.waiting import until

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}
FIELDS = {"fb_ad_account_id": "2", "name": "Users", "user_type": "email_hash"}
FILE = {"file": b"%064x\n%064x\n" % (1, 2)}
LARGE_TABLES = [table_of(UserBlock).name, table_of(UploadPiece).name]
WITHIN_S = 60
"""How long a test waits for what is to come."""

QUIET_S = 0.2
"""How long nothing has to come over a connection that stays open: chosen; too short a time fails no test."""


class Client:
    """Plans faults in a world of a server, and calls both of its APIs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, headers=PINTEREST_TOKEN, timeout=WITHIN_S)

    def plan(self, operation: str = "*", **fault: Any) -> str:
        planned = self.http.post("/__admin/faults", json={"operation": operation, **fault})
        assert planned.status_code == 201, planned.text
        (id,) = planned.json()["ids"]
        return str(id)

    def state(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/__admin/faults/{id}").json()
        return found

    def browse(self, **headers: str) -> httpx.Response:
        return self.http.get(AUDIENCES, headers=headers)

    def create(self, **headers: str) -> httpx.Response:
        return self.http.post(AUDIENCES, json=VISITORS, headers=headers)

    def find(self, id: str = "54", **headers: str) -> httpx.Response:
        return self.http.get(f"/custom_audiences/{id}", headers={**PITCHTARGET_TOKEN, **headers})

    def upload(self, **headers: str) -> httpx.Response:
        return self.http.post(
            "/custom_audiences", data=FIELDS, files=FILE, headers={**PITCHTARGET_TOKEN, **headers}
        )

    def statuses(self, calls: int) -> list[int]:
        return [self.browse().status_code for _ in range(calls)]

    def audiences(self) -> int:
        return int(self.http.get("/__admin/health").json()["audiences"])


@pytest.fixture
def client(mock: MockServer) -> Iterator[Client]:
    client = Client(mock.url)
    yield client
    client.http.close()


class Wire(NamedTuple):
    """What came over a connection, and how it ended: "reset", "closed" or, if it did not, "open"."""

    head: bytes
    body: bytes
    end: str

    @property
    def promised_bytes(self) -> int:
        (length,) = [line for line in self.head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return int(length.partition(b":")[2])


def request_bytes(
    path: str = AUDIENCES, headers: dict[str, str] = PINTEREST_TOKEN, body: Any = None
) -> bytes:
    sent = b"" if body is None else json.dumps(body).encode()
    more = {} if body is None else {"Content-Type": "application/json", "Content-Length": str(len(sent))}
    lines = [f"{name}: {value}" for name, value in {"Host": "mock.test", **headers, **more}.items()]
    method = "GET" if body is None else "POST"
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + sent


def on_the_wire(mock: MockServer, sent: bytes, open_after_bytes: int | None = None) -> Wire:
    """Send a request over a connection of its own and read what comes: until the connection ends, or until
    so many bytes of the body have come, none with 0 and no head either, and then nothing more."""
    received = b""
    with connected(mock) as link:
        link.sendall(sent)
        end = ""
        while not end:
            if open_after_bytes is not None:
                is_all = len(received.partition(b"\r\n\r\n")[2]) >= open_after_bytes
                link.settimeout(QUIET_S if is_all else WITHIN_S)
            try:
                piece = link.recv(1 << 16)
            except ConnectionResetError:
                end = "reset"
            except TimeoutError:
                end = "open"
            else:
                received += piece
                end = "" if piece else "closed"
    head, _, body = received.partition(b"\r\n\r\n")
    return Wire(head, body, end)


def connected(mock: MockServer) -> socket.socket:
    host, _, port = mock.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=WITHIN_S)


class Read(NamedTuple):
    """A read of one API, and its response in a fresh world."""

    operation: str
    path: str
    headers: dict[str, str]
    status: bytes
    body: bytes


READS = [
    Read("audiences/list", AUDIENCES, PINTEREST_TOKEN, b"200", b'{"items":[],"bookmark":null}'),
    Read(
        "custom_audiences/get",
        "/custom_audiences/54",
        PITCHTARGET_TOKEN,
        b"404",
        b'{"errors":{"base":["Couldn\'t find the audience"]}}',
    ),
]


@pytest.fixture(params=READS, ids=lambda read: read.operation)
def read(request: pytest.FixtureRequest) -> Read:
    """A read of each API."""
    found: Read = request.param
    return found


# Rejected


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, 1, "Invalid request: Bad Request"),
        (401, 2, "Authentication failed."),
        (403, 29, "You are not permitted to access that resource."),
        (404, 4, "Sorry! We could not find your resource."),
        (405, 5, "Method not allowed"),
        (409, 1, "Invalid request: Conflict"),
        (429, 8, "You have exceeded your rate limit. Try again later."),
        (499, 1, "Invalid request: 499"),
        (500, 12, "Something went wrong on our end. Sorry about that."),
        (503, 12, "Something went wrong on our end. Sorry about that."),
    ],
)
def test_a_planned_status_is_pinterests_own_error(
    client: Client, status: int, code: int, message: str
) -> None:
    """A planned status has Pinterest's code and message, and nothing is created."""
    client.plan("audiences/create", status=status, first=1)
    rejected = client.create()
    assert rejected.status_code == status
    assert (pinterest_error(rejected)["code"], pinterest_error(rejected)["message"]) == (code, message)
    assert ("x-ratelimit-limit" in rejected.headers) == (status != 401)
    assert client.audiences() == 0
    assert client.create().status_code == 201


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "Authorization is missing or not of the form: OAuth <token>"),
        (404, "Couldn't find the audience"),
        (422, "is invalid"),
        (429, "Too Many Requests"),
        (500, "We're sorry, but something went wrong"),
        (503, "We're sorry, but something went wrong"),
    ],
)
def test_a_planned_status_is_pitchtargets_own_error(client: Client, status: int, reason: str) -> None:
    """A planned status has PitchTarget's shape and message, and nothing is created."""
    client.plan("custom_audiences/create", status=status)
    rejected = client.upload()
    assert rejected.status_code == status
    assert pitchtarget_error(rejected) == {"base": [reason]}
    assert client.audiences() == 0


def test_a_planned_status_may_have_another_body(client: Client) -> None:
    """`body` takes the place of the API's own error: a string as it is, anything else as JSON."""
    client.plan("audiences/list", status=502, body="<h1>Bad gateway</h1>", first=1)
    client.plan("audiences/list", status=400, body={"code": 8, "message": "Slow down"}, first=1)
    client.plan("custom_audiences/get", status=500, body=None)
    assert (client.browse().text, client.browse().json()) == (
        "<h1>Bad gateway</h1>",
        {"code": 8, "message": "Slow down"},
    )
    null = client.find()
    assert (null.status_code, null.text, "etag" in null.headers) == (500, "null", False)


def test_a_fault_comes_before_the_caller_and_the_body_are_looked_at(client: Client) -> None:
    """A planned fault fires despite a missing token or a malformed body."""
    client.plan("audiences/create", status=503)
    assert httpx.post(client.url + AUDIENCES, content=b"{").status_code == 503


def test_a_limit_window_ends_by_the_worlds_clock(mock: MockServer, client: Client) -> None:
    """From its first call on, a limit window answers 429 with the seconds left, until it is over."""
    id = client.plan("audiences/list", limit_window_s=60)
    mock.world.clock.advance(100_000)
    for left_s in ("60", "31"):
        rejected = client.browse()
        assert pinterest_error(rejected)["code"] == 8
        assert (rejected.status_code, rejected.headers["x-ratelimit-reset"]) == (429, left_s)
        assert rejected.headers["x-ratelimit-remaining"] == "0"
        mock.world.clock.advance(29_500)
    state = client.state(id)
    assert (state["fired"], state["left"], state["window_left_s"]) == (2, 0, 1.0)
    mock.world.clock.advance(1000)
    assert client.statuses(2) == [200, 200]
    assert client.state(id)["window_left_s"] == 0
    client.plan("custom_audiences/get", limit_window_s=1, first=2)
    assert client.find().status_code == client.find().status_code == 429
    mock.world.clock.advance(1000)
    assert client.find().status_code == 429
    mock.world.clock.advance(1000)
    assert client.find().status_code == 404


# Tokens


def test_a_stale_token_is_rejected_until_there_is_another(client: Client) -> None:
    """From its first call on, a stale token is rejected by every operation, and another token is not; the
    fault counts its calls, and its end is that of all faults."""
    id = client.plan("audiences/list", skip=1, stale_token=True)
    other = {**PINTEREST_TOKEN, "Authorization": "Bearer pina_refreshed"}
    assert client.statuses(2) == [200, 401]
    assert [client.create().status_code, client.browse().status_code] == [401, 401]
    assert httpx.get(client.url + AUDIENCES, headers=other).status_code == 200
    state = client.state(id)
    assert (state["seen"], state["fired"], state["left"], state["used"]) == (2, 3, 0, True)
    client.http.delete("/__admin/faults")
    assert client.browse().status_code == 200


def test_a_stale_token_of_pitchtarget(client: Client) -> None:
    """A stale token gets PitchTarget's own 401; planned faults behind it do not fire meanwhile."""
    client.plan("custom_audiences/get", stale_token=True)
    later = client.plan("custom_audiences/get", status=503)
    assert [client.find().status_code for _ in range(2)] == [401, 401]
    assert client.state(later)["fired"] == 0


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


def steps(mock: MockServer, world: str = "default") -> int:
    """How many requests are waiting in a world."""
    return len(mock.app.state.worlds.get_or_create(world).long_operations)


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


# Which calls


def test_first_skip_and_every_choose_the_calls(client: Client) -> None:
    """A fault lets `skip` calls pass, takes each `every`-th of the next, and that `first` times."""
    client.plan("audiences/list", status=500, skip=1, every=2, first=2)
    assert client.statuses(8) == [200, 200, 500, 200, 500, 200, 200, 200]


def test_faults_of_one_operation_come_one_after_the_other(client: Client) -> None:
    """If several match a call, the one planned first fires, and each counts the call as seen."""
    client.plan("audiences/list", status=500, first=1)
    client.plan(status=503, first=1)
    client.plan("audiences/list", status=404, skip=3)
    assert client.statuses(5) == [500, 503, 200, 404, 404]


def test_counters_say_what_is_unused(client: Client) -> None:
    """GET tells the calls seen and fired, those left, and which faults are unused."""
    assert client.http.get("/__admin/faults").json() == {"faults": [], "unused": []}
    plan: dict[str, Any] = {"operation": "audiences/list", "status": 500, "skip": 1, "first": 2}
    first = client.plan(**plan)
    endless = client.plan("audiences/list", latency_ms=1)
    unused = client.plan("audiences/create", garbage=True)
    client.statuses(2)
    state = client.state(first)
    counters = {"seen": 2, "fired": 1, "left": 1, "used": False, "window_left_s": 0.0}
    assert state == {"id": first, **plan, **counters}
    listed = client.http.get("/__admin/faults").json()
    assert [fault["id"] for fault in listed["faults"]] == [first, endless, unused]
    assert listed["unused"] == [first, unused]
    client.statuses(2)
    assert client.state(first) == {"id": first, **plan, **counters} | {
        "seen": 3,
        "fired": 2,
        "left": 0,
        "used": True,
    }
    assert client.http.get("/__admin/faults").json()["unused"] == [unused]


@pytest.mark.sqlite_only(reason="chance differs between servers of a database")
def test_chance_is_the_same_every_time_and_disturbs_no_other(start: Callable[..., MockServer]) -> None:
    """On two fresh servers the same calls fail by chance, whatever else is planned; request ids are those of
    a server without faults."""
    outcomes, request_ids = [], []
    for others in (0, 1, 2):
        client = Client(start().url)
        with client.http:
            if others != 2:
                client.plan("audiences/list", latency_ms={"from": 0, "to": 1}, chance=0.5)
                client.http.delete("/__admin/faults/fault-1")
            for _ in range(others % 2):
                client.plan("audiences/create", status=500, chance=0.5)
                client.http.delete("/__admin/faults/fault-2")
                client.http.post("/__admin/reset")
                client.plan("audiences/create", status=500, chance=0.5)
            if others != 2:
                client.plan("audiences/list", status=500, chance=0.5)
            answers = [client.browse() for _ in range(30)]
            outcomes.append([answer.status_code for answer in answers])
            request_ids.append([answer.headers["x-pinterest-rid"] for answer in answers])
    assert outcomes[0] == outcomes[1]
    assert {200, 500} == set(outcomes[0])
    assert request_ids[0] == request_ids[1] == request_ids[2]


@pytest.mark.parametrize(
    ("match", "other"),
    [
        ({"method": "post"}, {"method": "GET"}),
        ({"path": f"/ad_accounts/{AD_ACCOUNT}/audiences"}, {"path": AUDIENCES}),
        ({"path_params": {"ad_account_id": AD_ACCOUNT}}, {"path_params": {"ad_account_id": "1"}}),
        ({"query": {"dry": "1"}}, {"query": {"dry": "2"}}),
        ({"headers": {"X-Trace": "a"}}, {"headers": {"X-Trace": "b"}}),
        ({"body": {"rule": {"visitor_source_id": "2612345678901"}}}, {"body": {"rule": {"event": "x"}}}),
        ({"body": {"name": "v"}, "method": "POST"}, {"body": {"name": "v"}, "method": "PUT"}),
    ],
)
def test_only_requests_that_hold_a_subset_go_wrong(
    client: Client, match: dict[str, Any], other: dict[str, Any]
) -> None:
    """A fault matches method, path, query, headers and body; the operation still gets the body."""
    client.plan("audiences/create", status=500, match=other)
    headers = {"X-Trace": "a"}
    url = f"{AUDIENCES}?dry=1"
    assert client.http.post(url, json=VISITORS, headers=headers).status_code == 201
    client.plan("audiences/create", status=503, match=match)
    assert client.http.post(url, json=VISITORS, headers=headers).status_code == 503
    assert client.state("fault-1")["seen"] == 0


def test_a_body_that_is_matched_is_passed_on(client: Client) -> None:
    """Forms, files, malformed and too large bodies reach the operation unchanged if a fault matches by
    body."""
    client.plan(status=500, match={"body": {"name": "nobody"}})
    assert client.upload().status_code == 201
    assert pinterest_error(client.http.post(AUDIENCES, content=b"{"))["code"] == 1
    assert client.http.post(AUDIENCES, content=b" " * (2 << 20)).status_code == 413
    # Without a word of its length.
    chunks = (b" " * (1 << 16) for _ in range(40))
    assert client.http.post(AUDIENCES, content=chunks).status_code == 413
    form = {"grant_type": "client_credentials", "scope": "ads:read"}
    token = f"{client.url}/v5/oauth/token"
    assert httpx.post(token, data=form, auth=("1", "s")).status_code == 200
    client.plan("oauth/token", status=503, match={"body": {"grant_type": "client_credentials"}})
    assert httpx.post(token, data=form, auth=("1", "s")).status_code == 503


def test_every_operation_can_go_wrong_and_control_cannot(client: Client) -> None:
    """* is every operation of both APIs, those with the parts of a file too, and none of /__admin."""
    client.plan(status=503)
    assert client.browse().status_code == client.find().status_code == 503
    assert client.http.put("/v5/__uploads/1/1", content=b"x").status_code == 503
    assert client.http.get("/__admin/worlds").status_code == 200
    asked = {"X-Audience-Mock-Fault": "status=500", "Prefer": "code=500"}
    assert client.http.get("/__admin/worlds", headers=asked).status_code == 200
    assert client.http.delete("/__admin/faults").status_code == 204


# Planning


@pytest.mark.parametrize(
    ("fault", "field", "says"),
    [
        (
            {"operation": "audiences/creat", "status": 500},
            "operation",
            "unknown operation 'audiences/creat', did you mean 'audiences/create'",
        ),
        ({"operation": "customer_lists", "status": 500}, "operation", "did you mean 'customer_lists/"),
        (
            {"operation": "zzz", "status": 500},
            "operation",
            "unknown operation 'zzz': /openapi/*.json list the operation ids",
        ),
        ({"status": 500}, "operation", "operation: missing"),
        ({"operation": "*"}, None, "a fault needs an effect: give one of status"),
        ({"operation": "*", "status": 500, "reset": "in"}, "reset", "status and reset do not go together"),
        ({"operation": "*", "effect_lost": True, "answer_lost": True}, "answer_lost", "do not go together"),
        ({"operation": "*", "garbage": True, "body": 1}, "body", "body goes with status only"),
        ({"operation": "*", "status": 399}, "status", "must be a whole number from 400 to 599 (given: 399)"),
        (
            {"operation": "*", "status": "500"},
            "status",
            "must be a whole number from 400 to 599 (given: '500')",
        ),
        (
            {"operation": "*", "reset": "never"},
            "reset",
            "must be one of 'before', 'in', 'after' (given: 'never')",
        ),
        ({"operation": "*", "garbage": False}, "garbage", "must be true (given: false)"),
        (
            {"operation": "*", "cut_after_bytes": -1},
            "cut_after_bytes",
            "must be a whole number, 0 or more (given: -1)",
        ),
        ({"operation": "*", "content_type": "a\r\nb: c"}, "content_type", "must match the pattern ^[!-~]"),
        ({"operation": "*", "content_type": "text/ä"}, "content_type", "must match the pattern ^[!-~]"),
        (
            {"operation": "*", "latency_ms": 60_001},
            "latency_ms.from",
            "must be a whole number from 0 to 60000",
        ),
        ({"operation": "*", "latency_ms": {"from": 2, "to": 1}}, "latency_ms", "the less before the more"),
        ({"operation": "*", "latency_ms": {"from": 2}}, "latency_ms.to", "latency_ms.to: missing"),
        (
            {"operation": "*", "limit_window_s": 0},
            "limit_window_s",
            "must be a number, greater than 0 and at most",
        ),
        (
            {"operation": "*", "status": 500, "first": 0},
            "first",
            "must be a whole number, 1 or more (given: 0)",
        ),
        (
            {"operation": "*", "status": 500, "every": 0},
            "every",
            "must be a whole number, 1 or more (given: 0)",
        ),
        (
            {"operation": "*", "status": 500, "skip": -1},
            "skip",
            "must be a whole number, 0 or more (given: -1)",
        ),
        (
            {"operation": "*", "status": 500, "chance": 1.5},
            "chance",
            "must be a number from 0 to 1 (given: 1.5)",
        ),
        (
            {"operation": "*", "status": 500, "match": {"url": "x"}},
            "match.url",
            "unknown key 'url' (known: method, path, path_params,",
        ),
        (
            {"operation": "*", "status": 500, "often": 1},
            "often",
            "unknown key 'often' (known: operation, match, skip, every,",
        ),
    ],
)
def test_an_invalid_fault_is_rejected_with_its_field(
    client: Client, fault: dict[str, Any], field: str | None, says: str
) -> None:
    """An invalid fault is rejected with its field, alone or as the second of two; then neither is planned."""
    alone = control_error(client.http.post("/__admin/faults", json=fault), 400)
    assert alone.get("field") == field
    assert says in alone["error"]
    right = {"operation": "*", "status": 500}
    several = control_error(client.http.post("/__admin/faults", json={"faults": [right, fault]}), 400)
    assert several["field"] == ("faults.1" if field is None else f"faults.1.{field}")
    assert client.http.get("/__admin/faults").json()["faults"] == []


def test_several_are_planned_at_once(client: Client) -> None:
    """The faults of a list are planned in order and their ids returned; a list is not empty and has no other
    key."""
    faults = [{"operation": "audiences/list", "status": status, "first": 1} for status in (500, 404)]
    planned = client.http.post("/__admin/faults", json={"faults": faults})
    assert (planned.status_code, planned.json()) == (201, {"ids": ["fault-1", "fault-2"]})
    assert client.statuses(3) == [500, 404, 200]
    wrongs: list[Any] = [{"faults": []}, {"faults": faults, "status": 500}, {"faults": None}, [], None]
    for wrong in wrongs:
        control_error(client.http.post("/__admin/faults", json=wrong), 400)
    control_error(client.http.post("/__admin/faults", content=b"{"), 400)


def test_a_world_has_a_thousand_faults_at_most(client: Client) -> None:
    """One more than MAX_FAULTS is rejected, and so is a list that would make one more."""
    fault: dict[str, Any] = {"operation": "audiences/list", "status": 500}
    client.plan(**fault)
    many = client.http.post("/__admin/faults", json={"faults": [fault] * MAX_FAULTS})
    assert "1000 faults at most" in control_error(many, 409)["error"]
    rest = client.http.post("/__admin/faults", json={"faults": [fault] * (MAX_FAULTS - 1)})
    assert rest.status_code == 201
    control_error(client.http.post("/__admin/faults", json=fault), 409)


def test_faults_are_deleted(client: Client) -> None:
    """Faults are deleted by id or all at once; an unknown id is an error."""
    for status in (500, 502, 503):
        client.plan("audiences/list", status=status)
    assert client.http.delete("/__admin/faults/fault-1").status_code == 204
    assert client.browse().status_code == 502
    for response in (client.http.delete("/__admin/faults/fault-1"), client.http.get("/__admin/faults/x")):
        assert "there is no fault" in control_error(response, 404)["error"]
    assert client.http.delete("/__admin/faults").status_code == 204
    assert client.browse().status_code == 200
    assert client.plan("audiences/list", status=500) == "fault-4"


def test_faults_stay_in_their_world(mock: MockServer, client: Client) -> None:
    """A fault is for its world; a fork and a snapshot do not carry it, and a reset or restore ends it."""
    blue = Client(f"{mock.url}/worlds/blue")
    with blue.http:
        blue.plan(status=503)
        assert (client.browse().status_code, blue.browse().status_code) == (200, 503)
        assert client.http.get("/__admin/faults").json()["faults"] == []
        client.http.post("/__admin/worlds/blue/fork", json={"name": "red"})
        red = Client(f"{mock.url}/worlds/red")
        with red.http:
            assert red.browse().status_code == 200
        assert blue.http.put("/__admin/snapshots/one").status_code == 204
        for path in ("/__admin/snapshots/one/restore", "/__admin/reset"):
            assert blue.browse().status_code == 503
            assert blue.http.post(path).status_code == 204
            assert blue.browse().status_code == 200
            assert blue.plan(status=503) == "fault-1"


def test_calls_at_the_same_time_take_turns(client: Client) -> None:
    """Of many calls at once exactly as many fail as were planned, whether or not the body is looked at."""
    client.plan("audiences/create", status=503, first=20, match={"body": {"name": "v"}})
    statuses: list[int] = []

    def create() -> None:
        with httpx.Client(base_url=client.url, headers=PINTEREST_TOKEN) as http:
            statuses.extend(http.post(AUDIENCES, json=VISITORS).status_code for _ in range(10))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN_S)
    assert (statuses.count(503), statuses.count(201)) == (20, 60)
    assert client.audiences() == 60
    assert client.state("fault-1")["fired"] == 20


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
