"""Pinterest's ad accounts over HTTP."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.audiences import accounts
from audience_mock.core.store.database import Database
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_resources import create_customer_list

VISITORS = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
KEYS = [
    *("id", "name", "owner", "country", "currency", "permissions", "created_time", "updated_time"),
]


def make(pinterest: httpx.Client, *accounts: str) -> None:
    for account in accounts:
        assert pinterest.post(f"/ad_accounts/{account}/audiences", json=VISITORS).status_code == 201


def test_the_accounts_that_hold_something_are_listed(mock: MockServer, pinterest: httpx.Client) -> None:
    """The list has each ad account with an audience once, as old as its first."""
    assert pinterest.get("/ad_accounts").json() == {"items": [], "bookmark": None}
    make(pinterest, AD_ACCOUNT)
    first_s = mock.world.clock.now_ms() // 1000
    mock.world.clock.advance(10_000)
    make(pinterest, AD_ACCOUNT, "7")
    page = pinterest.get("/ad_accounts", params={"include_shared_accounts": "false"}).json()
    assert [account["id"] for account in page["items"]] == ["7", AD_ACCOUNT]
    account = page["items"][1]
    assert list(account) == KEYS
    assert (account["created_time"], account["updated_time"]) == (first_s, first_s + 10)
    assert list(account["owner"]) == ["username", "id"]
    assert pinterest.get(f"/ad_accounts/{AD_ACCOUNT}").json() == account


def test_an_account_that_holds_a_customer_list_is_listed(mock: MockServer, pinterest: httpx.Client) -> None:
    """A customer list makes its ad account as an audience does; the earlier of the two sets its age."""
    create_customer_list(pinterest, account="7")
    first_s = mock.world.clock.now_ms() // 1000
    mock.world.clock.advance(10_000)
    make(pinterest, "7")
    (account,) = pinterest.get("/ad_accounts").json()["items"]
    assert account["id"] == "7"
    assert (account["created_time"], account["updated_time"]) == (first_s, first_s + 10)
    assert pinterest.get("/ad_accounts/7").json() == account


def test_an_empty_account_can_be_read(mock: MockServer, pinterest: httpx.Client) -> None:
    """An ad account that holds nothing yet is there, and new."""
    account = pinterest.get("/ad_accounts/123").json()
    assert account["id"] == "123"
    assert account["created_time"] == mock.world.clock.now_ms() // 1000


@pytest.mark.parametrize("token", [None, "pina_mock.ads:read.1+22+3+007+4"])
def test_bookmarks_lead_through_the_accounts(pinterest: httpx.Client, token: str | None) -> None:
    """Following the bookmarks gives every ad account that the token may see once, by number."""
    make(pinterest, "22", "1", "007", "4", "3")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    seen: list[str] = []
    query: dict[str, Any] = {"page_size": 2}
    while True:
        page = pinterest.get("/ad_accounts", params=query, headers=headers).json()
        seen += [account["id"] for account in page["items"]]
        if page["bookmark"] is None:
            break
        query["bookmark"] = page["bookmark"]
    assert seen == ["1", "3", "4", "22", "007"]


def test_a_token_sees_its_own_accounts(pinterest: httpx.Client) -> None:
    """A token for some ad accounts lists these only, also those that hold nothing."""
    make(pinterest, "1", "2")
    page = pinterest.get("/ad_accounts", headers={"Authorization": "Bearer pina_mock.ads:read.2+5"}).json()
    assert [account["id"] for account in page["items"]] == ["2", "5"]


def test_a_created_account_is_listed_and_read(mock: MockServer, pinterest: httpx.Client) -> None:
    """POST answers without permissions, with the time zone as the last key where it has one; the list and a
    GET agree with it, and the caller owns it. Nothing has to be in it."""
    body = {"name": "Quilts", "country": "NO", "currency": "NOK", "owner_user_id": "7"}
    made = pinterest.post("/ad_accounts", json=body | {"time_zone": "Europe/Oslo"})
    now_s = mock.world.clock.now_ms() // 1000
    expected = {
        "id": "549769000001",
        "name": "Quilts",
        "owner": {"username": "audience_mock", "id": "7"},
        "country": "NO",
        "currency": "NOK",
        "permissions": [],
        "created_time": now_s,
        "updated_time": now_s,
        "time_zone": "Europe/Oslo",
    }
    assert (made.status_code, made.json()) == (201, expected)
    assert list(made.json()) == [*KEYS, "time_zone"]
    account = expected | {"permissions": ["OWNER"]}
    mock.world.clock.advance(10_000)
    assert pinterest.get("/ad_accounts/549769000001").json() == account
    assert pinterest.get("/ad_accounts").json() == {"items": [account], "bookmark": None}
    bare = pinterest.post("/ad_accounts", json={}, headers={"Prefer": "code=200"})
    assert (bare.status_code, list(bare.json())) == (200, KEYS)
    assert bare.json()["name"] == "Ad account 549769000002"
    assert [one["id"] for one in pinterest.get("/ad_accounts").json()["items"]] == [
        account["id"],
        "549769000002",
    ]


def test_an_id_that_is_in_use_is_not_given(pinterest: httpx.Client) -> None:
    """An ad account in which something was made exists, so a create gives the next number."""
    make(pinterest, "549769000001")
    assert pinterest.post("/ad_accounts", json={}).json()["id"] == "549769000002"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"country": "ZZ"}, "'ZZ' is not one of ['AD', 'AE', "),
        ({"country": "no"}, "'no' is not one of ['AD', "),
        ({"currency": "XYZ"}, "'XYZ' is not one of ['UNK', "),
        ({"name": "a" * 257}, "'aaa"),
        ({"name": 5}, "5 is not of type 'string'"),
        ({"owner_user_id": "me"}, r"'me' does not match '^\\d+$'"),
        ({"time_zone": 5}, "5 is not of type 'string'"),
        ([], "[] is not of type 'object'"),
    ],
)
def test_a_wrong_account_is_rejected(pinterest: httpx.Client, body: Any, message: str) -> None:
    """A body that is not valid gets 400 with code 1, and no ad account is made."""
    response = pinterest.post("/ad_accounts", json=body)
    assert response.status_code == 400
    assert pinterest_error(response)["message"].startswith(f"Invalid request: {message}")
    assert pinterest.get("/ad_accounts").json()["items"] == []


SEEDED = {
    "ad_accounts": [
        {
            "id": "30",
            "name": "Quilts",
            "owner_id": "8",
            "owner_username": "ann",
            "country": "GB",
            "currency": "GBP",
            "time_zone": "Europe/London",
            "created_at": 5,
            "updated_at": 6,
        },
        {"id": "4", "permissions": ["ANALYST", "FINANCE_VIEW"]},
    ],
    "businesses": [{"id": "9", "name": "B", "ad_accounts": [{"id": "200", "name": "Of a business"}]}],
    "audiences": [
        {"api": "pinterest", "account": "200", "kind": "VISITOR", "name": "a", "created_at": 1000},
        # No path has room for its id.
        {"api": "pinterest", "account": "1" * 20, "kind": "VISITOR", "name": "b"},
    ],
}


def test_a_seed_describes_accounts(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """A seed says all of an ad account, also in a business; an empty one is listed, and one that is not the
    caller's own is left out on demand. A world that is seeded with the state has the same."""
    (tmp_path / "seed.json").write_text(json.dumps(SEEDED))
    mock = start(seed=str(tmp_path / "seed.json"))
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        shared, described, of_business = client.get("/ad_accounts").json()["items"]
        assert described == {
            "id": "30",
            "name": "Quilts",
            "owner": {"username": "ann", "id": "8"},
            "country": "GB",
            "currency": "GBP",
            "permissions": ["OWNER"],
            "created_time": 5,
            "updated_time": 6,
            "time_zone": "Europe/London",
        }
        assert (shared["id"], shared["permissions"]) == ("4", ["ANALYST", "FINANCE_VIEW"])
        assert (of_business["name"], of_business["created_time"]) == ("Of a business", 1000)
        own = client.get("/ad_accounts", params={"include_shared_accounts": "false"}).json()
        assert own == {"items": [described, of_business], "bookmark": None}
        recipient = {"recipient_account_ids": ["30"], "operation_type": "SHARE"}
        audience = client.get("/ad_accounts/200/audiences").json()["items"][0]["id"]
        path = "/ad_accounts/200/audiences"
        client.patch(f"{path}/ad_accounts/shared", json=recipient | {"audience_id": audience})
        query = {"audience_id": audience, "account_type": "AD_ACCOUNT"}
        assert (
            client.get(f"{path}/shared/accounts", params=query).json()["items"][0]["account_name"] == "Quilts"
        )
        state = httpx.get(f"{mock.url}/__admin/state").content
        again = f"{mock.url}/worlds/again"
        httpx.post(f"{again}/__admin/reset", json={"to": "empty"}).raise_for_status()
        httpx.post(f"{again}/__admin/seed", content=state).raise_for_status()
        answers = [client.get(f"{base}/v5/ad_accounts").content for base in (mock.url, again)]
        assert answers[0] == answers[1]


