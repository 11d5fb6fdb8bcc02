"""Suggestions for requests that match no route: where they are found, and that nothing is kept."""

import gc
import tracemalloc
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT


@pytest.mark.parametrize("prefix", ["", "/worlds/default", "/worlds/blue"])
def test_suggestions_do_not_depend_on_how_the_world_is_named(mock: MockServer, prefix: str) -> None:
    """A request with a typing error has the same suggestions in a world named by its path."""
    world = mock.in_world(prefix.removeprefix("/worlds/") or "default")
    for path, expected in (
        (f"/v5/ad_accounts/{AD_ACCOUNT}/audience", "GET /v5/ad_accounts/{ad_account_id}/audiences"),
        ("/v5/oauth/tokens", "POST /v5/oauth/token"),
        ("/custom_audience/54", "GET /custom_audiences/{id}"),
    ):
        httpx.get(f"{mock.url}{prefix}{path}")
        entry = world.journal.entries()[-1]
        assert entry["request"]["path"] == prefix + path
        assert entry["suggestions"][0] == expected


def test_paths_without_a_route_are_not_kept(start: Callable[..., MockServer]) -> None:
    """Paths and tokens that callers make up take no memory once they are answered."""
    mock = start(journal_entries=0)
    count, size = 40, 8_000

    def call(numbers: range) -> None:
        with httpx.Client(base_url=mock.url) as client:
            for number in numbers:
                unique = f"{number}x" * (size // len(f"{number}x"))
                client.get(f"/v5/ad_accounts/{unique}/audience")
                # Spaces may precede a token, so a header can be long though its token is not.
                client.get("/v5/ad_accounts", headers={"Authorization": f"Bearer {' ' * size}pina_{number}"})

    def held_bytes() -> int:
        # The standard library keeps the last 128 URLs that it has split, here and in the server.
        urlsplit.cache_clear()  # type: ignore[attr-defined]
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        call(range(1000, 1000 + count))
        before = held_bytes()
        call(range(2000, 2000 + count))
        after = held_bytes()
    finally:
        tracemalloc.stop()
    assert after - before < count * size / 4
