"""Answers on the wire against the official ones, as fixtures/descriptions has them.

The scenario calls each of the five operations, in each way that gives another shape.
"""

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.pinterest_resources import create_customer_list, create_seed_audience

FACTS = json.loads((Path(__file__).parents[2] / "fixtures/descriptions/pinterest-audiences.json").read_text())
AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
RULES: dict[str, dict[str, Any]] = {
    "VISITOR": {
        "ad_account_id": AD_ACCOUNT,
        "visitor_source_id": ["2612523499806"],
        "retention_days": "180",
        "event": "checkout",
        "event_data": {
            "value": 116,
            "order_quantity": "2",
            "currency": "USD",
            "line_items": [{"product_name": "Pillows", "product_id": "11", "product_price": 48}],
        },
        "event_source": {"=": ["web", "mobile"]},
        "ingestion_source": {"=": "tag"},
        "url": {"contains": "/view_item/shoe"},
        "prefill": False,
    },
    "ENGAGEMENT": {
        "engagement_domain": "www.example.com",
        "engagement_type": "save",
        "engager_type": 2,
        "pin_id": "34567",
        "campaign_id": ["626744528398"],
        "ad_id": ["687201361754"],
        "objective_type": "SALES",
        "url": "http://www.myonlinestore123.com/view_item/shoe",
        "country": None,
    },
    "CUSTOMER_LIST": {"customer_list_id": "5497558"},
    "ACTALIKE": {"seed_id": "2542623499806", "country": "US", "percentage": "10"},
}
"""In the forms of the prose, which answers must not repeat."""


def json_schema(fact: Any) -> Any:
    """The JSON Schema that says what a fact says."""
    if "object" in fact:
        return {"$ref": f"#/$defs/{fact['object']}"}
    schema = {
        key: value for key, value in fact.items() if key not in ("nullable", "fields", "items", "since")
    }
    if "fields" in fact:
        schema["properties"] = {name: json_schema(field) for name, field in fact["fields"].items()}
    if "items" in fact:
        schema["items"] = json_schema(fact["items"])
    return {"anyOf": [schema, {"type": "null"}]} if fact.get("nullable") else schema


OBJECTS = {name: json_schema(fact) for name, fact in FACTS["objects"].items()}
FIELDS = FACTS["objects"]["Audience"]["fields"].keys()


def fitting(operation: str, answer: httpx.Response) -> Any:
    """The body of a response, checked against the official schema for its status, or for any status of its
    class."""
    official = FACTS["operations"][operation]["responses"]
    fact = official.get(str(answer.status_code)) or official["200" if answer.is_success else "default"]
    body = answer.json()
    jsonschema.Draft202012Validator(json_schema(fact) | {"$defs": OBJECTS}).validate(body)
    return body


@pytest.fixture
def pinterest(pinterest: httpx.Client) -> httpx.Client:
    """Plain HTTP to a fresh server whose account has the customer list that a rule names."""
    create_customer_list(pinterest)
    return pinterest


def create(pinterest: httpx.Client, audience_type: str, status: int = 201) -> Any:
    answer = pinterest.post(
        AUDIENCES,
        json={"name": "Quilters", "audience_type": audience_type, "rule": RULES[audience_type]},
        headers={"Prefer": f"code={status}"},
    )
    assert answer.status_code == status
    return fitting("audiences/create", answer)


@pytest.mark.parametrize("status", [201, 200])
@pytest.mark.parametrize("audience_type", RULES)
def test_answers_to_a_create_fit(pinterest: httpx.Client, audience_type: str, status: int) -> None:
    """The answer to a create fits with either status, though the rule was sent in the forms of the prose."""
    create_seed_audience(pinterest)
    made = create(pinterest, audience_type, status)
    assert made.keys() >= FIELDS
    assert made["rule"].keys() == {key for key, value in RULES[audience_type].items() if value is not None}


