"""What the operations of the control API answer, for their description: by operation and status."""

from collections.abc import Mapping
from typing import Any

_NOW = {"now": "2026-11-22T12:00:05.000Z", "unix": 1795348805.0, "frozen": True}
_IDS = {
    "pitchtarget_audience": "54",
    "facebook": "6006183285954",
    "pinterest_audience": "2542623500000",
    "pinterest_customer_list": "5497558",
    "pinterest_upload": "2680059001",
}
_AUDIENCE = {
    "api": "pinterest",
    "id": "2542623499806",
    "account": "549755885175",
    "kind": "VISITOR",
    "name": "Buyers",
    "status": "READY",
    "held_status": "READY",
    "policy": "after_delay",
    "size": 5000,
    "people": 5000,
    "ready_at": 1795348805.0,
    "created_at": 1795348800.0,
    "updated_at": 1795348800.0,
    "facebook_id": None,
    "customer_list": None,
}
_EVENT = {
    "at": "2026-11-22T12:00:05.000Z",
    "unix": 1795348805.0,
    "in_s": 5.0,
    "kind": "audience",
    "api": "pinterest",
    "id": "2542623499806",
    "account": "549755885175",
    "becomes": "READY",
}
_ENTRY = {
    "number": 1,
    "at": "2026-11-22T12:00:00.000Z",
    "api": "pinterest",
    "operation": "audiences/get",
    "fault": None,
    "request": {
        "method": "GET",
        "path": "/v5/ad_accounts/549755885175/audiences/2542623499806",
        "path_params": {"ad_account_id": "549755885175", "audience_id": "2542623499806"},
        "query": {},
        "headers": {"accept": "application/json", "authorization": "Bearer pina_…"},
        "body": None,
        "body_bytes": None,
    },
    "answer": {
        "status": 401,
        "headers": {"content-type": "application/json", "content-length": "64"},
        "body": {"code": 2, "message": "Authentication failed.", "status": "failure"},
        "body_bytes": 64,
    },
}
_PAGE = {"entries": [_ENTRY], "dropped": 0, "next": 1}

_SEED_AUDIENCE = {
    "api": "pinterest",
    "id": "2542623499806",
    "account": "549755885175",
    "kind": "VISITOR",
    "name": "Buyers",
}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "clock/get": {"200": _NOW},
    "clock/put": {"200": _NOW},
    "clock/advance": {"200": {**_NOW, "fired": 1}},
    "clock/agenda": {"200": {"events": [_EVENT], "total": 1}},
    "audience/get": {"200": _AUDIENCE},
    "audience/update": {"200": _AUDIENCE},
    "ids/get": {"200": _IDS},
    "ids/put": {"200": _IDS},
    "state/get": {"200": {"audiences": [_SEED_AUDIENCE]}},
    "state/seed": {"200": {"counts": {"audiences": 1}, "ids": {"audiences": ["2542623499806"]}}},
    "worlds/diff": {
        "200": {
            "audiences": {
                "counts": {"changed": 1},
                "changed": [
                    {
                        "api": "pinterest",
                        "id": "2542623499806",
                        "fields": {"name": {"from": "Buyers", "to": "Savers"}},
                    }
                ],
            }
        }
    },
    "journal/get": {"200": _PAGE},
    "journal/search": {"200": _PAGE},
    "journal/verify": {"200": {"verified": True, "matched": [1], "dropped": 0}},
}
