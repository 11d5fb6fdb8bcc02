"""Access control: this machine may call the control API, or any caller with the token."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.app import create_app
from audience_mock.core.errors import InvalidSettingsError
from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from helpers.errors import control_error

WORLDS = "/__admin/worlds"


def called_from(mock: MockServer, address: str) -> httpx.Response:
    """The response to a caller with this address, whose Host header names this machine."""

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(mock.app, client=(address, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(WORLDS)

    return asyncio.run(call())


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_call(mock: MockServer, address: str) -> None:
    """Every loopback address may call without a token."""
    assert called_from(mock, address).status_code == 200


@pytest.mark.parametrize(
    "address", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", "172.17.0.1"]
)
def test_another_machine_may_not(mock: MockServer, address: str) -> None:
    """Another address is rejected; the error says how to open the control API."""
    assert "--admin-token" in control_error(called_from(mock, address), 403)["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "mock.localhost:8000"},
        {"Host": "127.0.0.1:1"},
        {"Host": "[::1]:8000"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1:5173"},
        {"Origin": "https://app.localhost"},
    ],
)
def test_local_names_and_pages_may_call(mock: MockServer, headers: dict[str, str]) -> None:
    """A front end on this machine may call, by any local name."""
    assert httpx.get(mock.url + WORLDS, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "127.0.0.1.example"},
        {"Host": "localhost.example:8000"},
        {"Host": "["},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_rebound_names_and_foreign_pages_may_not(
    mock: MockServer, headers: dict[str, str], method: str
) -> None:
    """Another host's name, or a page of another site, is rejected before anything is done."""
    rejected = httpx.request(method, f"{mock.url}/__admin/reset", headers=headers)
    assert rejected.status_code in ((403,) if method == "POST" else (403, 405))
    assert "access-control-allow-origin" not in rejected.headers


@pytest.mark.parametrize("hosts", [("localhost", "evil.example"), ("evil.example", "localhost")])
def test_each_of_two_hosts_has_to_be_local(mock: MockServer, hosts: tuple[str, str]) -> None:
    """A request with two Host headers is judged by both."""
    url = httpx.URL(mock.url)
    head = "".join(f"Host: {host}\r\n" for host in hosts)
    with socket.create_connection((url.host, url.port or 0), timeout=60) as connection:
        connection.sendall(f"GET {WORLDS} HTTP/1.1\r\n{head}\r\n".encode())
        assert b" 403 " in connection.recv(65536).partition(b"\r\n")[0]


def test_a_token_opens_it_to_any_machine(start: Callable[..., MockServer]) -> None:
    """With an admin token, every caller needs the token, and nothing else."""
    mock = start(admin_token="open-sesame")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "open-sesame"}):
        rejected = httpx.get(mock.url + WORLDS, headers=headers)
        assert control_error(rejected, 401)
        assert rejected.headers["www-authenticate"] == "Bearer"
    headers = {"Authorization": "Bearer open-sesame", "Host": "mock.example", "Origin": "https://a.example"}
    assert httpx.get(mock.url + WORLDS, headers=headers).status_code == 200
    assert httpx.get(f"{mock.url}/__admin/health").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_can_be_disabled(start: Callable[..., MockServer], method: str) -> None:
    """Without the control API, only health answers; both APIs are served as before."""
    mock = start(admin=False)
    for path in (WORLDS, "/__admin/reset", "/__admin/uploads"):
        answer = httpx.request(method, mock.url + path)
        assert answer.status_code in (404, 405)
    assert "--no-admin" in control_error(httpx.get(mock.url + WORLDS), 404)["error"]
    assert httpx.get(f"{mock.url}/__admin/health").status_code == 200


def test_flag_and_variable(monkeypatch: pytest.MonkeyPatch, start: Callable[..., Any]) -> None:
    """AUDIENCE_MOCK_ADMIN=false is --no-admin."""
    monkeypatch.setenv("AUDIENCE_MOCK_ADMIN", "false")
    assert httpx.get(start().url + WORLDS).status_code == 404


