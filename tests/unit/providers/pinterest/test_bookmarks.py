"""Bookmarks: valid for the list and the filters that they come from, and for nothing else."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience_mock.providers.pinterest.bookmarks import PagedList
from audience_mock.providers.pinterest.errors import InvalidRequestError

OWNED = PagedList("audiences/list", "549755885175", "ASCENDING", "OWNED")


@given(st.integers(0, (1 << 63) - 1))
def test_a_bookmark_leads_back_to_its_cursor(cursor: int) -> None:
    """Any row's position survives the way to the client and back."""
    page = json.loads(OWNED.page(['{"id":"1"}'], cursor))
    assert page["items"] == [{"id": "1"}]
    assert OWNED.cursor(page["bookmark"]) == cursor


def test_first_and_last_page() -> None:
    """A request without a bookmark asks for the first page; the last page's bookmark is null."""
    assert OWNED.cursor(None) is None
    assert OWNED.page([], None) == b'{"items":[],"bookmark":null}'


@pytest.mark.parametrize(
    "bookmark",
    [
        *("x", "!", "ü", base64.b64encode(b"short").decode(), base64.b64encode(b"0" * 16).decode()),
        PagedList("audiences/list", "549755885175", "DESCENDING", "OWNED").bookmark(1),
        PagedList("audiences/list", "549755885176", "ASCENDING", "OWNED").bookmark(1),
        # The parts of a query are kept apart.
        PagedList("audiences/list549755885175", "ASCENDING", "OWNED").bookmark(1),
    ],
)
def test_another_bookmark_is_rejected(bookmark: str) -> None:
    """What is no bookmark, or one of another list, order or account, is an invalid request."""
    with pytest.raises(InvalidRequestError, match="not one that this list gave"):
        OWNED.cursor(bookmark)
