"""Pinterest's rate limits: the headers, and 429 where they are enforced."""

from collections.abc import Callable

import httpx
import pytest

from audience_mock.core.controls.rate_limits import Limit, Limits
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
OVER_ALL = '100;w=1;name="safety_net_app_id_user_id"'
READS = '1000;w=60;name="ads_read_app_id_user_id"'
WRITES = '400;w=60;name="ads_write_app_id_user_id"'
LIMIT_REACHED = {"code": 8, "message": "You have exceeded your rate limit. Try again later."}


def told(response: httpx.Response) -> tuple[str, int, int]:
    headers = response.headers
    return (
        headers["x-ratelimit-limit"],
        int(headers["x-ratelimit-remaining"]),
        int(headers["x-ratelimit-reset"]),
    )


def test_the_headers_tell_the_tightest_limit(mock: MockServer, pinterest: httpx.Client) -> None:
    """Limit, remaining and reset are those of the limit with the fewest calls left; then all are named."""
    assert told(pinterest.get(AUDIENCES)) == (f"100, {OVER_ALL}, {READS}", 99, 1)
    assert told(pinterest.post(AUDIENCES)) == (f"100, {OVER_ALL}, {WRITES}", 98, 1)
    assert told(pinterest.get("/nothing")) == (f"100, {OVER_ALL}", 97, 1)
    assert told(pinterest.get(f"{AUDIENCES}/x")) == (f"100, {OVER_ALL}, {READS}", 96, 1)
    mock.world.clock.advance(1_000)
    assert told(pinterest.get(AUDIENCES)) == (f"100, {OVER_ALL}, {READS}", 99, 1)
    for _ in range(10):
        mock.world.clock.advance(1_000)
        for _ in range(40):
            last = pinterest.post(AUDIENCES)
    # The window of the writes began with the first one, 11 seconds ago.
    assert told(last) == (f"400, {OVER_ALL}, {WRITES}", 0, 49)


def test_callers_are_counted_apart(mock: MockServer, pinterest: httpx.Client) -> None:
    """Each token has limits of its own, and so has an app that asks for tokens."""
    for _ in range(2):
        pinterest.get(AUDIENCES)
    other = httpx.get(f"{mock.pinterest_url}{AUDIENCES}", headers={"Authorization": "Bearer pina_other"})
    assert told(other)[1] == 99
    app = httpx.post(f"{mock.pinterest_url}/oauth/token", auth=("1", "secret"))
    assert told(app) == (f"100, {OVER_ALL}", 99, 1)


def test_counting_never_answers_429(pinterest: httpx.Client) -> None:
    """By default the headers count down to 0, and calls go on."""
    for _ in range(101):
        response = pinterest.get(AUDIENCES)
    assert response.status_code == 200
    assert told(response)[1] == 0


@pytest.mark.both_engines
def test_standard_limits_are_enforced(start: Callable[..., MockServer]) -> None:
    """With `standard` the 101st call of a second gets 429 with code 8, until the second is over."""
    mock = start(rate_limits="standard")
    mock.world.clock.freeze()
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        for _ in range(100):
            assert client.get(AUDIENCES).status_code == 200
        for path in (AUDIENCES, "/nothing"):
            rejected = client.get(path)
            assert rejected.status_code == 429
            assert pinterest_error(rejected) == LIMIT_REACHED
            assert told(rejected)[1:] == (0, 1)
            assert "retry-after" not in rejected.headers
        unknown = httpx.get(f"{mock.pinterest_url}{AUDIENCES}")
        assert unknown.status_code == 401
        mock.world.clock.advance(999)
        assert client.get(AUDIENCES).status_code == 429
        mock.world.clock.advance(1)
        again = client.get(AUDIENCES)
        assert (again.status_code, told(again)[1]) == (200, 99)


def test_trial_limits_are_a_days(start: Callable[..., MockServer]) -> None:
    """With `trial` the 301st write of a day gets 429, and reads go on."""
    mock = start(rate_limits="trial")
    mock.world.clock.freeze()
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        for _ in range(300):
            assert client.post(AUDIENCES).status_code == 400
        mock.world.clock.advance(86_399_000)
        rejected = client.post(AUDIENCES)
        assert rejected.status_code == 429
        assert pinterest_error(rejected) == LIMIT_REACHED
        limit, left, resets_in_s = told(rejected)
        assert limit.startswith('300, 1000;w=86400;name="safety_net_app_id_user_id", 300;w=86400;')
        assert (left, resets_in_s) == (0, 1)
        assert client.get(AUDIENCES).status_code == 200
        mock.world.clock.advance(1_000)
        assert client.post(AUDIENCES).status_code == 400


def test_limits_can_be_turned_off(start: Callable[..., MockServer]) -> None:
    """With `off` no response has rate-limit headers."""
    response = httpx.get(f"{start(rate_limits='off').pinterest_url}{AUDIENCES}", headers=PINTEREST_TOKEN)
    assert not [name for name in response.headers if name.startswith("x-ratelimit")]


def test_only_so_many_callers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The windows of the first caller are forgotten for those of one too many."""
    monkeypatch.setattr("audience_mock.core.controls.rate_limits.MAX_CALLERS", 2)
    limits, one = Limits(), [Limit("a", 3, 1000)]
    for caller, left in (("a", 2), ("b", 2), ("b", 1), ("c", 2), ("a", 2)):
        assert limits.count(caller, one, 0) == (0, left, 1000, True)


def test_a_call_beyond_one_limit_counts_in_none() -> None:
    """What one limit rejects takes nothing from the other."""
    limits, both = Limits(), [Limit("short", 1, 10), Limit("long", 3, 1000)]
    assert limits.count("a", both, 0) == (0, 0, 10, True)
    assert limits.count("a", both, 5) == (0, 0, 5, False)
    assert limits.count("a", both, 10) == (0, 0, 10, True)
    assert limits.count("a", both, 20) == (0, 0, 10, True)
    assert limits.count("a", both, 30) == (1, 0, 970, False)


def test_a_clock_that_is_set_back_begins_new_windows() -> None:
    """No window ends later than a whole window from now."""
    limits, one = Limits(), [Limit("a", 3, 1000)]
    assert limits.count("a", one, 50_000) == (0, 2, 1000, True)
    assert limits.count("a", one, 10_000) == (0, 2, 1000, True)
