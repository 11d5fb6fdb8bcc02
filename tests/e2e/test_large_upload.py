"""Large files: the server's memory, and the latency of other requests."""

import http.client
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import FILE_FIELDS, FORM_HEAD, FORM_TAIL, FORM_TYPE

LINE_BYTES = 65
MIB = 1 << 20


@contextmanager
def server_process() -> Iterator[tuple[str, int]]:
    """The command in a process of its own; its URL and process id."""
    command = [
        sys.executable,
        "-m",
        "audience_mock",
        "serve",
        "--port",
        "0",
        "--max-upload-bytes",
        str(2 << 30),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1], process.pid
        finally:
            process.terminate()


def memory_bytes(pid: int, what: str) -> int:
    found = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), flags=re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def users(count: int) -> Iterator[bytes]:
    """`count` lines of distinct hashes, some ten thousand at a time."""
    while count > 0:
        some = min(count, 16_384)
        digits = os.urandom(32 * some).hex().encode()
        yield b"".join(digits[at : at + 64] + b"\n" for at in range(0, 64 * some, 64))
        count -= some


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
@pytest.mark.parametrize(
    "lines",
    [200_000, pytest.param((1 << 30) // LINE_BYTES, marks=pytest.mark.soak)],
    ids=["13 MB", "1 GiB"],
)
def test_a_large_file_takes_little_memory_and_does_not_block_others(lines: int) -> None:
    """The server grows by under 64 MiB plus 16 bytes a distinct user, and answers other requests
    meanwhile."""
    waits_ms: list[float] = []
    with server_process() as (url, pid):
        before = memory_bytes(pid, "VmRSS")
        uploading = threading.Event()
        uploading.set()

        def ask_meanwhile() -> None:
            with httpx.Client(base_url=url, headers=PITCHTARGET_TOKEN) as client:
                while uploading.is_set():
                    answered = client.get("/custom_audiences?fb_ad_account_id=2")
                    waits_ms.append(answered.elapsed.total_seconds() * 1000)

        asking = threading.Thread(target=ask_meanwhile)
        asking.start()
        try:
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)
            length = len(FORM_HEAD) + lines * LINE_BYTES + len(FORM_TAIL)
            connection.putrequest("POST", "/custom_audiences")
            for name, value in {**PITCHTARGET_TOKEN, **FORM_TYPE, "Content-Length": str(length)}.items():
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(FORM_HEAD)
            for some in users(lines):
                connection.send(some)
            connection.send(FORM_TAIL)
            with connection.getresponse() as response:
                status = response.status
            connection.close()
        finally:
            uploading.clear()
            asking.join()
        growth = memory_bytes(pid, "VmHWM") - before
        (report,) = httpx.get(f"{url}/__admin/uploads").json()["uploads"]
    assert status == 201
    assert (report["lines"], report["distinct"], report["invalid"]) == (lines, lines, 0)
    assert growth < 64 * MIB + 16 * lines
    assert waits_ms
    waits_ms.sort()
    print(
        f"{lines} lines: {growth / MIB:.0f} MiB more at most; {len(waits_ms)} other requests waited"
        f" {waits_ms[len(waits_ms) // 2]:.1f} ms in the middle, {waits_ms[-1]:.1f} ms at most"
    )


def test_a_client_that_goes_away_half_way_leaves_nothing(mock: MockServer) -> None:
    """An upload that breaks off makes no audience, no users and no report, and takes no id."""
    host = urlsplit(mock.url)
    with socket.create_connection((host.hostname, host.port)) as connection:
        head = "POST /custom_audiences HTTP/1.1\r\nHost: mock\r\nContent-Length: 100000000\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in {**PITCHTARGET_TOKEN, **FORM_TYPE}.items())
        connection.sendall(head.encode() + b"\r\n" + FORM_HEAD)
        for some in users(100_000):
            connection.sendall(some)
    with httpx.Client(base_url=mock.url, headers=PITCHTARGET_TOKEN) as client:
        made = client.post("/custom_audiences", data=FILE_FIELDS, files={"file": b"ann\n"})
        assert made.json()["fb_custom_audience"]["id"] == 54
        assert [report["lines"] for report in client.get("/__admin/uploads").json()["uploads"]] == [1]
    count = mock.world.database.connection.exec_driver_sql("SELECT count(*) FROM user_blocks")
    assert count.scalar_one() == 0