FORWARDING = [
    *(
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Forwarded-Anything",
    ),
    *("X-Forwarded", "X-Forward-For", "Forwarded", "Forwarded-For", "Via", "X-Real-IP", "X-Client-IP"),
    *("CF-Connecting-IP", "CF-Ray", "CDN-Loop", "True-Client-IP", "X-Cluster-Client-IP", "Fastly-Client-IP"),
    *("X-Original-URL", "X-Original-Forwarded-For", "X-Rewrite-URL", "X-ProxyUser-IP", "X-Proxied-By"),
    *("X-Envoy-External-Address", "X-Azure-ClientIP", "X-ARR-LOG-ID", "Tailscale-User-Login", "Client-IP"),
    *("x-forwarded-for", "X_Forwarded_For"),
]


@pytest.mark.parametrize("name", FORWARDING)
@pytest.mark.parametrize("value", ["127.0.0.1", "203.0.113.9", ""])
def test_what_a_proxy_passed_on_is_rejected(mock: MockServer, name: str, value: str) -> None:
    """A header of a proxy closes the control API, whatever it says: anybody could be behind it. The error
    says what to do; health and both APIs answer as before."""
    headers = {name: value}
    rejected = httpx.post(f"{mock.url}/__admin/reset", headers=headers)
    error = control_error(rejected, 403)["error"]
    assert error.lower().startswith(f"{name} shows that a proxy".lower())
    assert "--admin-token-file" in error
    for path in (f"/worlds/blue{WORLDS}", f"/v5{WORLDS}"):
        assert httpx.get(mock.url + path, headers=headers).status_code in (403, 404)
    assert httpx.get(f"{mock.url}/__admin/health", headers=headers).status_code == 200
    listed = httpx.get(
        f"{mock.pinterest_url}/ad_accounts", headers={**headers, "Authorization": "Bearer pina_x"}
    )
    assert listed.status_code == 200


@pytest.mark.parametrize(
    "name", ["X-Request-Id", "Traceparent", "Viaduct", "X-Realm", "Prefer", "X-Forge", "Cfx"]
)
def test_other_headers_do_not_close_it(mock: MockServer, name: str) -> None:
    """A header that only sounds like one of a proxy's changes nothing."""
    assert httpx.get(mock.url + WORLDS, headers={name: "127.0.0.1"}).status_code == 200


def test_with_a_token_a_proxy_is_welcome(start: Callable[..., MockServer]) -> None:
    """Whoever has the token may call through any proxy."""
    mock = start(admin_token="open-sesame")
    headers = {"X-Forwarded-For": "203.0.113.9", "Via": "1.1 nginx"}
    assert httpx.get(mock.url + WORLDS, headers=headers).status_code == 401
    headers["Authorization"] = "Bearer open-sesame"
    assert httpx.get(mock.url + WORLDS, headers=headers).status_code == 200


def exchange(mock: MockServer, request: str) -> str:
    """The response to a request as it is written, to the end of the connection."""
    url = httpx.URL(mock.url)
    with socket.create_connection((url.host, url.port or 0), timeout=60) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_nginx_without_settings_is_recognised_by_its_http_version(mock: MockServer) -> None:
    """nginx's `proxy_pass` sends HTTP/1.0, the upstream's name and `Connection: close`, and no header of its
    own; the same from a client of HTTP/1.1 is served."""
    end = "Host: 127.0.0.1:8000\nConnection: close\n\n"
    for path in (WORLDS, f"/worlds/blue{WORLDS}"):
        rejected = exchange(mock, f"GET {path} HTTP/1.0\n{end}")
        assert rejected.startswith("HTTP/1.1 403 ")
        assert "HTTP/1.0 shows that a proxy passed this request on" in rejected
    assert exchange(mock, f"GET {WORLDS} HTTP/1.1\n{end}").startswith("HTTP/1.1 200 ")
    assert exchange(mock, f"GET /__admin/health HTTP/1.0\n{end}").startswith("HTTP/1.1 200 ")


# Tokens


def with_token(mock: MockServer, authorization: str | None, path: str = WORLDS) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    return httpx.get(mock.url + path, headers=headers).status_code


