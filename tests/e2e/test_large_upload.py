"""Large files: the server's memory, and the latency of other requests."""

import http.client
import json
import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import FILE_FIELDS, FORM_HEAD, FORM_TAIL, FORM_TYPE
from helpers.serve_command import Run, Runner, command

__all__ = ["command"]  # a fixture

LINE_BYTES = 65
MIB = 1 << 20


def serve(command: Runner, *, cold: bool = False, **variables: str) -> tuple[Run, str, int]:
    """A server in a process of its own, its URL and process id."""
    run = command.serve("--max-upload-bytes", str(2 << 30), cold=cold, **variables)
    return run, run.url, run.process.pid


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


def upload(url: str, head: bytes, pieces: Iterable[bytes], file_bytes: int) -> int:
    """Send a form with a file as a stream; returns the status."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)
    length = len(head) + file_bytes + len(FORM_TAIL)
    connection.putrequest("POST", "/custom_audiences")
    for name, value in {**PITCHTARGET_TOKEN, **FORM_TYPE, "Content-Length": str(length)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(head)
    for piece in pieces:
        connection.send(piece)
    connection.send(FORM_TAIL)
    with connection.getresponse() as response:
        status = response.status
    connection.close()
    return status


@contextmanager
def asking(url: str) -> Iterator[list[float]]:
    """Sends one request after the other while the block runs; how long each waited, in milliseconds."""
    waits_ms: list[float] = []
    running = threading.Event()
    running.set()

    def ask() -> None:
        with httpx.Client(base_url=url, headers=PITCHTARGET_TOKEN) as client:
            while running.is_set():
                answered = client.get("/custom_audiences?fb_ad_account_id=2")
                waits_ms.append(answered.elapsed.total_seconds() * 1000)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits_ms
    finally:
        running.clear()
        thread.join()
    assert waits_ms


def show(what: str, growth: int, waits_ms: list[float]) -> None:
    waits_ms.sort()
    print(
        f"{what}: {growth / MIB:.0f} MiB more at most; {len(waits_ms)} other requests waited"
        f" {waits_ms[len(waits_ms) // 2]:.1f} ms in the middle, {waits_ms[-1]:.1f} ms at most"
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
@pytest.mark.parametrize(
    "lines",
    [200_000, pytest.param((1 << 30) // LINE_BYTES, marks=pytest.mark.soak)],
    ids=["13 MB", "1 GiB"],
)
@pytest.mark.parametrize("numpy", ["numpy", "no numpy"])
def test_a_large_file_takes_little_memory_and_does_not_block_others(
    lines: int, numpy: str, command: Runner
) -> None:
    """The server grows by under 64 MiB plus 16 bytes a distinct user, and answers other requests
    meanwhile; with numpy and without, which it logs once."""
    variables = {}
    if numpy == "no numpy":
        # As an installation without it.
        (command.folder / "numpy.py").write_text("raise ModuleNotFoundError('no numpy', name='numpy')\n")
        variables["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(command.folder), os.environ.get("PYTHONPATH")])
        )
    run, url, pid = serve(command, cold=numpy == "no numpy", **variables)
    before = memory_bytes(pid, "VmRSS")
    with asking(url) as waits_ms:
        status = upload(url, FORM_HEAD, users(lines), lines * LINE_BYTES)
    growth = memory_bytes(pid, "VmHWM") - before
    (report,) = httpx.get(f"{url}/__admin/uploads").json()["uploads"]
    upload(url, FORM_HEAD, users(20_000), 20_000 * LINE_BYTES)
    assert status == 201
    assert (report["lines"], report["distinct"], report["invalid"]) == (lines, lines, 0)
    assert growth < 64 * MIB + 16 * lines
    assert run.err.count("audience-mock[fast]") == (numpy == "no numpy")
    show(f"{lines} lines, {numpy}", growth, waits_ms)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
@pytest.mark.parametrize(
    "file_bytes",
    [6_000_000, pytest.param(1 << 30, marks=pytest.mark.soak)],
    ids=["6 MB", "1 GiB"],
)
@pytest.mark.parametrize(
    ("user_type", "lines", "distinct"),
    [
        ("fbid", [b"1"], 1),
        ("fbid", [b"1\r", b"22\r"], 2),
        ("fbid", [b""], 0),
        ("fbid", [b"x"], 0),
        ("custom_audience_third_party_id", [bytes([number]) for number in range(0x30, 0x41)], 17),
        ("email_hash", [b"ab" * 32, b"AB" * 32], 1),
    ],
    ids=["equal", "two values", "blank", "invalid", "one character", "one hash"],
)
def test_lines_that_repeat_take_little_memory_and_do_not_block_others(
    user_type: str, lines: list[bytes], distinct: int, file_bytes: int, command: Runner
) -> None:
    """A file of the same few lines takes under 32 MiB, and others are answered meanwhile."""
    block = b"".join(line + b"\n" for line in lines)
    block *= max(1, (1 << 16) // len(block))
    count = file_bytes // len(block)
    head = FORM_HEAD.replace(b"email_hash", user_type.encode())
    _, url, pid = serve(command)
    before = memory_bytes(pid, "VmRSS")
    with asking(url) as waits_ms:
        status = upload(url, head, repeat(block, count), count * len(block))
    growth = memory_bytes(pid, "VmHWM") - before
    (report,) = httpx.get(f"{url}/__admin/uploads").json()["uploads"]
    total = count * block.count(b"\n")
    assert status == 201
    assert report["distinct"] == distinct
    assert report["lines"] == (0 if lines == [b""] else total)
    assert report["invalid"] == (total if lines == [b"x"] else 0)
    assert growth < 32 * MIB
    show(f"{total} lines", growth, waits_ms)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
@pytest.mark.parametrize("what", ["lists", "files", "parts"])
def test_a_thousand_small_uploads_in_flight_take_kilobytes_each(what: str, command: Runner) -> None:
    """A thousand lists, files and parts of two records, each sent but for its last byte, take under 100 MiB
    together, until all are done."""
    _, url, pid = serve(command)
    request = small_request(url, what)
    address = (urlsplit(url).hostname, urlsplit(url).port)
    before = memory_bytes(pid, "VmRSS")
    with ExitStack() as stack:
        links = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(1000)]
        for link in links:
            link.sendall(request[:-1])
        for link in links:
            link.sendall(request[-1:])
        statuses = Counter(link.recv(4096).split()[1] for link in links)
    growth = memory_bytes(pid, "VmHWM") - before
    assert statuses == {b"200" if what == "parts" else b"201": 1000}
    print(f"1000 {what}: {growth / MIB:.0f} MiB more at most")
    assert growth < 100 * MIB


def small_request(url: str, what: str) -> bytes:
    """A request with two records, in full."""
    if what == "files":
        head, body = FORM_TYPE | PITCHTARGET_TOKEN, FORM_HEAD + (b"ab" * 32 + b"\n") * 2 + FORM_TAIL
        return raw("POST", "/custom_audiences", head, body)
    lists = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
    records = {"name": "l", "list_type": "EMAIL", "records": "a@example.com,b@example.com"}
    if what == "lists":
        head = {"Content-Type": "application/json"} | PINTEREST_TOKEN
        return raw("POST", lists, head, json.dumps(records).encode())
    with httpx.Client(base_url=url, headers=PINTEREST_TOKEN) as client:
        made = client.post(lists, json=records).json()["id"]
        upload = client.post(f"{lists}/{made}/uploads", json={"operation": "ADD", "total_parts": 1}).json()
    part = urlsplit(upload["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"])
    return raw("PUT", f"{part.path}?{part.query}".rstrip("?"), {}, b"a@example.com\nb@example.com")


def raw(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


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
