"""Strategies and checks that tests of properties share."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import pinterest_error, pitchtarget_error
from helpers.pinterest_resources import create_customer_list

COLLECTION = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
HEADERS = {"pinterest": PINTEREST_TOKEN, "pitchtarget": PITCHTARGET_TOKEN}


def examples(count: int) -> settings:
    """At most so many, without shrinking's long tail and without a store of old failures."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    """One server for the file, whose clock stands still unless a test moves it, and nothing gets ready."""
    with MockServer(build_delay_s=1e6) as server:
        server.world.clock.freeze()
        yield server


@pytest.fixture(scope="module")
def http(mock: MockServer) -> Iterator[httpx.Client]:
    """Plain HTTP to the server, with an audience and a customer list of Pinterest's there to be changed."""
    with httpx.Client(base_url=mock.url, timeout=60) as client:
        body = {"name": "a", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}}
        assert client.post(COLLECTION, json=body, headers=PINTEREST_TOKEN).status_code == 201
        assert create_customer_list(client) == "5497558"
        yield client


def api_of(path: str) -> str:
    """The API that a path lies in; the paths of the control API lie in none."""
    first = path.split("/")[1]
    return "pinterest" if first in ("v5", "ad_accounts", "businesses") else "pitchtarget"


def check(answer: httpx.Response, api: str) -> httpx.Response:
    """No server error, and each rejection in its API's shape."""
    assert answer.status_code < 500, answer.text[:500]
    if answer.status_code >= 400:
        (pinterest_error if api == "pinterest" else pitchtarget_error)(answer)
    elif answer.content:
        answer.json(parse_constant=_reject_constant)
    return answer


def _reject_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def call(http: httpx.Client, method: str, path: str, body: bytes, content_type: str) -> httpx.Response:
    api = api_of(path)
    headers = {**HEADERS[api], "Content-Type": content_type}
    return check(http.request(method, path, content=body, headers=headers), api)


numbers = st.one_of(
    st.integers().map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["1" * 400, "1" * 400 + ".0", "1e400", "NaN", "-Infinity", "-0.0", "5e-324", "1" * 5000, "1e5"]
    ),
)