def test_a_file_has_several_tokens(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """Each line is a token, but for comments and blank lines; `admin_token` is valid beside them, and the
    server's own client takes one of them."""
    file = tmp_path / "tokens"
    file.write_bytes(
        b"\xef\xbb\xbf# the old one, until Friday\r\nold-token-1\r\n\r\n  new#token~2  \n#commented-out\n"
    )
    mock = start(admin_token_file=str(file), admin_token="open-sesame")
    for token in ("old-token-1", "new#token~2", "open-sesame"):
        for scheme in ("Bearer ", "bearer ", "BEARER  "):
            assert with_token(mock, f"{scheme}{token}") == 200
    for token in (
        "commented-out",
        "#commented-out",
        "old-token-",
        "old-token-12",
        "new#token",
        "open-sesame old-token-1",
    ):
        assert with_token(mock, f"Bearer {token}") == 401
    assert (
        with_token(mock, None)
        == with_token(mock, "old-token-1")
        == with_token(mock, "Basic old-token-1")
        == 401
    )
    assert start(admin_token_file=str(file)).faults.list() == []


@pytest.mark.parametrize("token", ["open~sesame", "~open-sesame", "open-sesame~", "open~sesame~blue"])
def test_a_token_may_have_a_tilde(start: Callable[..., MockServer], token: str) -> None:
    """A token with a tilde is taken as a whole and names no world; one that is followed by a tilde and a name
    still names that world."""
    mock = start(admin_token=token)
    assert with_token(mock, f"Bearer {token}") == 200
    worlds = mock.app.state.worlds
    assert list(worlds) == ["default"]
    assert with_token(mock, f"Bearer {token}~green", "/__admin/clock") == 200
    assert list(worlds) == ["default", "green"]
    assert with_token(mock, "Bearer open~green") == 401


def test_tokens_are_replaced_while_the_server_runs(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """What the file says is valid from the next call on; where it cannot be read or has no token, those
    before stay valid."""
    file = tmp_path / "tokens"
    file.write_text("first-token\n")
    mock = start(admin_token_file=str(file))
    assert with_token(mock, "Bearer first-token") == 200
    file.write_text("first-token\nsecond-token\n")
    assert with_token(mock, "Bearer first-token") == with_token(mock, "Bearer second-token") == 200
    replacement = tmp_path / "new"
    replacement.write_text("second-token\n")
    replacement.replace(file)
    assert (with_token(mock, "Bearer first-token"), with_token(mock, "Bearer second-token")) == (401, 200)
    for broken in (b"", b"# none\n", b"short", b"with space\n", b"\xff\xfe", b"x" * 70_000):
        file.write_bytes(broken)
        assert with_token(mock, None) == with_token(mock, "Bearer short") == 401
        assert with_token(mock, "Bearer second-token") == 200
    file.unlink()
    assert (with_token(mock, None), with_token(mock, "Bearer second-token")) == (401, 200)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot read FILE: No such file or directory"),
        (b"", "FILE has no token: write one on a line of its own"),
        (b"# open-sesame\n\n", "FILE has no token: write one on a line of its own"),
        (b"long-enough\nshrt\n", "line 2 of FILE must be 8 or more ASCII characters without spaces"),
        (b"s3cret token\n", "line 1 of FILE must be 8 or more ASCII characters without spaces"),
        ("s3cret-tökén\n".encode(), "line 1 of FILE must be 8 or more ASCII characters without spaces"),
        (b"s3cret-token\xff\n", "FILE is not a text file in UTF-8"),
        (b"s3cret-token\n" * 6000, "FILE is larger than 65536 bytes"),
    ],
)
def test_a_wrong_token_file_is_explained(tmp_path: Path, content: bytes | None, says: str) -> None:
    """A file that cannot be used ends the start; the error names the line and shows nothing of it."""
    file = tmp_path / "tokens"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettingsError) as error:
        create_app(Settings(admin_token_file=file))
    assert str(error.value) == f"admin_token_file: {says}".replace("FILE", str(file))


def test_a_rejected_token_is_in_no_log(
    start: Callable[..., MockServer], caplog: pytest.LogCaptureFixture
) -> None:
    """The log says whether a token was missing or unknown, and shows neither it nor the right one; nor do the
    settings as a text."""
    caplog.set_level("DEBUG", logger="audience_mock")
    mock = start(admin_token="open-sesame")
    with_token(mock, None)
    with_token(mock, "Bearer almost-sesame")
    lines = [record.getMessage() for record in caplog.records]
    assert [line.rpartition(" (")[2] for line in lines] == ["no admin token)", "unknown admin token)"]
    assert "sesame" not in "".join(lines) + repr(mock.settings) + str(mock.settings)
