"""Pinterest's audiences over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_audiences import AUDIENCES, VISITORS, create
from helpers.pinterest_resources import create_customer_list, create_seed_audience

FIRST = "2542623499806"
"""The id of the first audience of a fresh server."""

CREATED = [
    *("ad_account_id", "id", "name", "audience_type", "description", "rule", "size", "status", "type"),
    *("created_timestamp", "updated_timestamp", "created_by_company_name", "is_nca"),
]
ONE = [
    *("type", "id", "name", "ad_account_id", "audience_type", "description", "status", "size"),
    *("updated_timestamp", "created_timestamp", "rule", "created_by_company_name", "is_nca"),
]


def test_a_created_audience_has_every_key_in_the_recorded_order(
    mock: MockServer, pinterest: httpx.Client
) -> None:
    """A new audience is INITIALIZING with 0 people, and no key is left out."""
    made = create(pinterest)
    assert list(made) == CREATED
    now_s = mock.world.clock.now_ms() // 1000
    assert made == {
        "ad_account_id": AD_ACCOUNT,
        "id": "2542623499806",
        "name": "Visitors",
        "audience_type": "VISITOR",
        "description": None,
        "rule": {"visitor_source_id": "2612523499806"},
        "size": 0,
        "status": "INITIALIZING",
        "type": "audience",
        "created_timestamp": now_s,
        "updated_timestamp": now_s,
        "created_by_company_name": None,
        "is_nca": False,
    }


@pytest.mark.both_engines
def test_reads_have_their_own_order_and_name_the_company(pinterest: httpx.Client) -> None:
    """GET one, PATCH and list have the recorded orders; the company is in GET and list only."""
    id = create(pinterest)["id"]
    one = pinterest.get(f"{AUDIENCES}/{id}").json()
    patched = pinterest.patch(f"{AUDIENCES}/{id}", json={}).json()
    (item,) = pinterest.get(AUDIENCES).json()["items"]
    assert list(one) == list(patched) == ONE
    assert list(item) == [*ONE, "is_ctv_enabled"]
    assert one["created_by_company_name"] == item["created_by_company_name"] == "Audience Mock"
    assert patched["created_by_company_name"] is None
    assert item["is_ctv_enabled"] is False


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, "READY"),
        ({"rule": {"visitor_source_id": "2612523499806", "prefill": False}}, "TOO_SMALL"),
        ({"audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": "5497558"}}, "TOO_SMALL"),
        (
            {
                "audience_type": "ACTALIKE",
                "rule": {"seed_id": [FIRST], "country": "US", "percentage": 10},
            },
            "READY",
        ),
        ({"audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}, "READY"),
    ],
)
def test_status_follows_the_clock(
    mock: MockServer, pinterest: httpx.Client, more: dict[str, Any], status: str
) -> None:
    """After the build delay an audience is READY, or TOO_SMALL under 100 people."""
    create_customer_list(pinterest)
    create_seed_audience(pinterest)
    id = create(pinterest, **more)["id"]
    mock.world.clock.advance(4_999)
    assert pinterest.get(f"{AUDIENCES}/{id}").json()["status"] == "INITIALIZING"
    mock.world.clock.advance(1)
    built = pinterest.get(f"{AUDIENCES}/{id}").json()
    assert built["status"] == status
    assert (built["size"] >= 100) == (status == "READY")
    assert pinterest.get(AUDIENCES).json()["items"][-1]["size"] == built["size"]


def test_the_build_delay_is_a_setting(start: Callable[..., MockServer]) -> None:
    """Without a delay an audience is built at once."""
    with httpx.Client(base_url=start(build_delay_s=0).pinterest_url, headers=PINTEREST_TOKEN) as client:
        made = create(client)
    assert made["status"] == "READY"
    assert made["size"] >= 1000


@pytest.mark.parametrize(
    ("audience_type", "sent", "answered"),
    [
        (
            "VISITOR",
            {"visitor_source_id": ["2612"], "retention_days": "180", "country": None},
            {"retention_days": 180, "visitor_source_id": "2612"},
        ),
        (
            "ACTALIKE",
            {"seed_id": FIRST, "percentage": "10", "country": "US"},
            {"country": "US", "percentage": 10, "seed_id": [FIRST]},
        ),
        (
            "VISITOR",
            {"visitor_source_id": "1", "url": "http://example.com/a", "ad_account_id": "9"},
            {"ad_account_id": "9", "url": ["http://example.com/a"], "visitor_source_id": "1"},
        ),
        (
            "VISITOR",
            {"visitor_source_id": "1", "url": {"contains": "/shoe"}},
            {"url": ['{"contains":"/shoe"}'], "visitor_source_id": "1"},
        ),
        (
            "VISITOR",
            {
                "visitor_source_id": "1",
                "event_source": {"=": ["web", "mobile"]},
                "ingestion_source": {"=": "tag"},
            },
            {
                "event_source": {"=": ["web", "mobile"]},
                "ingestion_source": {"=": ["tag"]},
                "visitor_source_id": "1",
            },
        ),
        (
            "VISITOR",
            {
                "visitor_source_id": "1",
                "event": "checkout",
                "event_data": {
                    "value": 116,
                    "order_quantity": "2",
                    "line_items": [{"product_price": 48, "product_id": "11"}],
                },
            },
            {
                "event": "checkout",
                "event_data": {
                    "line_items": {"product_id": 11, "product_price": "48"},
                    "order_quantity": 2,
                    "value": "116",
                },
                "visitor_source_id": "1",
            },
        ),
        (
            "ENGAGEMENT",
            {"zeta": [1, {"b": 1, "a": 2}], "engagement_domain": "a.example"},
            {"engagement_domain": ["a.example"], "zeta": [1, {"a": 2, "b": 1}]},
        ),
    ],
    ids=["quoted", "alike", "url", "operator", "sources", "event data", "unknown keys"],
)
def test_a_rule_comes_back_sorted_in_the_types_of_the_schema(
    pinterest: httpx.Client, audience_type: str, sent: dict[str, Any], answered: dict[str, Any]
) -> None:
    """Both spellings of a value are read; the echo has the sent keys only, sorted, and the schema's types."""
    create_seed_audience(pinterest)
    made = create(pinterest, audience_type=audience_type, rule=sent)
    assert made["rule"] == answered
    assert list(made["rule"]) == sorted(answered)
    assert pinterest.get(f"{AUDIENCES}/{made['id']}").json()["rule"] == answered


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"audience_type": "VISITOR", "rule": {}}, "'name' is a required property"),
        ({"name": "a", "type": "VISITOR", "rule": {}}, "'audience_type' is a required property"),
        ({"name": "a", "audience_type": "VISITOR"}, "'rule' is a required property"),
        (
            {"name": "a", "audience_type": "visitor", "rule": {}},
            "'visitor' is not one of ['CUSTOMER_LIST', 'VISITOR', 'ENGAGEMENT', 'ACTALIKE', 'PERSONA']",
        ),
        ({"name": 5, "audience_type": "VISITOR", "rule": {}}, "5 is not of type 'string'"),
        ({"name": "a", "audience_type": "VISITOR", "rule": []}, "[] is not of type 'object'"),
        ({"name": "", "audience_type": "VISITOR", "rule": {}}, "'' is too short"),
        ({"name": "a", "audience_type": "VISITOR", "rule": {}}, "'visitor_source_id' is a required property"),
        (
            {"name": "a", "audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": "abc"}},
            r"'abc' does not match '^\\d+$'",
        ),
        (
            {
                "name": "a",
                "audience_type": "VISITOR",
                "rule": {"visitor_source_id": "1", "retention_days": 541},
            },
            "541 is greater than the maximum of 540",
        ),
        (
            {
                "name": "a",
                "audience_type": "VISITOR",
                "rule": {"visitor_source_id": "1", "retention_days": 0},
            },
            "0 is less than the minimum of 1",
        ),
        (
            {
                "name": "a",
                "audience_type": "VISITOR",
                "rule": {"visitor_source_id": "1", "retention_days": True},
            },
            "True is not of type 'integer'",
        ),
        (
            {"name": "a", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1", "event_data": {}}},
            "'event' is a dependency of 'event_data'",
        ),
        (
            {"name": "a", "audience_type": "ACTALIKE", "seed_id": ["1"], "rule": {"source_id": "1"}},
            "'seed_id' is a required property",
        ),
        (
            {"name": "a", "audience_type": "CUSTOMER_LIST", "rule": {"list_type": "EMAIL"}},
            "'customer_list_id' is a required property",
        ),
        (
            {"name": "a", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "PIN_SAVE"}},
            "'PIN_SAVE' is not one of ['click', 'save', 'closeup', 'comment', 'like']",
        ),
        (
            {"name": "a", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 3}},
            "3 is greater than the maximum of 2",
        ),
        (
            {"name": "a", "audience_type": "PERSONA", "rule": {}},
            "'PERSONA' audiences cannot be created",
        ),
    ],
)
def test_a_wrong_body_is_rejected_with_the_schemas_message(
    pinterest: httpx.Client, body: dict[str, Any], message: str
) -> None:
    """A body that is not valid gets 400 with code 1 and says what is wrong, and makes nothing."""
    response = pinterest.post(AUDIENCES, json=body)
    assert response.status_code == 400
    assert pinterest_error(response) == {"code": 1, "message": f"Invalid request: {message}"}
    assert pinterest.get(AUDIENCES).json()["items"] == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/ad_accounts/12x/audiences", r"'ad_account_id' value '12x' must match the pattern: ^\d+$"),
        (f"{AUDIENCES}/x", r"'audience_id' value 'x' must match the pattern: ^\d+$"),
        (f"{AUDIENCES}?page_size=3e", "Parameter 'page_size' was not numeric (was 3e)"),
        (f"{AUDIENCES}?page_size=", "Parameter 'page_size' was not numeric (was )"),
        (f"{AUDIENCES}?page_size=251", "'page_size' value '251' must be at most 250"),
        (f"{AUDIENCES}?page_size=0", "'page_size' value '0' must be at least 1"),
        (f"{AUDIENCES}?order=UP", "'order' value 'UP' must be one of: ASCENDING, DESCENDING"),
    ],
)
def test_a_wrong_parameter_is_rejected(pinterest: httpx.Client, path: str, message: str) -> None:
    """A path or query value that is not valid gets 400 with code 1 and names the parameter."""
    response = pinterest.get(path)
    assert response.status_code == 400
    assert pinterest_error(response) == {"code": 1, "message": message}