def test_an_account_that_was_emptied_is_not_listed(pinterest: httpx.Client) -> None:
    """One that nothing describes is listed while something is in it."""
    make(pinterest, "1", "2")
    (audience,) = pinterest.get("/ad_accounts/1/audiences").json()["items"]
    pinterest.patch(f"/ad_accounts/1/audiences/{audience['id']}", json={"operation_type": "REMOVE"})
    assert [one["id"] for one in pinterest.get("/ad_accounts").json()["items"]] == ["2"]
    make(pinterest, "1")
    assert [one["id"] for one in pinterest.get("/ad_accounts").json()["items"]] == ["1", "2"]


def test_an_account_whose_audience_was_not_stored_is_not_listed(
    mock: MockServer, pinterest: httpx.Client
) -> None:
    """A create that is rolled back leaves no trace; the next one is listed."""
    wrong = {
        "name": "a",
        "audience_type": "ACTALIKE",
        "rule": {"seed_id": ["1"], "country": "US", "percentage": 1},
    }
    assert pinterest.post("/ad_accounts/1/audiences", json=wrong).status_code == 400
    fault = {"operation": "audiences/create", "effect_lost": True, "first": 1}
    assert httpx.post(f"{mock.url}/__admin/faults", json=fault).status_code == 201
    make(pinterest, "1")
    assert pinterest.get("/ad_accounts").json()["items"] == []
    make(pinterest, "1")
    assert [one["id"] for one in pinterest.get("/ad_accounts").json()["items"]] == ["1"]
    httpx.post(f"{mock.url}/__admin/reset").raise_for_status()
    assert pinterest.get("/ad_accounts").json()["items"] == []
    make(pinterest, "1")
    assert [one["id"] for one in pinterest.get("/ad_accounts").json()["items"]] == ["1"]


