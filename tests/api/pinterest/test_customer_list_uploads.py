"""Uploads to Pinterest's customer lists over HTTP, with the parts that go to Amazon's S3 in production."""

import hashlib
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_resources import create_customer_list

LISTS = f"/ad_accounts/{AD_ACCOUNT}/customer_lists"

KEYS = [
    *("ad_account_id", "creation_time", "customer_list_id", "error_counts", "id", "operation"),
    *("record_counts", "state", "updated_time"),
]


def start_upload(
    client: httpx.Client, list_id: str, total_parts: int = 1, operation: str = "ADD"
) -> tuple[str, list[str]]:
    """Make an upload; returns its path and the URLs of its parts."""
    body = {"operation": operation, "total_parts": total_parts}
    response = client.post(f"{LISTS}/{list_id}/uploads", json=body)
    assert response.status_code == 200, response.text
    made = response.json()
    urls = [part["presigned_url"] for part in made["s3_multipart_upload_data"]["file_parts"]]
    return f"{LISTS}/{list_id}/uploads/{made['customer_list_upload']['id']}", urls


def put(url: str, content: bytes) -> None:
    """Send a part as a client of S3 does: without a token."""
    response = httpx.put(url, content=content)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"] == f'"{hashlib.md5(content).hexdigest()}"'


def test_an_upload_has_a_url_for_each_part(mock: MockServer, pinterest: httpx.Client) -> None:
    """A new upload is NOT_STARTED, without counts; its parts have URLs of this server."""
    list_id = create_customer_list(pinterest)
    response = pinterest.post(f"{LISTS}/{list_id}/uploads", json={"operation": "ADD", "total_parts": 2})
    assert response.status_code == 200
    made = response.json()
    assert list(made) == ["customer_list_upload", "s3_multipart_upload_data"]
    now_s = mock.world.clock.now_ms() // 1000
    assert made["customer_list_upload"] == {
        "ad_account_id": AD_ACCOUNT,
        "creation_time": now_s,
        "customer_list_id": list_id,
        "error_counts": None,
        "id": "2680059001",
        "operation": "ADD",
        "record_counts": {"processed": 0, "valid": 0, "invalid": 0},
        "state": "NOT_STARTED",
        "updated_time": now_s,
    }
    assert list(made["customer_list_upload"]) == KEYS
    parts = made["s3_multipart_upload_data"].pop("file_parts")
    assert made["s3_multipart_upload_data"] == {}
    for number, part in enumerate(parts, start=1):
        url, _, query = part.pop("presigned_url").partition("?")
        assert part == {"part_number": number}
        assert url == f"{mock.pinterest_url}/__uploads/2680059001/{number}"
        assert re.fullmatch(r"X-Amz-Date=\d{8}T\d{6}Z&X-Amz-Expires=3600&X-Amz-Signature=[0-9a-f]{64}", query)
    assert pinterest.get(f"{LISTS}/{list_id}/uploads/2680059001").json() == made["customer_list_upload"]


def test_each_part_may_be_a_file_of_its_own(mock: MockServer, pinterest: httpx.Client) -> None:
    """Byte order marks and quotes around the records of every part are no part of the records."""
    list_id = create_customer_list(pinterest, "ann@example.com")
    path, urls = start_upload(pinterest, list_id, total_parts=2)
    for url in urls:
        put(url, '\ufeff"ann@example.com"\r\n"Bob@Example.com"\r\n'.encode())
    assert pinterest.post(f"{path}/run").status_code == 200
    mock.world.clock.advance(5_000)
    assert pinterest.get(path).json()["record_counts"] == {"processed": 4, "valid": 4, "invalid": 0}
    rule = {"customer_list_id": list_id}
    body = {"name": "a", "audience_type": "CUSTOMER_LIST", "rule": rule}
    made = pinterest.post(f"/ad_accounts/{AD_ACCOUNT}/audiences", json=body).json()
    mock.world.clock.advance(5_000)
    assert pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences/{made['id']}").json()["size"] == 2


