"""The Date of a response."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

PINTEREST = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
DATED = (PINTEREST, "/v5/nothing", "/__admin/clock", "/__admin/nothing", "/__admin/health", "/", "/openapi/x")


@pytest.mark.parametrize("path", DATED)
def test_it_is_that_of_the_worlds_clock(mock: MockServer, path: str) -> None:
    """It agrees with the timestamps that the world gives, to the second, in each world by itself."""
    for unix, prefix in ((1_700_000_000, ""), (1_800_000_000.999, "/worlds/blue"), (0, "/worlds/red")):
        world = mock.in_world(prefix.rpartition("/")[2] or "default")
        world.clock.freeze(unix)
        response = httpx.get(f"{mock.url}{prefix}{path}", headers=PINTEREST_TOKEN)
        dates = response.headers.get_list("date")
        assert len(dates) == 1
        assert parsedate_to_datetime(dates[0]) == datetime.fromtimestamp(int(unix), UTC)
        world.clock.advance(61)
        later = httpx.get(f"{mock.url}{prefix}{path}", headers=PINTEREST_TOKEN).headers["date"]
        assert parsedate_to_datetime(later) - parsedate_to_datetime(dates[0]) == timedelta(seconds=61)


def test_a_new_audience_is_as_old_as_its_answer_says(mock: MockServer) -> None:
    """A client that reckons an age from Date and `created_timestamp` gets none below zero."""
    mock.clock.set(2_000_000_000)
    body = {"name": "v", "audience_type": "ENGAGEMENT", "rule": {}}
    made = httpx.post(mock.url + PINTEREST, json=body, headers=PINTEREST_TOKEN)
    assert parsedate_to_datetime(made.headers["date"]).timestamp() == made.json()["created_timestamp"]


def test_pitchtargets_published_headers_have_none(mock: MockServer) -> None:
    """PitchTarget's documentation shows every header of its answers, and no Date among them."""
    for method, path in (("GET", "/custom_audiences/54"), ("OPTIONS", "/custom_audiences"), ("GET", "/x")):
        assert "date" not in httpx.request(method, mock.url + path, headers=PITCHTARGET_TOKEN).headers
