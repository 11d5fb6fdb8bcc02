"""An audience of Pinterest's API, as its tests create it."""

from typing import Any

import httpx

from helpers.accounts import AD_ACCOUNT

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}


def create(pinterest: httpx.Client, **more: Any) -> dict[str, Any]:
    response = pinterest.post(AUDIENCES, json=VISITORS | more)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made