@pytest.mark.both_engines
def test_an_upload_that_is_run_is_done_by_the_clock(mock: MockServer, pinterest: httpx.Client) -> None:
    """Run makes it RUNNING, and SUCCEEDED with its counts after the delay; the list has its people at once,
    wherever the parts cut a record and in whatever order they came."""
    list_id = create_customer_list(pinterest, "ann@example.com")
    path, urls = start_upload(pinterest, list_id, total_parts=2)
    text = b"bob@example.com\r\nnobody\n\ncyd@example.com,ann@example.com\nnobody"
    put(urls[1], text[20:])
    put(urls[0], b"something else, sent by mistake")
    put(urls[0], text[:20])
    before = pinterest.get(path).json()
    mock.world.clock.advance(1_000)
    running = pinterest.post(f"{path}/run").json()
    assert running == before | {"state": "RUNNING", "updated_time": before["updated_time"] + 1}
    counters = pinterest.get(f"{LISTS}/{list_id}").json()
    assert (counters["num_batches"], counters["num_uploaded_user_records"]) == (2, 6)
    mock.world.clock.advance(4_999)
    assert pinterest.get(path).json() == running
    mock.world.clock.advance(1)
    assert pinterest.get(path).json() == running | {
        "state": "SUCCEEDED",
        "updated_time": before["updated_time"] + 6,
        "record_counts": {"processed": 5, "valid": 3, "invalid": 2},
        "error_counts": [{"error_code": 42, "message": "Invalid email", "count": 2}],
    }
    rule = {"customer_list_id": list_id}
    body = {"name": "a", "audience_type": "CUSTOMER_LIST", "rule": rule}
    audience = pinterest.post(f"/ad_accounts/{AD_ACCOUNT}/audiences", json=body).json()
    mock.world.clock.advance(5_000)
    one = f"/ad_accounts/{AD_ACCOUNT}/audiences/{audience['id']}"
    assert pinterest.get(one).json()["size"] == 3
    path, urls = start_upload(pinterest, list_id, operation="REMOVE")
    put(urls[0], hashlib.md5(b"bob@example.com").hexdigest().encode())
    assert pinterest.post(f"{path}/run").json()["operation"] == "REMOVE"
    assert pinterest.get(one).json()["size"] == 2
    assert pinterest.get(f"{LISTS}/{list_id}").json()["num_removed_user_records"] == 1
    left = mock.world.database.connection.exec_driver_sql("SELECT count(*) FROM upload_pieces")
    assert left.scalar_one() == 0


def test_an_upload_without_a_right_record_fails(mock: MockServer, pinterest: httpx.Client) -> None:
    """A file of wrong records only is FAILED after the delay, and so is an empty one."""
    list_id = create_customer_list(pinterest)
    for content, wrong in ((b"nobody\n" * 3 + b"x" * 9000, 4), (b"", 0)):
        path, urls = start_upload(pinterest, list_id)
        put(urls[0], content)
        pinterest.post(f"{path}/run")
        mock.world.clock.advance(5_000)
        done = pinterest.get(path).json()
        assert done["state"] == "FAILED"
        assert done["record_counts"] == {"processed": wrong, "valid": 0, "invalid": wrong}
        errors = [{"error_code": 42, "message": "Invalid email", "count": wrong}]
        assert done["error_counts"] == (errors if wrong else [])


def test_an_upload_is_run_once_and_whole(pinterest: httpx.Client) -> None:
    """Without all parts, or a second time, run is rejected; nor is a part taken afterwards."""
    list_id = create_customer_list(pinterest)
    path, urls = start_upload(pinterest, list_id, total_parts=3)
    put(urls[1], b"ann@example.com")
    rejected = pinterest.post(f"{path}/run")
    assert rejected.status_code == 400
    message = "Invalid request: customer list upload 2680059001 lacks parts: 1, 3"
    assert pinterest_error(rejected) == {"code": 1, "message": message}
    assert pinterest.get(path).json()["state"] == "NOT_STARTED"
    put(urls[0], b"")
    put(urls[2], b"")
    assert pinterest.post(f"{path}/run").status_code == 200
    for rejected in (pinterest.post(f"{path}/run"), httpx.put(urls[0], content=b"bob@example.com")):
        assert rejected.status_code == 400
        message = "Invalid request: customer list upload 2680059001 was run already"
        assert pinterest_error(rejected) == {"code": 1, "message": message}
    assert pinterest.get(f"{LISTS}/{list_id}").json()["num_batches"] == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"total_parts": 1}, "'operation' is a required property"),
        ({"operation": "ADD"}, "'total_parts' is a required property"),
        ({"operation": "SET", "total_parts": 1}, "'SET' is not one of ['ADD', 'REMOVE']"),
        ({"operation": "ADD", "total_parts": 0}, "0 is less than the minimum of 1"),
        ({"operation": "ADD", "total_parts": 11}, "11 is greater than the maximum of 10"),
        ({"operation": "ADD", "total_parts": "2"}, "'2' is not of type 'integer'"),
        ({"operation": "ADD", "total_parts": True}, "True is not of type 'integer'"),
    ],
)
def test_a_wrong_upload_is_rejected(pinterest: httpx.Client, body: dict[str, Any], message: str) -> None:
    """An upload that is not valid gets 400 with code 1, and takes no id."""
    list_id = create_customer_list(pinterest)
    response = pinterest.post(f"{LISTS}/{list_id}/uploads", json=body)
    assert response.status_code == 400
    assert pinterest_error(response) == {"code": 1, "message": f"Invalid request: {message}"}
    assert start_upload(pinterest, list_id)[0].endswith("/2680059001")


