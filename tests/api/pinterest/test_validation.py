"""The rules that only the prose of Pinterest's description has: enforced by default, and not with
`pinterest_validation` schema, which checks requests against the description's schemas alone."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from contract.test_pinterest_description import REQUESTS_DIFFER
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_resources import create_customer_list, create_seed_audience

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
AUDIENCE = f"{AUDIENCES}/2542623499806"
LISTS = f"/ad_accounts/{AD_ACCOUNT}/customer_lists"
CUSTOMER_LIST = f"{LISTS}/5497558"
SIZING = f"/ad_accounts/{AD_ACCOUNT}/ad_groups/audience_sizing"
ALIKE = {"seed_id": ["2542623499806"], "country": "US", "percentage": 10}

Request = tuple[str, str, dict[str, Any]]


def create(audience_type: str, rule: dict[str, Any], name: str = "a") -> Request:
    return "POST", AUDIENCES, {"name": name, "audience_type": audience_type, "rule": rule}


def visitors(**rule: Any) -> Request:
    return create("VISITOR", {"visitor_source_id": "1", **rule})


def engaged(**rule: Any) -> Request:
    return create("ENGAGEMENT", rule)


def share(key: str, to: str) -> Request:
    body = {"audience_id": "2542623499806", "operation_type": "SHARE", key: []}
    return "PATCH", f"{AUDIENCES}/{to}/shared", body


def ages(**spec: Any) -> Request:
    return "POST", SIZING, {"targeting_spec": spec}


LIMITS: dict[str, list[Request]] = {
    "name minLength": [create("ENGAGEMENT", {}, ""), ("PATCH", AUDIENCE, {"name": ""})],
    "rule.country minLength": [create("ACTALIKE", ALIKE | {"country": "U"})],
    "rule.event minLength": [visitors(event="")],
    "rule.engagement_type enum": [engaged(engagement_type="PIN_SAVE")],
    "rule.engager_type minimum": [engaged(engager_type=0)],
    "rule.engager_type maximum": [engaged(engager_type=3), engaged(engager_type="3")],
    "rule.percentage minimum": [create("ACTALIKE", ALIKE | {"percentage": p}) for p in (0, -(10**30))],
    "rule.percentage maximum": [create("ACTALIKE", ALIKE | {"percentage": p}) for p in (11, "11", 10**30)],
    "rule.retention_days minimum": [
        visitors(retention_days=0),
        ("PATCH", AUDIENCE, {"rule": {"retention_days": -1}}),
    ],
    "rule.retention_days maximum": [
        visitors(retention_days=541),
        engaged(retention_days="541"),
        ("PATCH", AUDIENCE, {"rule": {"retention_days": 541}}),
    ],
    "rule.event_source keys": [visitors(event_source={"!=": ["web"]})],
    "rule.event_source values": [visitors(event_source={"=": ["car"]})],
    "rule.ingestion_source keys": [visitors(ingestion_source={"is": "tag"})],
    "rule.ingestion_source values": [visitors(ingestion_source={"=": 5})],
}
"""Requests by the limits that our description has on an audience and the official one has not."""

OTHERS: dict[str, list[Request]] = {
    "a name of blanks": [create("ENGAGEMENT", {}, " "), ("POST", LISTS, {"name": " ", "records": "a"})],
    "what a type needs": [
        create("VISITOR", {"retention_days": 30}),
        create("CUSTOMER_LIST", {"list_type": "EMAIL"}),
        *(create("ACTALIKE", {k: v for k, v in ALIKE.items() if k != key}) for key in ALIKE),
    ],
    "what event_data needs": [
        visitors(event_data={}),
        ("PATCH", AUDIENCE, {"rule": {"event_data": {"value": 5}}}),
    ],
    "no seeds": [create("ACTALIKE", ALIKE | {"seed_id": []})],
    "whom only Pinterest makes": [create("PERSONA", {})],
    "needs of data partners": [
        (
            "POST",
            f"{AUDIENCES}/custom",
            {
                "name": "a",
                "data_party": "1p",
                "sharing_type": "CUSTOM",
                "rule": {"seed_id": ["2542623499806"]},
            },
        ),
    ],
    "no records": [("POST", LISTS, {"name": "a"}), ("PATCH", CUSTOMER_LIST, {"operation_type": "ADD"})],
    "both forms of records": [
        ("POST", LISTS, {"name": "a", "records": "a@b.example", "records_v2": [{"email": "c@d.example"}]})
    ],
    "no recipients": [
        share("recipient_account_ids", "ad_accounts"),
        share("recipient_business_ids", "businesses"),
    ],
    "ages": [
        ages(MINIMUM_AGE="18"),
        ages(MAXIMUM_AGE="65+"),
        ages(MINIMUM_AGE="17", MAXIMUM_AGE="30"),
        ages(MINIMUM_AGE="18", MAXIMUM_AGE="66"),
        ages(MINIMUM_AGE="18", MAXIMUM_AGE="60+"),
        ages(MINIMUM_AGE="30", MAXIMUM_AGE="29"),
        ages(MINIMUM_AGE="0" * 5000, MAXIMUM_AGE="9" * 5000),
        ages(MINIMUM_AGE="18", MAXIMUM_AGE="30", AGE_BUCKET=["25-34"]),
    ],
    "a long keyword": [("POST", SIZING, {"keywords": [{"match_type": "BROAD", "value": "q" * 121}]})],
}
"""Requests by the rules that no limit of a description says."""

PROSE = [(rule, number) for rule, requests in (LIMITS | OTHERS).items() for number in range(len(requests))]

SCHEMAS: dict[str, Request] = {
    "a type": visitors(retention_days=True),
    "text that is no number": engaged(engager_type="two"),
    "an object": visitors(event_source=["web"]),
    "a string": engaged(engagement_type=5),
    "a pattern": create("CUSTOMER_LIST", {"customer_list_id": "1x"}),
    "a pattern of seeds": create("ACTALIKE", {"seed_id": ["x"]}),
    "an enum": create("visitor", {}),
    "an enum of a rule": engaged(objective_type=["FUN"]),
    "a name of the wrong type": ("POST", AUDIENCES, {"name": 5, "audience_type": "ENGAGEMENT", "rule": {}}),
    "a key that may not be null": ("POST", AUDIENCES, {"name": "a", "audience_type": None, "rule": {}}),
    "a required key": ("PATCH", CUSTOMER_LIST, {"records": "ann@example.com"}),
    "an unknown key": ("POST", LISTS, {"name": "a", "records_v2": [{"phone": "1"}]}),
    "a required name": ("POST", LISTS, {"records": "ann@example.com"}),
    "a maximum": ("POST", f"{CUSTOMER_LIST}/uploads", {"operation": "ADD", "total_parts": 11}),
    "a minimum": ("POST", f"{CUSTOMER_LIST}/uploads", {"operation": "ADD", "total_parts": 0}),
    "a page": ("GET", f"{AUDIENCES}?page_size=251", {}),
    "an age": ages(MINIMUM_AGE="x"),
    "a bucket": ages(AGE_BUCKET=["1-2"]),
    "a list that is not there": create("CUSTOMER_LIST", {"customer_list_id": "1"}),
    "a seed that is not there": create("ACTALIKE", ALIKE | {"seed_id": ["1"]}),
}
"""Requests that the schemas reject, or that name what does not exist."""


@pytest.fixture(scope="module")
def by_schema() -> Iterator[httpx.Client]:
    """Plain HTTP to a server with schema-only validation, with an audience and a list."""
    with (
        MockServer(pinterest_validation="schema") as mock,
        httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client,
    ):
        assert (create_seed_audience(client), create_customer_list(client)) == ("2542623499806", "5497558")
        yield client


@pytest.fixture(scope="module")
def documented() -> Iterator[httpx.Client]:
    """The same for a server with the default."""
    with (
        MockServer() as mock,
        httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client,
    ):
        assert (create_seed_audience(client), create_customer_list(client)) == ("2542623499806", "5497558")
        yield client


def send(client: httpx.Client, request: Request) -> httpx.Response:
    method, path, body = request
    return client.request(method, path, json=body or None)


@pytest.mark.parametrize(("rule", "number"), PROSE)
def test_what_only_the_prose_says_is_an_option(
    documented: httpx.Client, by_schema: httpx.Client, rule: str, number: int
) -> None:
    """What only the prose or this server's own rules forbid is rejected with code 1 by default; schema-only
    validation accepts it, and a rule is echoed as sent."""
    request = (LIMITS | OTHERS)[rule][number]
    told = send(documented, request)
    assert told.status_code == 400, told.text
    assert pinterest_error(told)["code"] == 1
    taken = send(by_schema, request)
    assert taken.is_success, taken.text
    answered = taken.json()
    if "rule" in answered and "rule" in request[2]:
        assert answered["rule"].keys() == request[2]["rule"].keys()
        assert (
            send(by_schema, ("GET", f"{AUDIENCES}/{answered['id']}", {})).json()["rule"] == answered["rule"]
        )
    if "audience_size_lower_bound" in answered:
        assert 0 <= answered["audience_size_lower_bound"] <= answered["audience_size_upper_bound"]


def test_each_limit_that_the_schema_lacks_is_tried() -> None:
    """Every limit on an audience that our description has and the official one has not is tried above."""
    assert LIMITS.keys() == REQUESTS_DIFFER.keys()


@pytest.mark.parametrize("case", SCHEMAS)
def test_the_schema_is_always_enforced(documented: httpx.Client, by_schema: httpx.Client, case: str) -> None:
    """What the schemas reject is rejected either way, and so is an id that names nothing."""
    for client in (documented, by_schema):
        answer = send(client, SCHEMAS[case])
        assert answer.status_code == 400
        assert pinterest_error(answer)["code"] == 1


def test_sizes_stay_sizes_by_the_schema_alone(start: Callable[..., MockServer]) -> None:
    """An audience of more than all the people of a country has all of them; of fewer than none, none."""
    mock = start(pinterest_validation="schema", build_delay_s=0)
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        create_seed_audience(client)
        sizes = {
            percentage: send(client, create("ACTALIKE", ALIKE | {"percentage": percentage})).json()["size"]
            for percentage in (10**30, 100, 10, -5)
        }
    assert sizes[10**30] == sizes[100] == 10 * sizes[10] > 0
    assert sizes[-5] == 0


def test_lists_of_both_forms_count_both(by_schema: httpx.Client) -> None:
    """By the schema alone a list of both forms has the records of both, and one of none has none."""
    both = {"name": "a", "records": "a@b.example,c@d.example", "records_v2": [{"email": "e@f.example"}]}
    assert send(by_schema, ("POST", LISTS, both)).json()["num_uploaded_user_records"] == 3
    assert send(by_schema, ("POST", LISTS, {"name": "a"})).json()["num_uploaded_user_records"] == 0


@pytest.mark.parametrize("contract", ["5.18", "5.23"])
def test_the_schema_is_that_of_the_contract(start: Callable[..., MockServer], contract: str) -> None:
    """`records` is required by the schemas before 5.28, so it is required by them alone too."""
    mock = start(pinterest_validation="schema", pinterest_contract=contract)
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        answer = send(client, ("POST", LISTS, {"name": "a"}))
        assert answer.status_code == 400
        assert pinterest_error(answer)["message"] == "Invalid request: 'records' is a required property"