def test_a_page_is_found_by_indexes() -> None:
    """No statement of a page reads a table or sorts: each is a search in an index."""
    database = Database()
    for name, statement in accounts.OF_A_PAGE.items():
        blanks = (1,) * statement.text.count("?")
        plan = [row[3] for row in database.driver.execute(f"EXPLAIN QUERY PLAN {statement.text}", blanks)]
        assert any(step.startswith("SEARCH") for step in plan), name
        for step in plan:
            assert not re.match(r"SCAN (?!CONSTANT|anon_1$)|USE TEMP", step), (name, step)
    database.close()


@pytest.mark.sqlite_only(reason="it counts the steps of SQLite")
@pytest.mark.parametrize("only", [None, "1+2+3"])
def test_a_page_costs_what_it_shows(start: Callable[..., MockServer], only: str | None) -> None:
    """The same steps of SQLite, whether the accounts hold ten audiences each or a thousand, and whether there
    are three or three hundred of them."""
    token = {"Authorization": f"Bearer pina_mock.ads:read{f'.{only}' if only else ''}"}
    steps = []
    for number, size in ((3, 10), (300, 10), (3, 1000)):
        mock = start()
        seed = {
            "audiences": [
                {"api": "pinterest", "account": str(account + 1), "kind": "VISITOR", "name": "a"}
                for account in range(number)
                for _ in range(size if account < 3 else 1)
            ]
        }
        assert httpx.post(f"{mock.url}/__admin/seed", json=seed, timeout=30).status_code == 200
        with httpx.Client(base_url=mock.pinterest_url, headers=token) as client:
            query = {"page_size": 1}
            client.get("/ad_accounts", params=query)
            taken: list[None] = []
            # SQLite calls it at each step; None lets it go on.
            mock.world.database.driver.set_progress_handler(partial(taken.append, None), 1)
            assert client.get("/ad_accounts", params=query).json()["items"][0]["id"] == "1"
            mock.world.database.driver.set_progress_handler(None, 1)
        steps.append(len(taken))
    assert max(steps) - min(steps) < 20
    assert max(steps) < 1000


@pytest.mark.parametrize("query", [{"bookmark": "abc"}, {"page_size": "0"}, {"page_size": "x"}])
def test_a_wrong_query_is_rejected(pinterest: httpx.Client, query: dict[str, str]) -> None:
    """An invalid bookmark and a page size out of range get 400 with code 1."""
    response = pinterest.get("/ad_accounts", params=query)
    assert response.status_code == 400
    assert pinterest_error(response)["code"] == 1


def test_a_wrong_id_is_rejected(pinterest: httpx.Client) -> None:
    """An id that is no number gets 400 with code 1."""
    response = pinterest.get("/ad_accounts/12x")
    assert response.status_code == 400
    assert pinterest_error(response)["message"] == (
        r"'ad_account_id' value '12x' must match the pattern: ^\d+$"
    )
