"""What all operations of Pinterest's API have in common: base paths, tokens, headers, CORS and HEAD."""

from collections.abc import Callable

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_audiences import AUDIENCES, VISITORS, create


def test_both_base_paths_are_one_api(mock: MockServer, pinterest: httpx.Client) -> None:
    """What is made under /v5 is read at the root, and the other way round."""
    id = create(pinterest)["id"]
    at_root = httpx.get(f"{mock.url}{AUDIENCES}/{id}", headers=PINTEREST_TOKEN)
    assert at_root.json() == pinterest.get(f"{AUDIENCES}/{id}").json()


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic abc", "pina_abc", "Bearer a b"])
def test_a_missing_or_malformed_token_is_rejected(mock: MockServer, authorization: str | None) -> None:
    """Without a bearer token the response is the documented 401 of 64 bytes, whatever the body is."""
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("GET", AUDIENCES), ("POST", AUDIENCES), ("PATCH", f"{AUDIENCES}/1")):
        response = httpx.request(method, f"{mock.pinterest_url}{path}", headers=headers, content=b"{")
        assert response.status_code == 401
        assert pinterest_error(response)["code"] == 2
        assert response.content == b'{"code":2,"message":"Authentication failed.","status":"failure"}'


def test_unknown_routes_and_methods(pinterest: httpx.Client) -> None:
    """A path or a method that the API does not have gets an error in Pinterest's wording."""
    for path in ("/nothing", "/businesses", f"{AUDIENCES}/", f"{AUDIENCES}/1/2"):
        response = pinterest.get(path)
        assert response.status_code == 404
        assert pinterest_error(response) == {
            "code": 11,
            "message": "API method not found.",
            "data": None,
            "endpoint_name": None,
            "status": "failure",
        }
    for method, path, allowed in (
        ("DELETE", f"{AUDIENCES}/1", "GET, PATCH"),
        ("PUT", AUDIENCES, "GET, POST"),
    ):
        response = pinterest.request(method, path)
        assert response.status_code == 405
        assert pinterest_error(response) == {"code": 5, "message": "Method not allowed"}
        assert response.headers["allow"] == allowed


def test_each_answer_has_the_recorded_headers(pinterest: httpx.Client) -> None:
    """Successes and errors have the recorded headers, with an own request id each; only the 401 of a missing
    token has none of the rate limits'."""
    seen = set()
    for response in (
        pinterest.post(AUDIENCES, json=VISITORS),
        pinterest.get(AUDIENCES),
        pinterest.get("/nothing"),
        pinterest.put(AUDIENCES),
        pinterest.get(AUDIENCES, headers={"Authorization": ""}),
    ):
        headers = response.headers
        limits = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
        assert set(headers) - {"allow"} == {
            *("content-type", "content-length", "cache-control", "pinterest-version", "vary"),
            *("x-content-type-options", "x-frame-options", "x-pinterest-rid", "x-pinterest-rid-128bit"),
            *("x-envoy-upstream-service-time", "access-control-allow-credentials", "p3p", "date"),
            "pinterest-generated-by",
        } | (set() if response.status_code == 401 else limits)
        assert headers["content-type"] == "application/json"
        assert headers["cache-control"] == "no-cache, no-store, must-revalidate"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["vary"] == "Accept-Encoding"
        assert len(headers["pinterest-version"]) == 7
        assert len(headers["x-pinterest-rid"]) == 16
        assert headers["x-pinterest-rid"].isdigit()
        assert len(headers["x-pinterest-rid-128bit"]) == 32
        assert int(headers["x-envoy-upstream-service-time"]) >= 0
        seen.add(headers["x-pinterest-rid"])
    assert len(seen) == 5


def test_a_fresh_server_answers_the_same_every_time(start: Callable[..., MockServer]) -> None:
    """Two fresh servers give the same ids, sizes and request ids for the same calls."""
    told = []
    for _ in range(2):
        server = start(build_delay_s=0)
        server.world.clock.freeze(1_700_000_000_000)
        with httpx.Client(base_url=server.pinterest_url, headers=PINTEREST_TOKEN) as client:
            made = client.post(AUDIENCES, json=VISITORS)
            told.append((made.content, made.headers["x-pinterest-rid"], client.get(AUDIENCES).content))
    assert told[0] == told[1]


def test_a_page_of_any_origin_may_call(mock: MockServer) -> None:
    """A preflight and the call after it let any origin through, before a token is asked for."""
    url = f"{mock.pinterest_url}{AUDIENCES}"
    asks = {
        "Origin": "http://shop.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    preflight = httpx.options(url, headers=asks)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    called = httpx.get(url, headers=PINTEREST_TOKEN | {"Origin": "http://shop.example"})
    assert called.headers["access-control-allow-origin"] == "*"
    rejected = httpx.get(url, headers={"Origin": "http://shop.example"})
    assert rejected.status_code == 401
    assert rejected.headers["access-control-allow-origin"] == "*"


def test_origins_can_be_named(start: Callable[..., MockServer]) -> None:
    """With `cors_origins` only pages of those origins may read the responses."""
    url = f"{start(cors_origins='http://a.example,http://b.example').pinterest_url}{AUDIENCES}"
    for origin, allowed in (("http://b.example", "http://b.example"), ("http://c.example", None)):
        called = httpx.get(url, headers=PINTEREST_TOKEN | {"Origin": origin})
        assert called.headers.get("access-control-allow-origin") == allowed


def test_head_is_get_without_the_body(pinterest: httpx.Client) -> None:
    """HEAD responds as GET would, with its length and no body."""
    got, head = pinterest.get(AUDIENCES), pinterest.head(AUDIENCES)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
