"""Rows of seeds, and calls of the control API that bring them into a world."""

from typing import Any

import httpx

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT

APP = httpx.BasicAuth("1234567", "secret")


def audience(number: int, **more: Any) -> dict[str, Any]:
    given = {"api": "pinterest", "id": str(number), "account": AD_ACCOUNT, "kind": "VISITOR", "name": "a"}
    return given | more


def seed(mock: MockServer, body: dict[str, Any], world: str = "default") -> httpx.Response:
    return httpx.post(f"{mock.url}/worlds/{world}/__admin/seed", json=body, timeout=60)


ONE_LIST = {"id": "9", "account": "1", "name": "l"}
HELD = {
    "audiences": [audience(5)],
    "customer_lists": [ONE_LIST],
    "customer_list_uploads": [{"id": "3", "customer_list": "9", "operation": "ADD", "total_parts": 1}],
    "pixels": [{"facebook_id": "6", "account": "1", "name": "a", "tag": "lead", "creator": "b"}],
    "tokens": [{"token": "pina_x", "scopes": []}],
    "apps": [{"id": "1", "secret": "s"}],
    "businesses": [{"id": "2", "name": "B", "ad_accounts": [{"id": "3", "name": "O"}]}],
    "ad_accounts": [{"id": "4", "name": "A"}],
    "customer_segments": [{"id": "9", "account": "1", "name": "s", "audiences": ["5"]}],
    "shares": [
        {"api": "pinterest", "audience": "5", "recipient_kind": "account", "recipient": "8", "position": 1}
    ],
}


WRONG = [
    ({"audiences": [audience(5, customer_list="9")]}, "audiences.0.customer_list"),
    ({"audiences": [audience(5, ready_at=1, ready_in_s=1)]}, "audiences.0"),
    ({"audiences": [audience(5, users=["AAAA"])]}, "audiences.0.users.0"),
    ({"audiences": [audience(5, users=["?"])]}, "audiences.0.users.0"),
    ({"audiences": [audience(5, definition="[]")]}, "audiences.0.definition"),
    ({"customer_lists": [ONE_LIST | {"records": ["nonsense"]}]}, "customer_lists.0.records"),
    ({"customer_list_uploads": HELD["customer_list_uploads"]}, "customer_list_uploads.0.customer_list"),
    ({"shares": HELD["shares"]}, "shares.0.audience"),
    ({"tokens": [{"scopes": []}]}, "tokens.0"),
    ({"clock": {"now": "soon"}}, "clock.now"),
    ({"sequences": {"nonsense": 1}}, "sequences.nonsense"),
    ({"worlds": []}, "worlds"),
]
