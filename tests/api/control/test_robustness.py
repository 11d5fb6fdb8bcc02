"""Requests at bad moments, from many clients, and with invalid bodies."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.users import list_uploads
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import control_error, not_verified

PEOPLE = {"name": "l", "list_type": "EMAIL", "records": "a@example.com"}
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"


def begun(mock: MockServer, path: str, body: bytes, headers: str = "") -> socket.socket:
    """A request of which the server has the head and the first byte of its body."""
    link = socket.create_connection(("127.0.0.1", httpx.URL(mock.url).port or 0), timeout=60)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer pina_x\r\nConnection: close\r\n"
        f"Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    link.sendall(head.encode())
    # It asks for the body when the route begins to read it.
    assert link.recv(1000).startswith(b"HTTP/1.1 100 ")
    return link


def ended(link: socket.socket, body: bytes) -> httpx.Response:
    """The answer, once the rest is sent."""
    with link:
        link.sendall(body)
        raw = b"".join(iter(lambda: link.recv(65536), b""))
    head, _, content = raw.partition(b"\r\n\r\n")
    headers = [line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:]]
    return httpx.Response(int(head.split()[1]), headers=headers, content=content)


def test_a_request_to_a_world_that_is_deleted_meanwhile_has_a_plain_error(
    mock: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that is still sending a body gets an error that says so; no driver's message is logged."""
    for path, body in (
        ("/__admin/seed", b'{"audiences": []}'),
        ("/__admin/clock/advance", b'{"seconds": 1}'),
    ):
        link = begun(mock, f"/worlds/gone{path}", body)
        assert httpx.delete(f"{mock.url}/__admin/worlds/gone").status_code == 204
        assert "was deleted meanwhile" in control_error(ended(link, body), 409)["error"]
    assert "closed" not in caplog.text.lower()


@pytest.mark.parametrize(
    "headers", [{"X-Audience-Mock-World": "blue"}, {"Authorization": "Bearer pina_test~blue"}]
)
def test_the_urls_of_parts_lead_to_the_world_that_a_header_or_a_token_named(
    mock: MockServer, headers: dict[str, str]
) -> None:
    """A part is sent without the header and without the token, and arrives in the same world."""
    headers = PINTEREST_TOKEN | headers
    made = httpx.post(
        mock.url + LISTS,
        json=PEOPLE,
        headers=headers,
    ).json()
    upload = httpx.post(
        f"{mock.url}{LISTS}/{made['id']}/uploads",
        json={"operation": "ADD", "total_parts": 1},
        headers=headers,
    ).json()
    (part,) = upload["s3_multipart_upload_data"]["file_parts"]
    assert "/worlds/blue/v5/" in part["presigned_url"]
    assert httpx.put(part["presigned_url"], content=b"b@example.com").status_code == 200


def test_a_snapshot_or_fork_of_what_is_being_read_can_run_it_again(mock: MockServer) -> None:
    """An upload whose records were being read when the copy was taken is not begun in the copy."""
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        list_id = client.post(LISTS, json=PEOPLE).json()["id"]
        uploads = f"{LISTS}/{list_id}/uploads"
        made = client.post(uploads, json={"operation": "ADD", "total_parts": 1}).json()
        number = made["customer_list_upload"]["id"]
        part = made["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"]
        assert client.put(part, content=b"b@example.com").status_code == 200
        which: dict[str, Any] = {"account": AD_ACCOUNT, "customer_list": int(list_id), "number": int(number)}
        # As `run` begins.
        mock.world.transact_now(list_uploads._start, **which)
        assert client.get(f"{uploads}/{number}").json()["state"] == "RUNNING"
        assert client.put("/__admin/snapshots/mid").status_code == 204
        assert client.post("/__admin/worlds/default/fork", json={"name": "copy"}).status_code == 201
        assert client.post("/__admin/snapshots/mid/restore").status_code == 204
        for world in ("default", "copy"):
            upload = f"/worlds/{world}{uploads}/{number}"
            assert client.get(upload).json()["state"] == "NOT_STARTED"
            assert client.post(f"{upload}/run").status_code == 200