@pytest.mark.both_engines
def test_what_is_not_sent_keeps_its_value(mock: MockServer, pinterest: httpx.Client) -> None:
    """PATCH changes the keys that were sent and `updated_timestamp`, and a read right after sees it."""
    made = create(pinterest, description="first")
    one = f"{AUDIENCES}/{made['id']}"
    before = pinterest.get(one).json()
    mock.world.clock.advance(2_000)
    patched = pinterest.patch(one, json={"name": "Buyers"}).json()
    after = pinterest.get(one).json()
    assert after == before | {"name": "Buyers", "updated_timestamp": before["updated_timestamp"] + 2}
    assert patched == after | {"created_by_company_name": None}
    pinterest.patch(
        one, json={"description": None, "rule": {"visitor_source_id": "7"}, "operation_type": "UPDATE"}
    )
    again = pinterest.get(one).json()
    assert (again["name"], again["description"], again["rule"]) == (
        "Buyers",
        None,
        {"visitor_source_id": "7"},
    )


RULE = {"event": "lead", "event_data": {"currency": "USD", "lead_type": "new"}, "visitor_source_id": "7"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Visitors"},
        {"description": "first"},
        {"rule": RULE},
        {"rule": {**dict(reversed(RULE.items())), "url": None}},
        {"rule": {**RULE, "event_data": {"lead_type": "new", "currency": "USD"}}},
        {"rule": {**RULE, "visitor_source_id": ["7"]}},
        {"name": "Visitors", "description": "first", "rule": RULE, "operation_type": "UPDATE"},
        {"ad_account_id": AD_ACCOUNT},
    ],
)
def test_a_patch_that_changes_nothing_moves_nothing(
    mock: MockServer, pinterest: httpx.Client, body: dict[str, Any]
) -> None:
    """PATCH with the values that the audience has keeps `updated_timestamp`; the next change moves it."""
    made = create(pinterest, name="Visitors", description="first", rule=RULE)
    one = f"{AUDIENCES}/{made['id']}"
    before = pinterest.get(one).json()
    mock.world.clock.advance(34_000)
    now = pinterest.get(one).json()
    assert pinterest.patch(one, json=body).json() == now | {"created_by_company_name": None}
    assert pinterest.get(one).json() == now
    assert now["updated_timestamp"] == before["updated_timestamp"]
    (listed,) = pinterest.get(AUDIENCES).json()["items"]
    assert listed["updated_timestamp"] == before["updated_timestamp"]
    changed = pinterest.patch(one, json=body | {"description": "second"}).json()
    assert changed["updated_timestamp"] == before["updated_timestamp"] + 34


