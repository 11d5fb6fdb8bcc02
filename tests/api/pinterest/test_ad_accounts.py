"""Pinterest's ad accounts over HTTP."""

from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
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
