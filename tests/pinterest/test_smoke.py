import httpx

from shapes import AD_ACCOUNT


def test_x(pinterest: httpx.Client) -> None:
    """An ad account without audiences has an empty page."""
    r = pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences")
    assert r.content == b'{"items":[],"bookmark":null}'
