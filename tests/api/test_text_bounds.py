"""How long names, descriptions and rules may be, and what a client that does not read costs."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from audience_mock.core.seeds import schemas
from audience_mock.core.seeds.apply import apply_seed
from audience_mock.testing import MockServer
from audience_mock.web.response import PIECE_BYTES
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error, pinterest_error
from helpers.pitchtarget_requests import FILE, FILE_FIELDS, LOOKALIKE, WEBSITE

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
RULE = {"visitor_source_id": "1", "retention_days": 30}
VISITORS: dict[str, Any] = {"name": "Visitors", "audience_type": "VISITOR", "rule": RULE}
LIST = {"name": "l", "list_type": "EMAIL", "records": "a@example.com"}
NAME, DESCRIPTION, RULE_BYTES = 1000, 10_000, 65_536


@pytest.fixture(params=["documented", "schema"])
def pinterest(request: pytest.FixtureRequest, start: Callable[..., MockServer]) -> Iterator[httpx.Client]:
    """A client of Pinterest's API, with either validation."""
    mock = start(pinterest_validation=request.param)
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "field", "most"),
    [
        (AUDIENCES, VISITORS, "name", NAME),
        (AUDIENCES, VISITORS, "description", DESCRIPTION),
        (LISTS, LIST, "name", NAME),
    ],
)
def test_a_text_of_pinterests_api_ends_somewhere(
    pinterest: httpx.Client, path: str, body: dict[str, Any], field: str, most: int
) -> None:
    """The longest text is taken and comes back, in characters of any size; a longer one is rejected."""
    made = pinterest.post(path, json={**body, field: "ü" * most})
    assert made.status_code == 201
    assert made.json()[field] == "ü" * most
    rejected = pinterest.post(path, json={**body, field: "ü" * (most + 1)})
    assert rejected.status_code == 400
    assert "is too long" in pinterest_error(rejected)["message"]
    assert len(rejected.content) < 1000
    if path == AUDIENCES:
        audience = f"{path}/{made.json()['id']}"
        assert pinterest.patch(audience, json={field: "x" * (most + 1)}).status_code == 400
        assert pinterest.get(audience).json()[field] == "ü" * most


def test_a_rule_of_pinterests_api_ends_somewhere(pinterest: httpx.Client) -> None:
    """A rule of more than 64 KiB is rejected, whichever of its keys is long, at a create and an update."""
    made = pinterest.post(AUDIENCES, json=VISITORS).json()["id"]
    for key, value in (("unknown", "x" * RULE_BYTES), ("url", ["https://example.com"] * 4000)):
        longer = {"rule": {**RULE, key: value}}
        for rejected in (
            pinterest.post(AUDIENCES, json=VISITORS | longer),
            pinterest.patch(f"{AUDIENCES}/{made}", json=longer),
        ):
            assert rejected.status_code == 400, rejected.text[:200]
            pinterest_error(rejected)
    assert pinterest.get(f"{AUDIENCES}/{made}").json()["rule"] == RULE


@pytest.mark.parametrize(
    ("body", "field", "longer"),
    [
        (LOOKALIKE, "name", "x" * (NAME + 1)),
        (WEBSITE, "name", "x" * (NAME + 1)),
        (WEBSITE, "rule", json.dumps({"url": "x" * RULE_BYTES})),
        (LOOKALIKE, "lookalike_spec", {**LOOKALIKE["lookalike_spec"], "more": "x" * RULE_BYTES}),  # type: ignore[dict-item]
        (FILE_FIELDS, "name", "x" * (NAME + 1)),
        (FILE_FIELDS, "description", "x" * (DESCRIPTION + 1)),
        (FILE_FIELDS, "opt_out_link", "http://x.example/" + "x" * NAME),
    ],
)
def test_a_text_of_pitchtargets_api_ends_somewhere(
    mock: MockServer, body: dict[str, Any], field: str, longer: Any
) -> None:
    """A longer one is rejected as Rails would, by name."""
    with httpx.Client(base_url=mock.url, headers=PITCHTARGET_TOKEN) as client:
        how: dict[str, Any] = {"data" if body is FILE_FIELDS else "json": {**body, field: longer}}
        if body is FILE_FIELDS:
            how["files"] = FILE
        rejected = client.post("/custom_audiences", **how)
    assert rejected.status_code == 422
    (reason,) = rejected.json()["errors"][field]
    assert reason.startswith("is too long (maximum is ")


@pytest.mark.parametrize(
    ("field", "longer"),
    [
        ("name", "x" * (NAME + 1)),
        ("description", "x" * (DESCRIPTION + 1)),
        ("definition", {"url": "x" * RULE_BYTES}),
        ("facebook_id", "1" * (NAME + 1)),
    ],
)
def test_a_seed_has_the_same_bounds(mock: MockServer, field: str, longer: Any) -> None:
    """What cannot be created cannot be seeded: a page is as small as one of created audiences."""
    audience = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "name": "v", field: longer}
    rejected = httpx.post(f"{mock.url}/__admin/seed", json={"audiences": [audience]})
    assert control_error(rejected, 400)["field"].startswith(f"audiences.0.{field}")


def test_a_client_that_does_not_read_has_a_few_pieces_waiting(mock: MockServer) -> None:
    """However many pages of megabytes a client asks for, the server takes the next piece of one only when the
    client has read; once it reads, it gets all."""
    audiences = [
        schemas.SeedAudience(
            api="pinterest",
            account=AD_ACCOUNT,
            kind="VISITOR",
            name="n" * NAME,
            description=f"{number:0{DESCRIPTION}d}",
        )
        for number in range(250)
    ]
    apply_seed(mock.world, schemas.Seed(audiences=audiences))
    path = f"{AUDIENCES}?page_size=250"
    page = httpx.get(mock.url + path, headers=PINTEREST_TOKEN).content
    assert len(page) > 20 * PIECE_BYTES
    pages = 5
    head = "".join(f"{name}: {value}\r\n" for name, value in PINTEREST_TOKEN.items())
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode()
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        link.settimeout(30)
        link.connect(("127.0.0.1", httpx.URL(mock.url).port or 0))
        here = link.getsockname()
        link.sendall(request * pages)
        seen = 0
        for _ in range(2000):
            waiting = waiting_bytes(mock, here)
            assert waiting <= 4 * PIECE_BYTES
            seen += waiting > 0
            if seen > 50:
                break
            httpx.get(f"{mock.url}/__admin/health")
        assert seen > 50, "the client is read from the system's buffers"
        received = bytearray()
        while received.count(b'"bookmark":') < pages:
            received += link.recv(1 << 16)
    assert received.count(page) == pages


def waiting_bytes(mock: MockServer, client: tuple[str, int]) -> int:
    """What waits in the server to be sent to this client."""
    for connection in list(mock._server.server_state.connections):
        transport = connection.transport
        if transport.get_extra_info("peername") == client:
            return int(transport.get_write_buffer_size())
    return 0