@pytest.mark.parametrize("in_the_way", ["kept.db.worlds", "kept.db.worlds/blue.db.half/"])
def test_a_world_whose_file_cannot_be_made_is_rejected(
    start: Callable[..., MockServer], tmp_path: Path, in_the_way: str
) -> None:
    """The error names the file that is in the way of a world's; once it is gone, the world can be created."""
    mock = start(database=f"sqlite:///{tmp_path}/kept.db")
    thing = tmp_path / in_the_way
    if in_the_way.endswith("/"):
        thing.mkdir(parents=True)
    else:
        thing.touch()
    for rejected in (
        httpx.get(f"{mock.url}/worlds/blue{AUDIENCES}", headers=PINTEREST_TOKEN),
        httpx.put(f"{mock.url}/__admin/worlds/blue", json={}),
    ):
        assert "blue.db" in control_error(rejected, 400)["error"]
    thing.rmdir() if thing.is_dir() else thing.unlink()
    assert httpx.put(f"{mock.url}/__admin/worlds/blue", json={}).status_code == 201


def test_an_invalid_seed_is_rejected_at_its_first_row(mock: MockServer) -> None:
    """The field of the first wrong row is named; the others, a million of them, are not looked at."""
    invalid = b'{"audiences":[{"api":"none"}' + b",{}" * 1_000_000 + b"]}"
    rejected = httpx.post(f"{mock.url}/__admin/seed", content=invalid, timeout=30)
    assert control_error(rejected, 400)["field"] == "audiences.0.api"


def test_only_a_seed_may_be_large(mock: MockServer) -> None:
    """Other control bodies have 1 MiB at most."""
    for path in ("/__admin/verify", "/__admin/clock/advance", "/__admin/faults"):
        rejected = httpx.post(mock.url + path, content=b" " * (1 << 20) + b"{}")
        assert "larger than 1048576 bytes" in control_error(rejected, 413)["error"]


def test_many_stars_in_a_path_are_matched_at_once(mock: MockServer) -> None:
    """A path with a hundred `*` is matched in linear time, where a regular expression would never end."""
    url = f"{mock.url}{AUDIENCES}/{'a' * 5000}"
    assert httpx.get(url, headers=PINTEREST_TOKEN).status_code == 400
    verify = f"{mock.url}/__admin/verify"
    failed = httpx.post(verify, json={"path": "*a" * 100 + "*c*", "match": {}})
    assert not_verified(failed)["nearest"]["number"] == 1
    for path in ("*" + "*a" * 100, f"{AUDIENCES}/*", "/v5*audiences*a", f"*{'a' * 5000}"):
        assert httpx.post(verify, json={"path": path}).status_code == 200, path
    for path in ("/v5*a*/v5", f"*{'a' * 5001}", AUDIENCES, "a*"):
        assert httpx.post(verify, json={"path": path}).status_code == 417, path


def test_blanks_around_a_worlds_name_are_no_part_of_it(mock: MockServer) -> None:
    """In HTTP, blanks around the value of a header are ignored."""
    with socket.create_connection(("127.0.0.1", httpx.URL(mock.url).port or 0), timeout=60) as link:
        link.sendall(
            f"GET {AUDIENCES} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer pina_x\r\n"
            "X-Audience-Mock-World: blue \t\r\nConnection: close\r\n\r\n".encode()
        )
        assert link.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert httpx.get(f"{mock.url}/__admin/worlds").json() == {"worlds": ["blue", "default"]}


@pytest.mark.parametrize("path", [f"/worlds/{AUDIENCES}", "/worlds/"])
def test_a_path_with_an_empty_name_is_rejected(mock: MockServer, path: str) -> None:
    """An empty variable in a base URL does not lead to the default world."""
    rejected = httpx.get(mock.url + path, headers=PINTEREST_TOKEN)
    assert "'' is not a valid name" in control_error(rejected, 400)["error"]
