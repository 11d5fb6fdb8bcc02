"""Pinterest's audience insights over HTTP, and properties of the invented people."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience_mock.core.audiences import queries
from audience_mock.providers.pinterest.api import NAME as PINTEREST
from audience_mock.providers.pinterest.insights import estimates
from audience_mock.providers.pinterest.population import round_up
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_resources import create_seed_audience

KINDS = ("YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE")
INSIGHTS = f"/ad_accounts/{AD_ACCOUNT}/audience_insights"
accounts = st.from_regex(r"[0-9]{1,18}", fullmatch=True)


def insights(client: httpx.Client, kind: str, account: str = AD_ACCOUNT) -> dict[str, Any]:
    response = client.get(f"/ad_accounts/{account}/audience_insights", params={"audience_insight_type": kind})
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_insights_have_every_key(mock: MockServer, pinterest: httpx.Client, kind: str) -> None:
    """Each kind of insight has categories, demographics, its type, the day of the clock, and a size."""
    mock.world.clock.freeze(1_798_761_599_999)  # the last moment of 2026
    told = insights(pinterest, kind)
    assert list(told) == ["categories", "demographics", "type", "date", "size", "size_is_upper_bound"]
    assert list(told["demographics"]) == ["ages", "genders", "devices", "metros", "countries"]
    assert told["type"] == kind
    assert told["date"] == "2026-12-31"
    mock.world.clock.advance(1)
    assert insights(pinterest, kind) == told | {"date": "2027-01-01"}
    for parts in told["demographics"].values():
        assert [list(part) for part in parts] == [["key", "name", "ratio"]] * len(parts)
    assert told["demographics"]["countries"][0] | {"ratio": 0} == {
        "key": "us",
        "name": "United States",
        "ratio": 0,
    }
    for category in told["categories"]:
        assert list(category) == ["key", "name", "ratio", "index", "id", "subcategories"]
        assert category["key"] == category["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_ratios_on_the_wire_add_up(pinterest: httpx.Client, kind: str) -> None:
    """As decimal numbers, the ratios of ages, genders, devices and countries sum to 1."""
    for group, parts in insights(pinterest, kind)["demographics"].items():
        if group != "metros":
            assert round(sum(part["ratio"] for part in parts), 9) == 1


def test_the_total_audience_grows_with_the_ad_accounts_own_audiences(
    mock: MockServer, pinterest: httpx.Client
) -> None:
    """Once an audience is built its people count, for its ad account only, and the engaged grow with them."""
    kinds = KINDS[:2]
    like = create_seed_audience(pinterest)
    mock.world.clock.advance(5_000)
    before = [insights(pinterest, kind)["size"] for kind in kinds]
    other = insights(pinterest, KINDS[0], account="1")
    rule = {"seed_id": [like], "country": "US", "percentage": 10}
    body = {"name": "Like", "audience_type": "ACTALIKE", "rule": rule}
    pinterest.post(f"/ad_accounts/{AD_ACCOUNT}/audiences", json=body)
    assert [insights(pinterest, kind)["size"] for kind in kinds] == before
    mock.world.clock.advance(5_000)
    after = [insights(pinterest, kind)["size"] for kind in kinds]
    assert after[0] >= 9_800_000
    assert after[1] > before[1]
    assert insights(pinterest, KINDS[0], account="1") == other


def test_insights_differ_by_ad_account_and_not_by_server(start: Callable[..., MockServer]) -> None:
    """Two servers have the same insights of an ad account, other ones of another, and the same of
    Pinterest."""
    told = []
    for _ in range(2):
        server = start()
        server.world.clock.freeze(1_700_000_000_000)
        with httpx.Client(base_url=server.pinterest_url, headers=PINTEREST_TOKEN) as client:
            told.append([insights(client, kind, account) for kind in KINDS for account in ("1", "2")])
    assert told[0] == told[1]
    (total_1, total_2, engaged_1, engaged_2, pinterest_1, pinterest_2) = told[0]
    assert total_1 != total_2
    assert engaged_1 != engaged_2
    assert pinterest_1 == pinterest_2


def test_scopes_and_types(mock: MockServer, pinterest: httpx.Client) -> None:
    """The audiences that can be asked for have the day of the clock, a type, and a scope."""
    mock.world.clock.freeze(1_700_000_000_000)
    response = pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/insights/audiences")
    assert response.status_code == 200
    day = "2023-11-14"
    assert response.json() == {
        "items": [
            {"date": day, "type": "ENGAGEMENT", "scope": "PARTNER"},
            {"date": day, "type": "IMPRESSION_PLUS_ENGAGEMENT", "scope": "PARTNER"},
            {"date": day, "type": "IMPRESSION_PLUS_ENGAGEMENT", "scope": "PINTEREST"},
        ]
    }
    assert list(response.json()["items"][0]) == ["date", "type", "scope"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (INSIGHTS, "Parameter 'audience_insight_type' is required"),
        (
            f"{INSIGHTS}?audience_insight_type=ALL",
            f"'audience_insight_type' value 'ALL' must be one of: {', '.join(KINDS)}",
        ),
        (
            "/ad_accounts/12x/insights/audiences",
            r"'ad_account_id' value '12x' must match the pattern: ^\d+$",
        ),
    ],
)
def test_a_wrong_parameter_is_rejected(pinterest: httpx.Client, path: str, message: str) -> None:
    """A missing or unknown type, or a wrong ad account, gets 400 with code 1 and names the parameter."""
    response = pinterest.get(path)
    assert response.status_code == 400
    assert pinterest_error(response) == {"code": 1, "message": message}


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(account=accounts, kind=st.sampled_from(KINDS))
def test_demographics_add_up(account: str, kind: str) -> None:
    """Ages, genders, devices and countries are whole, metros no more than their country; most come first."""
    found = estimates.demographics(account, kind)
    sums = {group: sum(part.per_mille for part in parts) for group, parts in found.items()}
    assert {group: sums[group] for group in ("ages", "genders", "devices", "countries")} == dict.fromkeys(
        ("ages", "genders", "devices", "countries"), 1000
    )
    (us,) = (part.per_mille for part in found["countries"] if part.key == "us")
    assert 0 < sums["metros"] <= us
    for parts in found.values():
        assert [part.per_mille for part in parts] == sorted((part.per_mille for part in parts), reverse=True)
        assert min(part.per_mille for part in parts) >= 0
        assert len({part.key for part in parts}) == len(parts)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(account=accounts, kind=st.sampled_from(KINDS))
def test_interests_are_consistent(account: str, kind: str) -> None:
    """A subcategory is within its category, ids are one each, and Pinterest's own index is 1 throughout."""
    found = estimates.interests(account, kind)
    everything = [*found, *(sub for category in found for sub in category.subcategories)]
    assert len({interest.id for interest in everything}) == len(everything)
    for category in found:
        assert 0 < category.per_mille < 1000
        assert len(category.subcategories) == 2
        for sub in category.subcategories:
            assert 0 < sub.per_mille <= category.per_mille
    if kind == estimates.PINTEREST_TOTAL:
        assert {interest.index_percent for interest in everything} == {100}


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(account=accounts, people=st.integers(0, 10**12), more=st.integers(0, 10**9))
def test_sizes_are_nested(account: str, people: int, more: int) -> None:
    """The engaged are among the total, these among Pinterest's, and more people never make a size smaller."""
    total, engaged, pinterest = (estimates.size(account, kind, people) for kind in KINDS)
    assert 0 < engaged[0] <= total[0] <= pinterest[0]
    for kind in KINDS:
        assert estimates.size(account, kind, people + more)[0] >= estimates.size(account, kind, people)[0]


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(number=st.integers(0, 10**15))
def test_rounding_up_keeps_two_digits(number: int) -> None:
    """A rounded size is no smaller, by less than a tenth no larger, and has two digits and zeros."""
    rounded = round_up(number)
    assert number <= rounded <= number * 1.1
    assert len(str(rounded).rstrip("0")) <= 2


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    total=st.integers(0, 10_000),
    weights=st.dictionaries(st.text(max_size=3), st.integers(1, 10**9), min_size=1, max_size=12),
)
def test_a_split_is_whole(total: int, weights: dict[str, int]) -> None:
    """Shares sum to what was split, and each is within one of its exact share."""
    shares = estimates.split(total, weights)
    assert sum(shares.values()) == total
    for key, share in shares.items():
        assert abs(share - total * weights[key] / sum(weights.values())) < 1


def test_the_size_of_what_was_reached_is_that_of_the_list(start: Callable[..., MockServer]) -> None:
    """The people of an ad account's audiences are the sum of the sizes in its list, whatever their status."""
    server = start(seed="demo")
    with httpx.Client(base_url=server.pinterest_url, headers=PINTEREST_TOKEN) as client:
        seen = 0
        for account in {row[0] for row in _accounts(server)}:
            items = client.get(f"/ad_accounts/{account}/audiences", params={"page_size": 250}).json()["items"]
            reached = server.world.transact_now(queries.people_reached, api=PINTEREST, account=account)
            assert reached == sum(item["size"] for item in items)
            seen += len({item["status"] for item in items})
    assert seen >= 3


def _accounts(server: MockServer) -> list[Any]:
    run = server.world.database.connection.exec_driver_sql
    return list(run("SELECT DISTINCT account FROM audiences WHERE api = 'pinterest'").all())