@pytest.mark.parametrize("audience_type", RULES)
def test_answers_about_an_audience_fit(mock: MockServer, pinterest: httpx.Client, audience_type: str) -> None:
    """Answers to GET, list and PATCH fit before and after the audience is built, and leave out nothing."""
    create_seed_audience(pinterest)
    path = f"{AUDIENCES}/{create(pinterest, audience_type)['id']}"
    for _ in range(2):
        audiences = [
            fitting("audiences/get", pinterest.get(path)),
            *fitting("audiences/list", pinterest.get(AUDIENCES))["items"],
            fitting("audiences/update", pinterest.patch(path, json={"description": "All of them"})),
            fitting("audiences/update", pinterest.patch(path, json={"rule": RULES[audience_type]})),
        ]
        for audience in audiences:
            assert audience.keys() >= FIELDS
        mock.world.clock.advance(3_600_000)
    fitting("audiences/update", pinterest.patch(path, json={"operation_type": "REMOVE"}))


def test_pages_fit(pinterest: httpx.Client) -> None:
    """A page that is followed by another fits, and so do the last one and an empty one."""
    for audience_type in RULES:
        create(pinterest, audience_type)
    first = fitting("audiences/list", pinterest.get(AUDIENCES, params={"page_size": 3}))
    rest = {"page_size": 3, "bookmark": first["bookmark"]}
    last = fitting("audiences/list", pinterest.get(AUDIENCES, params=rest))
    none = fitting("audiences/list", pinterest.get(AUDIENCES, params={"ownership_type": "RECEIVED"}))
    assert [len(page["items"]) for page in (first, last, none)] == [3, 1, 0]
    assert [page["bookmark"] is None for page in (first, last, none)] == [False, True, True]


@pytest.mark.parametrize("audience_type", RULES)
def test_answers_to_a_partner_fit(pinterest: httpx.Client, audience_type: str) -> None:
    """The answer to audiences/create_custom fits for a rule of each type."""
    create_seed_audience(pinterest)
    body = {"name": "Quilters", "rule": RULES[audience_type], "sharing_type": "CUSTOM", "data_party": "1p"}
    made = fitting("audiences/create_custom", pinterest.post(f"{AUDIENCES}/custom", json=body))
    assert made["audience_type"] == audience_type


ABSENT = f"{AUDIENCES}/2542623499805"
REFUSED: dict[str, tuple[str, int, str, str, dict[str, Any]]] = {
    "no token": ("audiences/list", 401, "GET", AUDIENCES, {"headers": {"Authorization": ""}}),
    "no number": ("audiences/list", 400, "GET", AUDIENCES, {"params": {"page_size": "3e"}}),
    "no bookmark": ("audiences/list", 400, "GET", AUDIENCES, {"params": {"bookmark": "none"}}),
    "no account": ("audiences/create", 400, "POST", "/ad_accounts/12x/audiences", {"json": {}}),
    "no name": ("audiences/create", 400, "POST", AUDIENCES, {"json": {"audience_type": "VISITOR"}}),
    "no JSON": ("audiences/create", 400, "POST", AUDIENCES, {"content": b"{"}),
    "no such type": ("audiences/create", 415, "POST", AUDIENCES, {"data": {"name": "Quilters"}}),
    "no party": (
        "audiences/create_custom",
        400,
        "POST",
        f"{AUDIENCES}/custom",
        {"json": {"name": "Quilters"}},
    ),
    "nothing to read": ("audiences/get", 404, "GET", ABSENT, {}),
    "nothing to change": ("audiences/update", 404, "PATCH", ABSENT, {"json": {"name": "Buyers"}}),
    "an unknown change": ("audiences/update", 400, "PATCH", ABSENT, {"json": {"operation_type": "DROP"}}),
    "an unknown method": ("audiences/update", 405, "DELETE", ABSENT, {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rejections_fit(pinterest: httpx.Client, case: str) -> None:
    """Each rejection fits the official error."""
    operation, status, method, path, request = REFUSED[case]
    answer = pinterest.request(method, path, **request)
    assert answer.status_code == status
    fitting(operation, answer)