def test_the_rule_that_an_audience_has_keeps_its_people(mock: MockServer, pinterest: httpx.Client) -> None:
    """PATCH with the rule of a seeded audience leaves the size that the seed gave; another rule does not."""
    definition = {"visitor_source_id": "7", "retention_days": 30}
    audience = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "name": "a", "people": 12345}
    seed = {"audiences": [audience | {"definition": definition}]}
    seeded = httpx.post(f"{mock.url}/__admin/seed", json=seed).json()["ids"]["audiences"]
    one = f"{AUDIENCES}/{seeded[0]}"
    before = pinterest.get(one).json()
    mock.world.clock.advance(5_000)
    pinterest.patch(one, json={"rule": definition})
    assert pinterest.get(one).json() == before
    pinterest.patch(one, json={"rule": definition | {"retention_days": 31}})
    assert pinterest.get(one).json()["size"] != 12345


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"name": None}, {"rule": {}}, {"rule": None}, {"operation_type": "DELETE"}]
)
def test_a_wrong_patch_changes_nothing(pinterest: httpx.Client, body: dict[str, Any]) -> None:
    """A PATCH that is not valid gets 400, and the audience stays as it was."""
    one = f"{AUDIENCES}/{create(pinterest)['id']}"
    before = pinterest.get(one).json()
    response = pinterest.patch(one, json={"description": "new"} | body)
    assert response.status_code == 400
    assert pinterest_error(response)["code"] == 1
    assert pinterest.get(one).json() == before


