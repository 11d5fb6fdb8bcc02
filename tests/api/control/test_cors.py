"""CORS of the control API, and which pages may call it."""

from collections.abc import Callable

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.errors import control_error

CLOCK = "/__admin/clock"
HEALTH = "/__admin/health"
LOCAL = (
    "http://localhost",
    "http://localhost:5173",
    "https://localhost:5173",
    "http://LOCALHOST:5173",
    "http://127.0.0.1",
    "http://127.0.0.1:3000",
    "https://127.9.8.7:443",
    "http://[::1]",
    "http://[::1]:3000",
    "http://app.localhost:8080",
)
FOREIGN = (
    "null",
    "",
    "https://shop.example",
    "http://localhost.evil.com",
    "http://evil.com:5173",
    "http://notlocalhost",
    "http://localhost.",
    "http://127.0.0.1.evil.com",
    "http://128.0.0.1",
    "http://10.0.0.1:3000",
    "http://[::2]:3000",
    "http://[::1]evil.com",
    "http://localhost@evil.com",
    "http://evil.com@localhost",
    "http://localhost:5173/path",
    "http://localhost:5173, http://evil.com",
    "http://localhost:5173 http://evil.com",
    "file://localhost",
    "chrome-extension://localhost",
    "localhost:5173",
)
SITES = ("same-origin", "same-site", "cross-site", None)


def preflight(mock: MockServer, path: str, origin: str, method: str, **more: str) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": method, **more}
    return httpx.options(mock.url + path, headers=headers)


@pytest.mark.parametrize("origin", LOCAL)
def test_a_page_of_this_machine_moves_the_clock(mock: MockServer, origin: str) -> None:
    """Its preflight is answered with what it asks for, and the call after it may be read, whatever the
    browser calls the two sites to each other."""
    asks = {
        "Access-Control-Request-Headers": "authorization,content-type,x-audience-mock-world",
        "Access-Control-Request-Private-Network": "true",
    }
    asked = preflight(mock, CLOCK, origin, "PUT", **asks)
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == origin
    assert asked.headers["access-control-allow-methods"] == "GET, PUT"
    assert asked.headers["access-control-allow-headers"] == asks["Access-Control-Request-Headers"]
    assert asked.headers["access-control-allow-private-network"] == "true"
    assert asked.headers["vary"] == "Origin"
    for site in SITES:
        headers = {"Origin": origin} | ({"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors"} if site else {})
        moved = httpx.put(mock.url + CLOCK, json={"now": 1_800_000_000}, headers=headers)
        assert (moved.status_code, moved.headers["access-control-allow-origin"]) == (200, origin)
        assert moved.json()["unix"] == 1_800_000_000


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_site_stays_out(mock: MockServer, origin: str) -> None:
    """Neither its preflight nor its call is granted, and nothing is done."""
    before = mock.clock.get()
    asked = preflight(mock, CLOCK, origin, "PUT", **{"Access-Control-Request-Private-Network": "true"})
    assert asked.status_code in (403, 405)
    assert not [name for name in asked.headers if name.startswith("access-control-")]
    for site in SITES:
        headers = {"Origin": origin} | ({"Sec-Fetch-Site": site} if site else {})
        moved = httpx.put(mock.url + CLOCK, json={"now": 1_800_000_000}, headers=headers)
        assert control_error(moved, 403)
        assert not [name for name in moved.headers if name.startswith("access-control-")]
    assert mock.clock.get() == before


def test_a_request_without_origin_from_another_site_stays_out(mock: MockServer) -> None:
    """Images and scripts of another site's page have no Origin; links that a person follows are answered."""
    for mode, status in (("no-cors", 403), ("navigate", 200)):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
        assert httpx.get(f"{mock.url}/__admin/state", headers=headers).status_code == status
    assert httpx.get(f"{mock.url}/__admin/state", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_errors_may_be_read_too(start: Callable[..., MockServer]) -> None:
    """A page of this machine can read why its call was rejected, and calls with a token as without one."""
    mock = start(admin_token="open-sesame")
    origin = {"Origin": "http://localhost:5173"}
    token = {"Authorization": "Bearer open-sesame"}
    assert preflight(mock, CLOCK, origin["Origin"], "PUT").status_code == 204
    for method, path, headers, status in (
        ("GET", CLOCK, {}, 401),
        ("GET", CLOCK, token, 200),
        ("PUT", CLOCK, token, 400),
        ("GET", "/__admin/clok", token, 404),
        ("DELETE", CLOCK, token, 405),
        ("GET", "/worlds/%20/__admin/clock", token, 400),
        ("GET", CLOCK, {"X-Audience-Mock-World": "", **token}, 400),
        ("GET", HEALTH, {}, 200),
    ):
        answer = httpx.request(method, mock.url + path, headers=headers | origin)
        assert answer.status_code == status
        assert answer.headers.get_list("access-control-allow-origin") == [origin["Origin"]], path
    foreign = httpx.get(mock.url + CLOCK, headers=token | {"Origin": "https://shop.example"})
    assert (foreign.status_code, "access-control-allow-origin" in foreign.headers) == (200, False)


def test_every_operation_has_a_preflight(mock: MockServer) -> None:
    """A page may use each method of each path, health and worlds named by path included."""
    described = httpx.get(f"{mock.url}/openapi/control.json").json()["paths"]
    for path, operations in described.items():
        for prefix in ("", "/worlds/blue"):
            for method in operations:
                asked = preflight(mock, prefix + path, "http://localhost:5173", method.upper())
                assert asked.status_code == 204, path
                assert method.upper() in asked.headers["access-control-allow-methods"].split(", ")
    assert preflight(mock, HEALTH, "http://localhost:5173", "GET").status_code == 204
    assert "access-control-allow-origin" not in preflight(mock, HEALTH, "https://a.example", "GET").headers
    assert preflight(mock, "/__admin/nothing", "http://localhost:5173", "GET").status_code == 404
    assert httpx.options(mock.url + CLOCK).status_code == 405


def test_the_emulated_apis_grant_what_their_settings_do(start: Callable[..., MockServer]) -> None:
    """Both grant private networks where they grant the origin; PitchTarget's preflight allows this server's
    own headers besides those that it documents."""
    asks = {"Access-Control-Request-Private-Network": "true", "Access-Control-Request-Headers": "prefer"}
    open_to_all, narrow = start(), start(cors_origins="http://a.example")
    for mock, path, origin, granted in (
        (open_to_all, "/v5/ad_accounts", "https://shop.example", True),
        (narrow, "/v5/ad_accounts", "http://a.example", True),
        (narrow, "/v5/ad_accounts", "https://shop.example", False),
        (open_to_all, "/custom_audiences", "https://shop.example", True),
    ):
        asked = preflight(mock, path, origin, "GET", **asks)
        assert (asked.headers.get("access-control-allow-private-network") == "true") == granted
        assert ("access-control-allow-origin" in asked.headers) == granted
        without = preflight(mock, path, origin, "GET")
        assert "access-control-allow-private-network" not in without.headers
    documented = "Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition"
    url, token = f"{open_to_all.url}/custom_audiences/54", {"Authorization": "OAuth x"}
    asked = preflight(open_to_all, "/custom_audiences/54", "https://shop.example", "GET")
    own = "X-Audience-Mock-World, X-Audience-Mock-Fault, Prefer"
    assert asked.headers.get_list("access-control-allow-headers") == [f"{documented}, {own}"]
    called = httpx.get(url, headers={"Origin": "https://shop.example", **token})
    assert called.headers["access-control-allow-headers"] == documented
