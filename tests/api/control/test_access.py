"""Access control: this machine may call the control API, or any caller with the token."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

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
