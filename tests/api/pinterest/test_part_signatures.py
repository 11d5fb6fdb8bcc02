"""The URLs of an upload's parts: signed, for one part of one upload in one world, for an hour."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT

LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
TOKEN = {"Authorization": "Bearer pina_mock.ads:read+ads:write"}
NO_MATCH = (
    "The request signature we calculated does not match the signature you provided."
    " Check your key and signing method."
)

both_modes = pytest.mark.parametrize("auth_mode", ["lenient", "strict"])


def make_upload(mock: MockServer, world: str = "", total_parts: int = 2) -> list[str]:
    """The URLs of a new upload's parts."""
    base = mock.url + world + LISTS
    made = httpx.post(base, headers=TOKEN, json={"name": "l", "records": "ann@example.com"}).json()
    body = {"operation": "ADD", "total_parts": total_parts}
    upload = httpx.post(f"{base}/{made['id']}/uploads", headers=TOKEN, json=body).json()
    return [part["presigned_url"] for part in upload["s3_multipart_upload_data"]["file_parts"]]


def put(url: str) -> httpx.Response:
    return httpx.put(url, content=b"ann@example.com")


def rejection(response: httpx.Response) -> tuple[str, str]:
    """Code and message, of an error in the form of S3's."""
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/xml"
    assert response.text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>')
    error = ElementTree.fromstring(response.text)
    found = {element.tag: element.text or "" for element in error}
    assert list(found)[:2] == ["Code", "Message"]
    assert list(found)[-2:] == ["RequestId", "HostId"]
    assert response.headers["x-amz-request-id"] == found["RequestId"]
    return found["Code"], found["Message"]


def changed(url: str, path: Callable[[str], str] | None = None, **query: str | None) -> str:
    """The URL with another path, or with parameters replaced (`None` removes one)."""
    parts = urlsplit(url)
    pairs = dict(parse_qsl(parts.query))
    for name, value in query.items():
        pairs["X-Amz-" + name] = value or ""
        if value is None:
            del pairs["X-Amz-" + name]
    return urlunsplit(parts._replace(path=path(parts.path) if path else parts.path, query=urlencode(pairs)))


@both_modes
def test_a_url_is_good_for_its_own_part_and_upload(start: Callable[..., MockServer], auth_mode: str) -> None:
    """Each URL takes its part, again and again; with the signature of another part, upload or world it is
    rejected, and nothing is stored."""
    mock = start(auth_mode=auth_mode)
    first, second = make_upload(mock), make_upload(mock)
    blue = make_upload(mock, "/worlds/blue")
    for url in (*first, *second, *blue):
        assert [put(url).status_code for _ in range(2)] == [200, 200]
    queries = {urlsplit(url).query for url in (*first, *second, *blue)}
    assert len(queries) == 6
    for url in (*first, *second, *blue):
        for query in queries - {urlsplit(url).query}:
            assert rejection(put(f"{url.partition('?')[0]}?{query}")) == ("SignatureDoesNotMatch", NO_MATCH)
    pieces = mock.world.database.connection.exec_driver_sql("SELECT count(*) FROM upload_pieces")
    assert pieces.scalar_one() == 4


CHANGES: list[dict[str, Any]] = [
    {"Signature": "0" * 64},
    {"Signature": ""},
    {"Signature": None},
    {"Signature": "é"},
    {"Date": None},
    {"Date": "20990101T000000Z"},
    {"Date": "soon"},
    {"Expires": None},
    {"Expires": "999999999"},
    {"Expires": "-1"},
    {"Expires": "3600 "},
    {"Algorithm": "AWS4-HMAC-SHA256"},
    {"path": lambda path: path[:-1] + "2"},
    {"path": lambda path: path[:-1] + "01"},
    {"path": lambda path: path.replace("2680059001", "2680059002")},
    {"path": lambda path: path.replace("2680059001", "02680059001")},
    {"path": lambda path: "/worlds/blue" + path},
]


@both_modes
@pytest.mark.parametrize("change", CHANGES)
def test_a_url_that_was_changed_is_rejected(
    start: Callable[..., MockServer], auth_mode: str, change: dict[str, Any]
) -> None:
    """Whatever was changed, added or left out, the signature does not match."""
    url = changed(make_upload(start(auth_mode=auth_mode), total_parts=1)[0], **change)
    assert rejection(put(url)) == ("SignatureDoesNotMatch", NO_MATCH)


@both_modes
@pytest.mark.parametrize("path", ["", "/worlds/blue"])
@pytest.mark.parametrize("query", ["", "?", "?a=1", "?x-amz-signature=1"])
@pytest.mark.parametrize("upload", ["2680059001/1", "2680059001/x", "1/1", "x/1", f"{'9' * 30}/1"])
def test_a_url_without_a_signature_is_rejected(
    start: Callable[..., MockServer], auth_mode: str, path: str, query: str, upload: str
) -> None:
    """Nothing is told of whether there is such an upload; a token is no signature."""
    mock = start(auth_mode=auth_mode)
    make_upload(mock, path)
    url = f"{mock.url}{path}/v5/__uploads/{upload}{query}"
    for headers in ({}, TOKEN):
        assert rejection(httpx.put(url, content=b"x", headers=headers)) == ("AccessDenied", "Access Denied")


