"""Users and parts of uploads that the disk has no space for."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.environment import environment_without
from helpers.pitchtarget_requests import FILE_FIELDS

LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {
    "name": "Visitors",
    "audience_type": "VISITOR",
    "rule": {"visitor_source_id": "1", "retention_days": 30},
}
DISK_BYTES = 20 << 20
SOME_USERS = b"".join(b"%064x\n" % number for number in range(3000))


@cache
def many_users() -> bytes:
    return b"".join(b"%064x\n" % (number << 160) for number in range(900_000))


class Upload(NamedTuple):
    """An upload, and the URLs of its parts."""

    path: str
    parts: list[str]


def new_upload(client: httpx.Client, parts: int = 2) -> Upload:
    made = client.post(LISTS, json={"name": "l", "list_type": "EMAIL", "records": "a@example.com"}).json()
    uploads = f"{LISTS}/{made['id']}/uploads"
    upload = client.post(uploads, json={"operation": "ADD", "total_parts": parts}).json()
    return Upload(
        f"{uploads}/{upload['customer_list_upload']['id']}",
        [part["presigned_url"] for part in upload["s3_multipart_upload_data"]["file_parts"]],
    )


def check_refusal(client: httpx.Client) -> None:
    """A part that does not fit is refused, also a second time; what was there stays, and all else works."""
    upload = new_upload(client)
    assert client.put(upload.parts[0], content=SOME_USERS).status_code == 200
    for _ in range(2):
        refused = client.put(upload.parts[1], content=os.urandom(2 * DISK_BYTES))
        assert (refused.status_code, refused.json()["code"]) == (500, 12)
    refused = client.post(
        "/custom_audiences", data=FILE_FIELDS, files={"file": many_users()}, headers=PITCHTARGET_TOKEN
    )
    assert refused.status_code == 500
    assert "errors" in refused.json()
    assert client.get("/__admin/health").status_code == 200
    assert client.post(AUDIENCES, json=VISITORS).status_code == 201
    assert client.put(upload.parts[1], content=b"b@example.com").status_code == 200
    ran = client.post(f"{upload.path}/run")
    assert ran.status_code == 200
    client.post("/__admin/clock/advance", json={"seconds": 3600})
    assert client.get(upload.path).json()["record_counts"]["valid"] == 3001
    made = client.post(
        "/custom_audiences", data=FILE_FIELDS, files={"file": SOME_USERS}, headers=PITCHTARGET_TOKEN
    )
    assert made.status_code == 201
    assert client.post("/__admin/reset", json={"to": "empty"}).status_code == 204
    assert client.get(AUDIENCES).json()["items"] == []
    assert client.get(f"/worlds/other{AUDIENCES}").status_code == 200


@contextmanager
def server(*command: str, log: Path, **environment: str) -> Iterator[httpx.Client]:
    """The command in a process of its own, whose log goes to a file."""
    arguments = [*command, sys.executable, "-m", "audience_mock", "serve", "--port", "0"]
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment_without(**environment),
        ) as process,
    ):
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split()[-1]
            with httpx.Client(base_url=url, headers=PINTEREST_TOKEN, timeout=60) as client:
                yield client
        finally:
            process.terminate()


def refusals(log: Path) -> list[str]:
    """The lines of the log, of which each is one refusal."""
    lines = log.read_text().splitlines()
    assert all(re.match(r"(PUT|POST) \S+ 500: StorageFullError: ", line) for line in lines), lines
    return lines


@pytest.mark.skipif(sys.platform == "win32", reason="a shell limits the size of files")
def test_a_file_that_may_not_grow_refuses_a_part_and_the_world_goes_on(tmp_path: Path) -> None:
    """Where writing fails, the part is refused with the API's own error and one line in the log."""
    limited = ("sh", "-c", f'ulimit -f {12 << 11}; exec "$@"', "sh")
    with server(*limited, log=tmp_path / "log", TMPDIR=str(tmp_path)) as client:
        check_refusal(client)
    assert len(refusals(tmp_path / "log")) == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("where", ["memory", "file"])
def test_a_part_larger_than_the_disk_is_refused_before_the_disk_is_full(
    small_disk: Path, tmp_path: Path, where: str
) -> None:
    """Some space is left for all else, and what the part took is free again."""
    database = {"AUDIENCE_MOCK_DATABASE": f"sqlite:///{small_disk}/kept.db"} if where == "file" else {}
    with server(log=tmp_path / "log", TMPDIR=str(small_disk), **database) as client:
        check_refusal(client)
        # A database in a file keeps what it has deleted, for what comes next.
        assert shutil.disk_usage(small_disk).used < (DISK_BYTES // 2 if where == "file" else 1 << 20)
    assert len(refusals(tmp_path / "log")) == 3


def test_a_disk_that_is_full_nevertheless_costs_the_world_its_parts_only(
    small_disk: Path, tmp_path: Path
) -> None:
    """If something else fills the disk and SQLite cannot write on, its temporary file is dropped with the
    parts in it; the upload lacks them, and everything else works."""
    with server(log=tmp_path / "log", TMPDIR=str(small_disk)) as client:
        uploads = [new_upload(client, parts=10) for _ in range(30)]
        parts = [part for upload in uploads for part in upload.parts]
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            left = shutil.disk_usage(small_disk).free
            while left > 0:
                left -= file.write(bytes(min(left, 1 << 20)))
        # Too small for anybody to ask whether there is space.
        statuses = [client.put(part, content=os.urandom(60_000)).status_code for part in parts]
        assert statuses[0] == 200
        assert 500 in statuses
        assert client.post(AUDIENCES, json=VISITORS).status_code == 201
        assert client.get("/__admin/health").status_code == 200
        filler.unlink()
        assert "lacks parts: 1, 2, 3, 4" in client.post(f"{uploads[0].path}/run").json()["message"]
        for part in uploads[0].parts:
            assert client.put(part, content=b"b@example.com,").status_code == 200
        assert client.post(f"{uploads[0].path}/run").status_code == 200
        assert client.post("/__admin/reset", json={}).status_code == 204
    log = (tmp_path / "log").read_text()
    assert "in its temporary file are lost" in log
    assert "Traceback" not in log


def test_a_refused_part_leaves_no_trace(
    start: Callable[..., MockServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as the disk has too little left, the pieces that were stored are deleted."""
    mock = start()
    usage = shutil.disk_usage("/")
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        upload = new_upload(client)
        seen: list[Any] = []

        def disk_usage(folder: object) -> Any:
            seen.append(folder)
            return usage._replace(free=0 if len(seen) > 2 else usage.total)

        monkeypatch.setattr(shutil, "disk_usage", disk_usage)
        refused = client.put(upload.parts[0], content=os.urandom(DISK_BYTES))
        assert (refused.status_code, json.loads(refused.text)["code"]) == (500, 12)
        assert len(seen) == 3
        count = mock.world.database.driver.execute("SELECT count(*) FROM upload_pieces").fetchone()
        assert count == (0,)
        assert mock.world.database.driver.execute("PRAGMA attached.freelist_count").fetchone() == (0,)
        assert client.post(f"{upload.path}/run").status_code == 400
