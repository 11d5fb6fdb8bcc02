"""Bookmarks of Pinterest's lists."""

import re
from typing import Any

import httpx
import pytest

from helpers.accounts import AD_ACCOUNT
from helpers.errors import pinterest_error
from helpers.pinterest_audiences import AUDIENCES, VISITORS, create


@pytest.mark.parametrize("order", [None, "ASCENDING", "DESCENDING"])
def test_bookmarks_lead_through_the_list(pinterest: httpx.Client, order: str | None) -> None:
    """Following the bookmarks gives every audience once, by id, and the last page has none."""
    ids = [create(pinterest)["id"] for _ in range(7)]
    seen: list[str] = []
    query: dict[str, Any] = {"page_size": 3} | ({"order": order} if order else {})
    while True:
        page = pinterest.get(AUDIENCES, params=query).json()
        assert list(page) == ["items", "bookmark"]
        seen += [item["id"] for item in page["items"]]
        if page["bookmark"] is None:
            break
        query["bookmark"] = page["bookmark"]
    assert seen == (ids[::-1] if order == "DESCENDING" else ids)


def test_bookmarks_need_no_quoting(pinterest: httpx.Client) -> None:
    """A bookmark can be put into a URL as it is, whatever account and position it is for."""
    for account in range(10**11, 10**11 + 100):
        path = f"/ad_accounts/{account}/audiences"
        ids = [pinterest.post(path, json=VISITORS).json()["id"] for _ in range(2)]
        bookmark = pinterest.get(f"{path}?page_size=1").json()["bookmark"]
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", bookmark)
        (item,) = pinterest.get(f"{path}?page_size=1&bookmark={bookmark}").json()["items"]
        assert item["id"] == ids[1]


@pytest.mark.parametrize(
    "path",
    [
        AUDIENCES,
        f"/ad_accounts/{AD_ACCOUNT}/customer_lists",
        f"/ad_accounts/{AD_ACCOUNT}/customer_segments",
        f"{AUDIENCES}/shared/accounts?audience_id=1&account_type=AD_ACCOUNT",
        "/ad_accounts",
        "/businesses/549755885175/audiences",
    ],
)
def test_an_empty_bookmark_is_the_first_page(pinterest: httpx.Client, path: str) -> None:
    """`bookmark=` is answered as a request without a bookmark, by each list."""
    create(pinterest)
    without = pinterest.get(path)
    empty = pinterest.get(f"{path}{'&' if '?' in path else '?'}bookmark=")
    assert "bookmark" not in empty.json().get("message", "")
    assert (empty.status_code, empty.content) == (without.status_code, without.content)


def test_a_bookmark_is_bound_to_its_query(pinterest: httpx.Client) -> None:
    """A bookmark of another account or order, or an invalid one, is rejected; another page size is not."""
    for _ in range(3):
        create(pinterest)
    bookmark = pinterest.get(AUDIENCES, params={"page_size": 1}).json()["bookmark"]
    for path, query in (
        (AUDIENCES, {"order": "DESCENDING"}),
        ("/ad_accounts/1/audiences", {}),
        (AUDIENCES, {"bookmark": "abc"}),
        (AUDIENCES, {"bookmark": "é"}),
    ):
        response = pinterest.get(path, params={"bookmark": bookmark} | query)
        assert response.status_code == 400
        assert pinterest_error(response)["code"] == 1
    assert len(pinterest.get(AUDIENCES, params={"bookmark": bookmark, "page_size": 2}).json()["items"]) == 2
