"""The overview of a world, its tokens, its rate limits, and its requests in short."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from audience_mock import __version__
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import control_error

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"


def test_the_examples_of_the_overview_work(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """Each API has an example that works as it stands, in the world that was asked; the store is named."""
    mock = start(seed="demo", database=f"sqlite:///{tmp_path / 'a.db'}")
    blue = mock.in_world("blue")
    overview = blue.control("GET", "/overview")
    assert (overview["version"], overview["world"]) == (__version__, "blue")
    assert overview["store"] == str(tmp_path / "a.db")
    assert (overview["customer_lists"], overview["requests"], overview["faults"]) == (4, 0, 0)
    for api in overview["apis"]:
        url = blue.url + api["example_path"]
        assert api["example_path"].startswith(api["base_path"])
        response = httpx.get(url, headers={"Authorization": api["authorization"]})
        assert response.status_code == 200
        assert next(iter(response.json().values()))
        assert overview["kinds"][api["name"]]
    blue.faults.add(overview["apis"][0]["operations"][0], status=500)
    after = blue.control("GET", "/overview")
    assert (after["requests"], after["faults"], after["unused_faults"]) == (2, 1, 1)
    assert mock.control("GET", "/overview")["requests"] == 0


def test_operations_of_the_overview_are_all(mock: MockServer) -> None:
    """The overview has each operation that a fault can name."""
    named = {name for api in mock.control("GET", "/overview")["apis"] for name in api["operations"]}
    assert named >= {each["name"] for each in mock.control("GET", "/operations")["operations"]}
    for name in named:
        mock.faults.add(name, status=500)


def test_the_demo_seed_can_be_imported(mock: MockServer) -> None:
    """What `GET /seed/demo` shows is a seed for `POST /seed`."""
    counts = mock.seed(mock.control("GET", "/seed/demo"))["counts"]
    assert (counts["audiences"], counts["customer_lists"]) == (35, 4)


def test_tokens_are_listed_by_their_digests(mock: MockServer) -> None:
    """Those of a seed with what they may do, and when they expire by the clock of the world."""
    mock.seed(
        {
            "tokens": [
                {"token": "pina_known", "scopes": ["ads:read"], "ad_accounts": ["549755885175"], "family": 7},
                {"token": "pina_old", "scopes": None, "expires_at": 1_000, "revoked": True, "family": 3},
            ],
            "apps": [{"id": "1443", "secret": "hush"}],
        }
    )
    listed = mock.control("GET", "/tokens")
    assert (listed["total"], listed["apps"]) == (2, ["1443"])
    known, old = listed["tokens"]
    assert known["scopes"] == ["ads:read"]
    assert (known["ad_accounts"], known["expires_at"]) == (["549755885175"], None)
    assert (known["expired"], known["revoked"]) == (False, False)
    assert (old["scopes"], old["expires_at"], old["expired"], old["revoked"]) == (None, 1000.0, True, True)
    assert len(known["digest"]) == 64
    assert "pina_known" not in str(listed)
    assert len(mock.control("GET", "/tokens?limit=1")["tokens"]) == 1


def test_limits_count_down_and_restart(mock: MockServer, pinterest: httpx.Client) -> None:
    """An open window has what is left of its calls; when all are restarted, or have ended, there is none."""
    assert mock.control("GET", "/limits") == {"limits": []}
    pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences")
    first = mock.control("GET", "/limits")["limits"][0]
    pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences")
    second = mock.control("GET", "/limits")["limits"][0]
    assert (first["calls"] - first["left"], second["calls"] - second["left"]) == (1, 2)
    assert first["in_s"] > 0
    assert "pina_test" not in str(second)
    mock.control("DELETE", "/limits")
    assert mock.control("GET", "/limits") == {"limits": []}
    pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences")
    mock.clock.advance(60)
    assert mock.control("GET", "/limits") == {"limits": []}


def test_requests_in_short(mock: MockServer, pinterest: httpx.Client) -> None:
    """A summary has what the whole entry says, by the same criteria; an entry is found by its number."""
    pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences")
    pinterest.get("/nothing")
    summary = mock.control("GET", "/journal/summary")
    assert summary["next"] == 2
    for short in summary["requests"]:
        entry = mock.control("GET", f"/journal/{short['number']}")
        assert short == {
            **{name: entry[name] for name in ("number", "at", "api", "operation", "fault")},
            "method": entry["request"]["method"],
            "path": entry["request"]["path"],
            "status": entry["answer"]["status"],
        }
    assert [each["number"] for each in mock.control("GET", "/journal/summary?status=404")["requests"]] == [2]
    assert [each["number"] for each in mock.control("GET", "/journal/summary?limit=1")["requests"]] == [2]


@pytest.mark.parametrize(("number", "status"), [("0", 404), ("3", 404), ("-1", 404), ("x", 400)])
def test_a_request_that_is_not_there(mock: MockServer, number: str, status: int) -> None:
    """Neither before the first nor after the last; nor one that was dropped."""
    mock.configure(journal_entries=1)
    for _ in range(2):
        httpx.get(mock.url + AUDIENCES, headers=PINTEREST_TOKEN)
    control_error(httpx.get(f"{mock.url}/__admin/journal/{number}"), status)
    control_error(httpx.get(f"{mock.url}/__admin/journal/1"), 404)
    assert httpx.get(f"{mock.url}/__admin/journal/2").json()["number"] == 2
