"""Requests that no client sends, written to a raw socket, and what each API has to answer them."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import HTTPResponse
from typing import Any, NamedTuple

import httpx
import pytest
from sqlmodel import SQLModel

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import pinterest_error, pitchtarget_error

WITHIN_S = 50
LISTED = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
HASH = b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BOUNDARY = "----8b2c1e"
FORM = f"multipart/form-data; boundary={BOUNDARY}"

VISITOR = {"name": "Buyers", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
LOOKALIKE = {
    "subtype": "LOOKALIKE",
    "fb_ad_account_id": "27",
    "name": "Like buyers",
    "origin_audience_id": 6006164557194,
    "lookalike_spec": {"type": "similarity", "country": "US"},
}
FIELDS = {"fb_ad_account_id": "2", "name": "Buyers", "user_type": "email_hash"}


class Api(NamedTuple):
    name: str
    path: str
    token: Mapping[str, str]
    invalid: int
    """The status of a body that does not fit."""
    error: Callable[[httpx.Response], Any]
    """The one shape of its rejections."""


PINTEREST = Api("pinterest", LISTED, PINTEREST_TOKEN, 400, pinterest_error)
PITCHTARGET = Api("pitchtarget", "/custom_audiences", PITCHTARGET_TOKEN, 422, pitchtarget_error)

both_apis = pytest.mark.parametrize("api", [PINTEREST, PITCHTARGET], ids=lambda api: api.name)


def each(cases: Mapping[str, Any]) -> pytest.MarkDecorator:
    """A test for each case, with its readable id."""
    return pytest.mark.parametrize("case", list(cases.values()), ids=list(cases))


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """A server that has an audience of each API, its clock standing still."""
    with MockServer() as mock:
        mock.world.clock.freeze()
        assert send(mock, "POST", LISTED, PINTEREST_TOKEN, json.dumps(VISITOR)).status_code == 201
        assert post_form(mock, FIELDS, HASH).status_code == 201
        listed = send(mock, "GET", LISTED, PINTEREST_TOKEN).content
        yield mock
        assert send(mock, "GET", LISTED, PINTEREST_TOKEN).content == listed
        assert post_form(mock, FIELDS, HASH).json()["fb_custom_audience"]["id"] == 55


def send(
    mock: MockServer,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | Iterable[bytes] | None = None,
    *,
    cut_off: bool = False,
) -> httpx.Response:
    """Write a request as it is and read the answer.

    A body of pieces is sent chunked; `cut_off` sends no length and no body, but what `headers` say.
    """
    head = {"Host": "127.0.0.1", **(headers or {})}
    raw = body.encode() if isinstance(body, str) else body
    if isinstance(raw, bytes):
        head["Content-Length"] = str(len(raw))
        pieces: Iterable[bytes] = [raw]
    elif raw is not None:
        head["Transfer-Encoding"] = "chunked"
        pieces = [*(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in raw), b"0\r\n\r\n"]
    else:
        if not cut_off:
            head.setdefault("Content-Length", "0")
        pieces = []
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    host, port = mock.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=WITHIN_S) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # an early rejection need not read the rest
            for piece in pieces:
                connection.sendall(piece)
        answer = HTTPResponse(connection, method=method)
        answer.begin()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: text/plain'
    return f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value


def form(*parts: bytes, boundary: str = BOUNDARY, end: bytes = b"--\r\n") -> bytes:
    line = b"--" + boundary.encode()
    return b"".join(line + b"\r\n" + one + b"\r\n" for one in parts) + line + end


def fields(**values: str) -> list[bytes]:
    """The valid fields of a create from a file, with these instead."""
    return [part(name, value.encode()) for name, value in {**FIELDS, **values}.items()]


def file(content: bytes = HASH, name: str = "file") -> bytes:
    return part(name, content, "users.csv")


def post_form(mock: MockServer, values: Mapping[str, str], content: bytes) -> httpx.Response:
    parts = [part(name, value.encode()) for name, value in values.items()]
    headers = {**PITCHTARGET_TOKEN, "Content-Type": FORM}
    return send(mock, "POST", "/custom_audiences", headers, form(*parts, file(content)))


def held(mock: MockServer) -> dict[str, list[tuple[Any, ...]]]:
    """All that the world holds, the next ids too."""
    run = mock.world.database.connection.exec_driver_sql
    tables = [table.name for table in SQLModel.metadata.sorted_tables]
    return {table: [tuple(row) for row in run(f"SELECT * FROM {table}")] for table in tables}


def check_no_orphans(mock: MockServer) -> None:
    """Every set of users and every report of an upload belongs to an audience."""
    run = mock.world.database.connection.exec_driver_sql
    sets = {row[0] for row in run("SELECT user_set FROM audiences")}
    keys = {row[0] for row in run('SELECT "key" FROM audiences')}
    assert {row[0] for row in run("SELECT user_set FROM user_blocks")} <= sets
    assert {row[0] for row in run("SELECT audience_key FROM uploads")} <= keys


def rejected(
    mock: MockServer,
    api: Api,
    status: int,
    body: bytes | str | Iterable[bytes] | None = None,
    *,
    method: str = "POST",
    target: str | None = None,
    headers: Mapping[str, str] | None = None,
    cut_off: bool = False,
) -> httpx.Response:
    """Sends a request that its API must reject with this status and its own error, storing nothing."""
    before = held(mock)
    head = {**api.token, "Content-Type": "application/json"} if headers is None else headers
    answer = send(mock, method, target or api.path, head, body, cut_off=cut_off)
    assert answer.status_code == status, answer.text[:500]
    api.error(answer)
    assert held(mock) == before
    return answer


NOT_JSON: dict[str, bytes | str] = {
    "empty": "",
    "blank": "  \n",
    "word": "hello",
    "NUL": b"\x00",
    "bytes": bytes(range(256)),
    "cut-off": json.dumps(VISITOR)[:-1],
    "two-documents": "{}{}",
    "trailing-comma": '{"name":"a",}',
    "comment": "{/* */}",
    "single-quotes": "{'name':'a'}",
    "byte-order-mark": "\ufeff{}",
    "utf-16": json.dumps(VISITOR).encode("utf-16"),
    "utf-32": json.dumps(LOOKALIKE).encode("utf-32"),
    "latin-1": '{"name":"é"}'.encode("latin-1"),
    "latin-1-key": '{"é":1}'.encode("latin-1"),
    "utf-8-surrogate": b'{"name":"\xed\xa0\x80"}',
    "overlong-utf-8": b'{"name":"\xc0\x80"}',
    "raw-NUL": b'{"name":"a\x00"}',
    "raw-newline": b'{"name":"a\nb"}',
    "lone-surrogate": r'{"name":"\ud800"}',
    "lone-surrogate-key": r'{"\udfff":1}',
    "leading-zero": '{"name":01}',
    "hexadecimal": '{"name":0x1}',
    "5000-digits": f'{{"name":{"1" * 5000}}}',
    "5000-digits-and-a-half": f'{{"name":{"1" * 5000}.5}}',
    "10000-arrays": "[" * 10_000,
    "10000-arrays-closed": "[" * 10_000 + "]" * 10_000,
    "10000-objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "10000-deep-in-a-key-unread": '{"zzz":' + "[" * 10_000 + "]" * 10_000 + "}",
}
NO_OBJECT = {
    "array": "[]",
    "array-of-objects": "[{}]",
    "null": "null",
    "text": '"name"',
    "number": "5",
    "true": "true",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "object-without-keys": "{}",
}


ABSENT = object()
LONG = "9" * 40


def with_key(body: Mapping[str, Any], within: str | None, key: str, value: Any) -> str:
    """The body with another value for a key, or without it."""
    changed = json.loads(json.dumps(body))
    place = changed if within is None else changed[within]
    place[key] = value
    if value is ABSENT:
        del place[key]
    return json.dumps(changed)


PINTEREST_TEXT: dict[str, Any] = {"null": None, "number": 5, "true": True, "list": ["a"], "object": {"a": 1}}
NAMES = {**PINTEREST_TEXT, "blank": "", "spaces": " \t", "no-break-space": "\u00a0", "NUL": "a\x00"}
NOT_DIGITS = {
    "text": "abc",
    "blank": "",
    "space": " 1",
    "minus": "-1",
    "newline": "1\n",
    "unicode-digit": "٣",
    "NUL": "1\x00",
    "true": True,
    "object": {},
    "empty-list": [],
}


DAYS: dict[str, Any] = {
    "zero": 0,
    "negative": -1,
    "fraction": 1.5,
    "text": "ten",
    "blank": "",
    "true": True,
    "list": [5, 6],
    "object": {},
    "unicode-digit": "٣",
    "40-digits": int(LONG),
    "40-digits-in-quotes": LONG,
    "underscore": "1_0",
    "hexadecimal": "0x10",
    "NUL": "5\x00",
}
