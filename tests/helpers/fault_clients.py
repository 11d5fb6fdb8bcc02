"""A client that plans faults and calls, and a raw socket that sees a connection break."""

import json
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}
FIELDS = {"fb_ad_account_id": "2", "name": "Users", "user_type": "email_hash"}
FILE = {"file": b"%064x\n%064x\n" % (1, 2)}
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


def steps(mock: MockServer, world: str = "default") -> int:
    """How many requests are waiting in a world."""
    return len(mock.app.state.worlds.get_or_create(world).long_operations)