def test_what_is_not_there_is_not_found(mock: MockServer, pinterest: httpx.Client) -> None:
    """An unknown upload, another list's, and the part of one that a reset removed get 404."""
    list_id, other_id = create_customer_list(pinterest), create_customer_list(pinterest)
    path, urls = start_upload(pinterest, list_id)
    elsewhere = path.replace(f"/{list_id}/", f"/{other_id}/")
    for response in (
        pinterest.get(f"{LISTS}/{list_id}/uploads/1"),
        pinterest.get(elsewhere),
        pinterest.post(f"{elsewhere}/run"),
    ):
        assert response.status_code == 404
        words = {"code": 4, "message": "Sorry! We could not find your customer list upload."}
        assert pinterest_error(response) == words
    assert httpx.get(urls[0]).status_code == 405
    httpx.post(f"{mock.url}/__admin/reset")
    gone = httpx.put(urls[0], content=b"")
    assert gone.status_code == 404
    assert pinterest_error(gone) == words


def test_a_file_has_a_limit_over_all_its_parts(start: Callable[..., MockServer]) -> None:
    """`max_upload_bytes` holds for the parts together, whether their length is declared or not."""
    mock = start(max_upload_bytes=100)
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        _, urls = start_upload(client, create_customer_list(client), total_parts=2)
        put(urls[0], b"x" * 60)
        put(urls[0], b"x" * 70)
        for content in (b"x" * 31, iter([b"x" * 20, b"x" * 11])):
            rejected = httpx.put(urls[1], content=content)
            assert rejected.status_code == 413
            assert pinterest_error(rejected)["code"] == 1
        put(urls[1], b"x" * 30)


def test_a_part_that_breaks_off_is_not_kept(mock: MockServer, pinterest: httpx.Client) -> None:
    """If a client disconnects within a part, the earlier part of that number stays."""
    path, urls = start_upload(pinterest, create_customer_list(pinterest))
    put(urls[0], b"ann@example.com")
    url = urlsplit(urls[0])
    with socket.create_connection((url.hostname, url.port)) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: mock\r\nContent-Length: 100000000\r\n\r\n"
        connection.sendall(head.encode() + b"bob@example.com\n" * 200_000)
    assert pinterest.post(f"{path}/run").json()["state"] == "RUNNING"
    mock.world.clock.advance(5_000)
    assert pinterest.get(path).json()["record_counts"]["processed"] == 1


def test_a_large_upload_is_read_as_it_lies(mock: MockServer, pinterest: httpx.Client) -> None:
    """300,000 hashes in three parts, some 20 MB, are all counted."""
    list_id = create_customer_list(pinterest)
    path, urls = start_upload(pinterest, list_id, total_parts=3)
    digits = os.urandom(32 * 300_000).hex().encode()
    text = b"\n".join(digits[at : at + 64] for at in range(0, len(digits), 64))
    third = len(text) // 3 + 1
    for number, url in enumerate(urls):
        put(url, text[number * third : (number + 1) * third])
    assert pinterest.post(f"{path}/run", timeout=60).status_code == 200
    mock.world.clock.advance(5_000)
    counts = {"processed": 300_000, "valid": 300_000, "invalid": 0}
    assert pinterest.get(path).json()["record_counts"] == counts
    people = mock.world.database.connection.exec_driver_sql("SELECT people FROM customer_lists")
    assert people.scalar_one() == 300_000


def test_parts_outlive_a_restart(tmp_path: Path) -> None:
    """In a file, parts that were taken are there after a restart, and the upload can be run."""
    database = f"sqlite:///{tmp_path}/a.db"
    with (
        MockServer(database=database) as first,
        httpx.Client(base_url=first.pinterest_url, headers=PINTEREST_TOKEN) as client,
    ):
        path, urls = start_upload(client, create_customer_list(client))
        put(urls[0], b"ann@example.com,bob@example.com")
    with (
        MockServer(database=database, build_delay_s=0) as second,
        httpx.Client(base_url=second.pinterest_url, headers=PINTEREST_TOKEN) as client,
    ):
        done = client.post(f"{path}/run").json()
    assert (done["state"], done["record_counts"]["valid"]) == ("SUCCEEDED", 2)