@pytest.mark.both_engines
def test_a_removed_audience_is_gone(pinterest: httpx.Client) -> None:
    """REMOVE gets the audience once; then it is neither found nor listed, and its id is not used again."""
    made = create(pinterest)
    one = f"{AUDIENCES}/{made['id']}"
    removed = pinterest.patch(one, json={"operation_type": "REMOVE"})
    assert removed.status_code == 200
    assert removed.json()["id"] == made["id"]
    for response in (
        pinterest.get(one),
        pinterest.patch(one, json={"operation_type": "REMOVE"}),
        pinterest.patch(one, json={"name": "b"}),
        pinterest.patch(one, json={"rule": {"visitor_source_id": "1"}}),
    ):
        assert response.status_code == 404
        assert pinterest_error(response) == {"code": 4, "message": "Sorry! We could not find your audience."}
    assert pinterest.get(AUDIENCES).json() == {"items": [], "bookmark": None}
    assert int(create(pinterest)["id"]) == int(made["id"]) + 1


def test_an_audience_belongs_to_its_ad_account(pinterest: httpx.Client) -> None:
    """Another ad account neither finds nor lists it."""
    id = create(pinterest)["id"]
    assert pinterest.get(f"/ad_accounts/1/audiences/{id}").status_code == 404
    assert pinterest.get("/ad_accounts/1/audiences").json()["items"] == []


def test_own_audiences_are_not_received(pinterest: httpx.Client) -> None:
    """Own audiences are not among the received ones; `exclude_nca` leaves ordinary ones in."""
    create(pinterest)
    assert pinterest.get(AUDIENCES, params={"ownership_type": "RECEIVED"}).json()["items"] == []
    assert len(pinterest.get(AUDIENCES, params={"exclude_nca": "true"}).json()["items"]) == 1


def test_creates_answer_201_or_as_it_is_set(start: Callable[..., MockServer]) -> None:
    """The setting, and `Prefer: code` for one request, choose between 201 and 200."""
    for settings, prefer, status in (
        ({}, None, 201),
        ({}, "code=200", 200),
        ({}, "respond-async, code=200", 200),
        ({}, "code=204", 201),
        ({"pinterest_create_status": 200}, None, 200),
        ({"pinterest_create_status": 200}, "code=201", 201),
    ):
        headers = PINTEREST_TOKEN | ({"Prefer": prefer} if prefer else {})
        with httpx.Client(base_url=start(**settings).pinterest_url, headers=headers) as client:
            assert client.post(AUDIENCES, json=VISITORS).status_code == status
            custom = {"name": "a", "rule": {}, "sharing_type": "CUSTOM", "data_party": "1p"}
            assert client.post(f"{AUDIENCES}/custom", json=custom).status_code == status


@pytest.mark.parametrize(
    ("rule", "audience_type"),
    [
        ({"customer_list_id": "5497558"}, "CUSTOMER_LIST"),
        ({"country": "US", "percentage": 1, "seed_id": [FIRST]}, "ACTALIKE"),
        ({"visitor_source_id": "1"}, "VISITOR"),
        ({}, "ENGAGEMENT"),
    ],
)
def test_a_custom_audience_is_typed_by_its_rule(
    pinterest: httpx.Client, rule: dict[str, Any], audience_type: str
) -> None:
    """create_custom responds with an audience as create does, of the type that follows from its rule."""
    create_customer_list(pinterest)
    create_seed_audience(pinterest)
    body = {"name": "a", "rule": rule, "sharing_type": "SYNDICATED", "data_party": "3p", "category": "DLX"}
    response = pinterest.post(f"{AUDIENCES}/custom", json=body)
    assert response.status_code == 201
    assert list(response.json()) == CREATED
    assert response.json()["audience_type"] == audience_type
    assert pinterest.get(f"{AUDIENCES}/{response.json()['id']}").json()["rule"] == rule


def test_a_custom_audience_needs_its_keys(pinterest: httpx.Client) -> None:
    """create_custom names the key that is missing or wrong."""
    whole = {"name": "a", "rule": {}, "sharing_type": "CUSTOM", "data_party": "1p"}
    for key in whole:
        response = pinterest.post(f"{AUDIENCES}/custom", json={k: v for k, v in whole.items() if k != key})
        assert pinterest_error(response)["message"] == f"Invalid request: '{key}' is a required property"
    response = pinterest.post(f"{AUDIENCES}/custom", json=whole | {"rule": {"seed_id": ["1"]}})
    assert pinterest_error(response)["message"] == "Invalid request: 'country' is a required property"