def test_a_url_expires_by_the_clock_of_the_world(mock: MockServer) -> None:
    """It is good for an hour, to the second; then S3's error has the times."""
    mock.world.clock.freeze(1_700_000_000_500)
    url = make_upload(mock, total_parts=1)[0]
    mock.world.clock.advance(3_599_499)
    assert put(url).status_code == 200
    mock.world.clock.advance(1)
    rejected = put(url)
    assert rejection(rejected) == ("AccessDenied", "Request has expired")
    assert (
        "<X-Amz-Expires>3600</X-Amz-Expires><Expires>2023-11-14T23:13:20Z</Expires>"
        "<ServerTime>2023-11-14T23:13:20Z</ServerTime>"
    ) in rejected.text
    assert rejection(put(changed(url, Signature="0" * 64)))[0] == "SignatureDoesNotMatch"
    mock.world.clock.freeze(1_700_000_000_000)
    assert put(url).status_code == 200


def test_strict_servers_sign_with_secrets_of_their_own(start: Callable[..., MockServer]) -> None:
    """In lenient mode two runs give the same URLs; in strict mode nobody can work out one of another's."""

    def urls(auth_mode: str) -> list[str]:
        mock = start(auth_mode=auth_mode)
        mock.world.clock.freeze(1_700_000_000_000)
        made = make_upload(mock)
        assert {put(url).status_code for url in made} == {200}
        return [urlsplit(url).query for url in made]

    assert urls("lenient") == urls("lenient")
    assert len({*urls("strict"), *urls("strict"), *urls("lenient")}) == 6


def test_a_restart_keeps_urls_valid(tmp_path: Path) -> None:
    """The secret of a strict world in a file is kept with it, in the default world and another."""
    settings: dict[str, Any] = {"database": f"sqlite:///{tmp_path}/a.db", "auth_mode": "strict"}
    with MockServer(**settings) as first:
        urls = make_upload(first) + make_upload(first, "/worlds/blue")
    with MockServer(**settings) as second:
        for url in urls:
            moved = re.sub(r"^http://[^/]+", second.url, url)
            assert put(moved).status_code == 200
            assert rejection(put(changed(moved, Signature="0" * 64)))[0] == "SignatureDoesNotMatch"


def test_worlds_have_secrets_of_their_own(start: Callable[..., MockServer]) -> None:
    """A snapshot and a fork keep an upload's URLs valid where it is, and nowhere else; after a reset, the
    same upload of a strict world has other URLs."""
    mock = start(auth_mode="strict")
    mock.world.clock.freeze(1_700_000_000_000)
    url = make_upload(mock, total_parts=1)[0]
    control = f"{mock.url}/__admin"
    assert httpx.put(f"{control}/snapshots/kept").status_code == 204
    assert httpx.post(f"{control}/worlds/default/fork", json={"name": "copy"}).status_code == 201
    in_copy = changed(url, path=lambda path: f"/worlds/copy{path}")
    assert rejection(put(in_copy))[0] == "SignatureDoesNotMatch"
    httpx.post(f"{control}/reset")
    assert rejection(put(url))[0] == "SignatureDoesNotMatch"
    mock.world.clock.freeze(1_700_000_000_000)
    again = make_upload(mock, total_parts=1)[0]
    assert again.partition("X-Amz-Signature")[0] == url.partition("X-Amz-Signature")[0]
    assert again != url
    assert httpx.post(f"{control}/snapshots/kept/restore").status_code == 204
    assert put(url).status_code == 200
    assert rejection(put(again))[0] == "SignatureDoesNotMatch"


def test_no_signature_is_in_journal_log_or_state(
    start: Callable[..., MockServer], caplog: pytest.LogCaptureFixture
) -> None:
    """The journal masks it in the response that has the URLs and in the requests that use them; the log has
    paths only, and a state no secret."""
    caplog.set_level("DEBUG", logger="audience_mock")
    mock = start(auth_mode="strict")
    url = make_upload(mock, total_parts=1)[0]
    put(url)
    put(changed(url, Date="20990101T000000Z"))
    signature = url.rpartition("=")[2]
    journal = httpx.get(f"{mock.url}/__admin/journal").text
    assert journal.count(f"X-Amz-Signature={signature[:4]}…") == 3
    assert signature not in journal + caplog.text
    assert "403 SignatureDoesNotMatch: The request signature" in caplog.text
    assert mock.world.secret().hex() not in httpx.get(f"{mock.url}/__admin/state").text
