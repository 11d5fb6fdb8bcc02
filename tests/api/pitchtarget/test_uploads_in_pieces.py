"""A file as it comes over the network: in pieces, each of which costs the same work whatever it holds."""

import asyncio
import http.client
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from audience_mock.app import create_app
from audience_mock.core import steps
from audience_mock.core.users.digests import import_numpy
from audience_mock.core.users.uploads import list_reports
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from helpers.accounts import PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import FORM_HEAD, FORM_TAIL, FORM_TYPE

HEADERS = {**PITCHTARGET_TOKEN, **FORM_TYPE}


def lines(count: int, end: str = "\n") -> bytes:
    chance = random.Random(count)
    return "".join(f"{chance.randbytes(32).hex()}{end}" for _ in range(count)).encode()


def pieces_of(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def upload(pieces: Iterable[bytes], profile: Callable[..., object] | None = None) -> dict[str, Any]:
    """The report on a body that comes in these pieces to the application, without a server around it."""
    app, left, statuses = create_app(Settings()), iter(pieces), []

    async def receive() -> dict[str, Any]:
        piece = next(left, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    async def post() -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/custom_audiences",
            "root_path": "",
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()],
        }
        sys.setprofile(profile)
        try:
            await app(scope, receive, send)
        finally:
            sys.setprofile(None)

    try:
        asyncio.run(post())
        assert statuses[0] == 201
        worlds: Worlds = app.state.worlds
        (report,) = worlds.default.transact_now(list_reports, limit=2)
        return report
    finally:
        app.state.worlds.close()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_a_piece_of_a_file_costs_the_same_calls_however_many_lines_it_has(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python does for one more piece of a file of hashes is at most 110 calls; a line more costs only
    its share of what is done once for a block of thousands."""
    import_numpy()
    # Counting takes so long that pieces would be cut to give others their turn.
    monkeypatch.setattr(steps, "STEP_S", 60.0)

    def calls(pieces: int, of_lines: int) -> int:
        counted: Counter[str] = Counter()
        form = FORM_HEAD + lines(pieces * of_lines, end) + FORM_TAIL
        # The head goes along with the first piece, so that each piece begins within a line.
        size = of_lines * (64 + len(end))
        report = upload(pieces_of(form, size), lambda frame, event, arg: counted.update((event,)))
        assert report["valid"] == pieces * of_lines
        return counted["call"] + counted["c_call"]

    def calls_of_one_more(of_lines: int) -> float:
        return (calls(60, of_lines) - calls(20, of_lines)) / 40

    calls(20, 64)  # what is done once is done
    few, many = calls_of_one_more(64), calls_of_one_more(640)
    assert few <= 110
    assert (many - few) / (640 - 64) < 0.1, "calls for a line"


@pytest.mark.parametrize("size", [1, 2, 63, 66, 200, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_where_a_body_is_cut_makes_no_difference(end: str, size: int) -> None:
    """A body in pieces of any size has the same users, and its last boundary is found wherever it is cut."""
    body = FORM_HEAD + lines(30, end) + f"nobody{end}{'ab' * 32}".encode() + FORM_TAIL
    report = upload(pieces_of(body, size))
    assert (report["lines"], report["valid"], report["distinct"]) == (32, 31, 31)
    assert report["invalid_lines"] == [{"line": 31, "why": "is not of type email_hash"}]


def test_a_large_chunk_and_small_ones_after_it_are_one_body(mock: MockServer) -> None:
    """In chunked encoding, a piece that is more than may wait is followed by pieces of a few bytes, many in
    one go, and none is lost or changes places."""
    file = lines(40_000)
    body = FORM_HEAD + file + FORM_TAIL
    host = urlsplit(mock.url)
    assert host.hostname is not None
    connection = http.client.HTTPConnection(host.hostname, host.port, timeout=30)
    # One read of the server is longer than a round of these.
    chunks = [
        chunk for part in pieces_of(body, 70_000) for chunk in (part[:68_000], *pieces_of(part[68_000:], 130))
    ]
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + b"0\r\n\r\n"
    connection.putrequest("POST", "/custom_audiences")
    for name, value in {**HEADERS, "Transfer-Encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(sent)
    assert connection.getresponse().status == 201
    connection.close()
    (report,) = httpx.get(f"{mock.url}/__admin/uploads").json()["uploads"]
    assert (report["lines"], report["distinct"], report["invalid"]) == (40_000, 40_000, 0)
