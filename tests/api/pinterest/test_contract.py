"""The API versions of Pinterest, each emulated with what it has and lacks."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from audience_mock.testing import MockServer
from contract.test_pinterest_description import REFERENCE
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_resources import create_customer_list

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/ad_accounts/{AD_ACCOUNT}/customer_lists"
BUSINESS = "729090764583391194"
OLDER, NEWER = ("5.18", "5.23"), ("5.28", None)
VISITORS = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
CUSTOM = {
    "name": "Quilters",
    "sharing_type": "SYNDICATED",
    "data_party": "3p",
    "rule": {"customer_list_id": "5497558"},
}
WORDS = {
    "READY": "READY",
    "INITIALIZING": "INITIALIZING",
    "TOO_SMALL": "TOO_SMALL",
    "ELIGIBLE": "READY",
    "PERSONAS_INITIALIZING": "INITIALIZING",
    "PERSONAS_INELIGIBLE_SIZE": "TOO_SMALL",
}
"""Each status of 5.28, and the one that stands for it before."""
TYPES = {
    "VISITOR": "VISITOR",
    "ENGAGEMENT": "ENGAGEMENT",
    "CUSTOMER_LIST": "CUSTOMER_LIST",
    "ACTALIKE": "ACTALIKE",
    "PERSONA": "PERSONA",
    "LOOKALIKE": "ACTALIKE",
}
"""Each type that a business reads in 5.28, and the one that stands for it before, and for an ad account."""

Served = Callable[[str | None], httpx.Client]


@pytest.fixture
def served(start: Callable[..., MockServer], tmp_path: Path) -> Iterator[Served]:
    """Plain HTTP to a server with a contract. Its world has an audience of each status and of each type, and
    two customer lists, the second for the acquisition of new customers."""
    in_account = {"api": "pinterest", "account": AD_ACCOUNT, "people": 1000}
    world = {
        "audiences": [
            *({**in_account, "kind": "VISITOR", "name": word, "status": word} for word in WORDS),
            *({**in_account, "kind": kind, "name": kind} for kind in TYPES),
        ],
        "customer_lists": [
            {"id": "5497558", "account": AD_ACCOUNT, "name": "Newsletter"},
            {"id": "5497559", "account": AD_ACCOUNT, "name": "New customers", "is_nca": True},
        ],
    }
    (tmp_path / "world.json").write_text(json.dumps(world))
    clients: list[httpx.Client] = []

    def serve(contract: str | None) -> httpx.Client:
        mock = start(pinterest_contract=contract, seed=str(tmp_path / "world.json"))
        clients.append(httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN))
        return clients[-1]

    yield serve
    for client in clients:
        client.close()


def rejected(answer: httpx.Response) -> str:
    """The message of a response of 400."""
    assert answer.status_code == 400, answer.text
    message: str = pinterest_error(answer)["message"]
    return message


@pytest.mark.parametrize("contract", ["5.18", None])
def test_a_contract_that_has_it_serves_audiences_custom(served: Served, contract: str | None) -> None:
    """Data partners create in 5.18, and where no contract is set."""
    made = served(contract).post(f"{AUDIENCES}/custom", json=CUSTOM)
    assert made.status_code == 201
    assert made.json()["audience_type"] == "CUSTOMER_LIST"


@pytest.mark.parametrize("contract", ["5.23", "5.28"])
def test_a_contract_without_audiences_custom_answers_404(served: Served, contract: str) -> None:
    """In 5.23 and 5.28 it is an unknown route, with a token or without, and whatever it is sent."""
    pinterest = served(contract)
    unknown = pinterest.post(f"{AUDIENCES}/no/where")
    for request in ({"json": CUSTOM}, {"content": b"{"}, {"json": CUSTOM, "headers": {"Authorization": ""}}):
        answer = pinterest.post(f"{AUDIENCES}/custom", **request)
        assert answer.status_code == 404
        assert pinterest_error(answer)["code"] == 11
        assert answer.content == unknown.content
    assert pinterest.post(AUDIENCES, json=VISITORS).status_code == 201


@pytest.mark.parametrize("contract", [*OLDER, *NEWER])
def test_answers_have_the_keys_of_their_contract(served: Served, contract: str | None) -> None:
    """`is_nca` and `is_ctv_enabled` are in no response before 5.28; the others keep the recorded order
    in each contract."""
    pinterest = served(contract)
    created = pinterest.post(AUDIENCES, json=VISITORS).json()
    path = f"{AUDIENCES}/{created['id']}"
    one, changed = pinterest.get(path).json(), pinterest.patch(path, json={"name": "Buyers"}).json()
    item = pinterest.get(AUDIENCES).json()["items"][0]
    listed = pinterest.get(LISTS).json()["items"][0]
    one_list = pinterest.get(f"{LISTS}/5497558").json()
    flags = ["is_nca"] if contract in NEWER else []
    assert list(created) == [
        *("ad_account_id", "id", "name", "audience_type", "description", "rule", "size", "status", "type"),
        *("created_timestamp", "updated_timestamp", "created_by_company_name", *flags),
    ]
    keys = [
        *("type", "id", "name", "ad_account_id", "audience_type", "description", "status", "size"),
        *("updated_timestamp", "created_timestamp", "rule", "created_by_company_name", *flags),
    ]
    assert list(one) == list(changed) == keys
    assert list(item) == [*keys, *(["is_ctv_enabled"] if flags else [])]
    assert list(listed) == [*list(one_list)[:-1], *flags, "status"]
    assert "is_nca" not in one_list


@pytest.mark.parametrize("contract", [*OLDER, *NEWER])
def test_statuses_and_types_are_those_of_the_contract(served: Served, contract: str | None) -> None:
    """What came after 5.23 has an older value before 5.28, alike in GET, PATCH and lists."""
    pinterest = served(contract)
    share = {"recipient_business_ids": [BUSINESS], "operation_type": "SHARE"}
    for item in pinterest.get(AUDIENCES).json()["items"]:
        pinterest.patch(f"{AUDIENCES}/businesses/shared", json={"audience_id": item["id"], **share})
    received = pinterest.get(f"/businesses/{BUSINESS}/audiences").json()["items"]
    assert len(received) == len(WORDS) + len(TYPES)
    for item in received:
        if item["name"] in TYPES:
            assert item["audience_type"] == (TYPES[item["name"]] if contract in OLDER else item["name"])
    for items in (pinterest.get(AUDIENCES).json()["items"], received):
        for item in items:
            name = item["name"]
            one = pinterest.get(f"{AUDIENCES}/{item['id']}").json()
            changed = pinterest.patch(f"{AUDIENCES}/{item['id']}", json={}).json()
            for told in (item, one, changed):
                if name in WORDS:
                    assert told["status"] == (WORDS[name] if contract in OLDER else name)
                elif told is not item or items is not received:
                    assert told["audience_type"] == TYPES[name]


@pytest.mark.parametrize("contract", OLDER)
def test_an_unknown_parameter_is_ignored(served: Served, contract: str) -> None:
    """Before 5.28 `exclude_nca` leaves nothing out, may be anything, and binds no bookmark."""
    pinterest = served(contract)
    for path in (AUDIENCES, LISTS):
        whole = pinterest.get(path).json()
        for value in ("true", "maybe", ""):
            assert pinterest.get(path, params={"exclude_nca": value}).json() == whole
        first = pinterest.get(path, params={"exclude_nca": "true", "page_size": 1}).json()
        rest = pinterest.get(path, params={"bookmark": first["bookmark"]}).json()
        assert first["items"] + rest["items"] == whole["items"]


@pytest.mark.parametrize("contract", NEWER)
def test_a_known_parameter_is_validated(served: Served, contract: str | None) -> None:
    """In 5.28 `exclude_nca` leaves out the lists for new customers, and has to be true or false."""
    pinterest = served(contract)
    names = [item["name"] for item in pinterest.get(LISTS, params={"exclude_nca": "true"}).json()["items"]]
    assert names == ["Newsletter"]
    for path in (AUDIENCES, LISTS):
        rejected(pinterest.get(path, params={"exclude_nca": "maybe"}))


UNKNOWN_BEFORE_5_28: dict[str, tuple[str, str, dict[str, Any], Any]] = {
    "is_nca": ("POST", LISTS, {"name": "a", "records": "ann@example.com"}, "yes"),
    "records_v2": ("POST", LISTS, {"name": "a", "records": "ann@example.com"}, "bob@example.com"),
    "records_v2 of a change": (
        "PATCH",
        f"{LISTS}/5497558",
        {"operation_type": "ADD", "records": "ann@example.com"},
        [{"email": 5}],
    ),
    "audience_type": ("PATCH", f"{AUDIENCES}/2542623499806", {"name": "a"}, "visitor"),
}
"""A request by a key that 5.28 brought, with a value that 5.28 rejects."""


@pytest.mark.parametrize("contract", [*OLDER, *NEWER])
def test_an_unknown_key_is_ignored(served: Served, contract: str | None) -> None:
    """A key added in 5.28 is validated from then on; before, it may have any value."""
    pinterest = served(contract)
    for case, (method, path, body, wrong) in UNKNOWN_BEFORE_5_28.items():
        key = case.partition(" ")[0]
        answer = pinterest.request(method, path, json={**body, key: wrong})
        if contract in OLDER:
            assert answer.is_success, case
            assert answer.json()["name"] in ("a", "Newsletter")
            assert answer.json().get("num_uploaded_user_records", 1) == 1
        else:
            rejected(answer)


@pytest.mark.parametrize("contract", OLDER)
def test_records_are_required_where_nothing_stands_for_them(served: Served, contract: str) -> None:
    """Before 5.28 `records_v2` is no records; a list that was to be for new customers is one like others."""
    pinterest = served(contract)
    rows = {"records_v2": [{"email": "ann@example.com"}]}
    for answer in (
        pinterest.post(LISTS, json={"name": "a", **rows}),
        pinterest.patch(f"{LISTS}/5497558", json={"operation_type": "ADD", **rows}),
    ):
        assert rejected(answer) == "Invalid request: 'records' is a required property"
    assert len(pinterest.get(LISTS).json()["items"]) == 2
    assert pinterest.post(LISTS, json={"name": "a", "records": "a@b.example", "is_nca": True}).is_success


@pytest.mark.parametrize("contract", [*OLDER, *NEWER])
def test_an_objective_is_one_of_the_contract(served: Served, contract: str | None) -> None:
    """SALES is an objective from 5.28 on, in a create and in a PATCH; SALES in a list counts too."""
    pinterest = served(contract)
    path = f"{AUDIENCES}/{pinterest.post(AUDIENCES, json=VISITORS).json()['id']}"
    engaged = {"name": "a", "audience_type": "ENGAGEMENT"}
    for objective in ("SALES", ["AWARENESS", "SALES"]):
        rule = {"objective_type": objective, "visitor_source_id": "1"}
        for answer in (
            pinterest.post(AUDIENCES, json={**engaged, "rule": rule}),
            pinterest.patch(path, json={"rule": rule}),
        ):
            if contract in NEWER:
                assert answer.json()["rule"]["objective_type"][-1] == "SALES"
            else:
                assert rejected(answer).startswith("Invalid request: 'SALES' is not one of ['AWARENESS', ")
                assert "'SALES'" not in rejected(answer).partition(" is not one of ")[2]
    rule = {"objective_type": ["WEB_CONVERSION"]}
    assert pinterest.post(AUDIENCES, json={**engaged, "rule": rule}).is_success


FILES = {
    "5.18": "pinterest-5.18-audiences-custom.openapi.json",
    "5.23": "pinterest-5.23-audience-family.openapi.json",
    "5.28": "pinterest-5.28-models.json",
}
BESIDE_5_28 = {
    "AdAccountsAudience": {"is_ctv_enabled": {"type": "boolean"}},
    "Audience": {"is_ctv_enabled": {"type": "boolean"}, "description": {"type": ["string", "null"]}},
}
"""Keys that no release describes: recorded from lists in July 2026; and `description`, which 5.28's model
leaves out of what a business received and 5.23's has."""


class Description:
    """What a release says of successes, as JSON Schemas that allow no key beyond those described."""

    def __init__(self, release: str) -> None:
        document = json.loads((REFERENCE / FILES[release]).read_text())
        self.answers: dict[str, Any] = {}
        if "paths" in document:
            self._named = document["components"]["schemas"]
            for methods in document["paths"].values():
                for operation in methods.values():
                    body = operation["responses"]["200"]["content"]["application/json"]["schema"]
                    self.answers[operation["operationId"]] = body
            return
        self._named = {
            name: {**model, "properties": model["properties"] | BESIDE_5_28.get(name, {})}
            if "properties" in model
            else model
            for name, model in document["models"].items()
        }
        for name, operation in document["operations"].items():
            self.answers[name] = {"$ref": operation["responses"]["200"]}

    def check(self, operation: str, answer: httpx.Response) -> Any:
        """Checks the body of a success against the description."""
        assert answer.is_success, answer.text
        described = self.answers.get(operation) or self.answers[operation.replace("/", "_")]
        jsonschema.Draft202012Validator(self._closed(described)).validate(answer.json())
        return answer.json()

    def _closed(self, schema: Any, *, part: bool = False) -> Any:
        if "$ref" in schema:
            # A model that the client of 5.28 keeps elsewhere allows anything.
            return self._closed(self._named.get(schema["$ref"].rpartition("/")[2], {}), part=part)
        closed = {key: value for key, value in schema.items() if key != "nullable"}
        for key in ("anyOf", "allOf"):
            if key in schema:
                closed[key] = [self._closed(one, part=key == "allOf") for one in schema[key]]
        if "items" in schema:
            closed["items"] = self._closed(schema["items"])
        if "properties" in schema:
            closed["properties"] = {key: self._closed(value) for key, value in schema["properties"].items()}
        if not part and ("properties" in schema or "allOf" in schema):
            closed["unevaluatedProperties"] = False
        return {"anyOf": [closed, {"type": "null"}]} if schema.get("nullable") else closed


def calls(pinterest: httpx.Client) -> Iterator[tuple[str, httpx.Response]]:
    """Each operation of the family that each release has, in each way that gives another shape."""
    rules: dict[str, dict[str, Any]] = {
        "VISITOR": {"visitor_source_id": ["1"], "event": "checkout", "event_data": {"value": 5}},
        "ENGAGEMENT": {"engagement_domain": "example.com", "url": {"contains": "/shoe"}},
        "CUSTOMER_LIST": {"customer_list_id": "5497558"},
        "ACTALIKE": {"seed_id": "2542623499806", "country": "US", "percentage": "10"},
    }
    created = pinterest.post(AUDIENCES, json=VISITORS)
    yield "audiences/create", created
    audience = created.json()["id"]
    for audience_type, rule in rules.items():
        body = {"name": "a", "audience_type": audience_type, "rule": rule}
        yield "audiences/create", pinterest.post(AUDIENCES, json=body)
    for query in ({}, {"page_size": 2}, {"ownership_type": "RECEIVED"}):
        yield "audiences/list", pinterest.get(AUDIENCES, params=query)
    for item in pinterest.get(AUDIENCES).json()["items"]:
        yield "audiences/get", pinterest.get(f"{AUDIENCES}/{item['id']}")
    yield "audiences/update", pinterest.patch(f"{AUDIENCES}/{audience}", json={"description": "b"})
    business = f"/businesses/{BUSINESS}/audiences"
    for giver, path in (("ad_account", AUDIENCES), ("business", business)):
        for to, key, id in (
            ("ad_account", "recipient_account_ids", "5"),
            ("business", "recipient_business_ids", BUSINESS if giver == "ad_account" else "6"),
        ):
            share = {"audience_id": audience, "operation_type": "SHARE", key: [id]}
            where = f"{path}/{'ad_accounts' if to == 'ad_account' else 'businesses'}/shared"
            yield f"update_{giver}_to_{to}_shared_audience", pinterest.patch(where, json=share)
    yield "shared_audiences_for_business/list", pinterest.get(business)
    who = {"audience_id": audience, "account_type": "AD_ACCOUNT"}
    for name, path in (("ad_accounts", AUDIENCES), ("business_account", business)):
        yield f"{name}_audiences_shared_accounts/list", pinterest.get(f"{path}/shared/accounts", params=who)
    yield "audiences/update", pinterest.patch(f"{AUDIENCES}/{audience}", json={"operation_type": "REMOVE"})

    made = pinterest.post(LISTS, json={"name": "a", "records": "ann@example.com"})
    yield "customer_lists/create", made
    one = f"{LISTS}/{made.json()['id']}"
    yield "customer_lists/get", pinterest.get(one)
    body = {"operation_type": "ADD", "records": "bob@example.com"}
    yield "customer_lists/update", pinterest.patch(one, json=body)
    yield "customer_lists/list", pinterest.get(LISTS)
    upload = pinterest.post(f"{one}/uploads", json={"operation": "ADD", "total_parts": 1})
    yield "customer_list_uploads/create", upload
    told = upload.json()
    assert pinterest.put(
        told["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"], content=b"cyd@example.com\nx\n"
    ).is_success
    one_upload = f"{one}/uploads/{told['customer_list_upload']['id']}"
    yield "customer_list_uploads/run", pinterest.post(f"{one_upload}/run")
    yield "customer_list_uploads/get", pinterest.get(one_upload)

    insights = f"/ad_accounts/{AD_ACCOUNT}/audience_insights"
    for kind in ("YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE"):
        yield "audience_insights/get", pinterest.get(insights, params={"audience_insight_type": kind})
    path = f"/ad_accounts/{AD_ACCOUNT}"
    yield "audience_insights_scope_and_type/get", pinterest.get(f"{path}/insights/audiences")
    yield "ad_groups/audience_sizing", pinterest.post(f"{path}/ad_groups/audience_sizing", json={})


BEYOND = {"oauth/token", "oauth_conversion_token", "oauth_token", "token_revoke"}
"""Operations without an ad account, which `calls` leaves out: their response models are not at hand."""


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="Pinterest's descriptions are not beside this checkout")
@pytest.mark.parametrize("contract", ["5.23", "5.28"])
def test_each_answer_fits_the_description_of_its_release(served: Served, contract: str) -> None:
    """Each operation of a version responds as its description says, with no key that it does not have."""
    description = Description(contract)
    tried = set()
    for operation, answer in calls(served(contract)):
        description.check(operation, answer)
        tried |= {operation, operation.replace("/", "_")}
    assert description.answers.keys() - BEYOND <= tried


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="Pinterest's descriptions are not beside this checkout")
def test_each_audience_of_5_18_fits_its_description(served: Served) -> None:
    """What data partners and others see of an audience in 5.18 is what its description has."""
    description, pinterest = Description("5.18"), served("5.18")
    custom = "audiences/create_custom"
    description.check(custom, pinterest.post(f"{AUDIENCES}/custom", json=CUSTOM))
    family = Description("5.23")
    for operation, answer in calls(pinterest):
        family.check(operation, answer)
        if operation in ("audiences/create", "audiences/get", "audiences/update"):
            description.check(custom, answer)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="Pinterest's descriptions are not beside this checkout")
@pytest.mark.parametrize("older", OLDER)
def test_a_response_of_another_release_does_not_fit(served: Served, older: str) -> None:
    """The check sees a key that a release lacks."""
    created = served("5.28").post(AUDIENCES, json=VISITORS)
    description = Description(older)
    operation = "audiences/create_custom" if older == "5.18" else "audiences/create"
    with pytest.raises(jsonschema.ValidationError, match="is_nca"):
        description.check(operation, created)


def test_the_description_that_is_served_is_that_of_the_default(start: Callable[..., MockServer]) -> None:
    """Whatever the contract, the server describes the newest one and what was dropped before it."""
    one, other = (
        httpx.get(f"{start(pinterest_contract=contract).url}/openapi/pinterest.json").json()
        for contract in ("5.23", None)
    )
    assert one == other
    assert "/ad_accounts/{ad_account_id}/audiences/custom" in one["paths"]


def test_each_world_has_its_contract_and_its_rules(start: Callable[..., MockServer]) -> None:
    """One server emulates another API version in each world, and validates by other rules."""
    mock = start(pinterest_contract="5.23")
    engaged = {"name": "a", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 3}}
    for contract, validation in (("5.18", "schema"), ("5.28", "documented"), (None, "schema")):
        world = f"{mock.url}/__admin/worlds/of-{contract}"
        settings = {"pinterest_contract": contract, "pinterest_validation": validation}
        assert httpx.put(world, json={"settings": settings}).status_code == 201
        url = f"{mock.url}/worlds/of-{contract}/v5"
        with httpx.Client(base_url=url, headers=PINTEREST_TOKEN) as client:
            assert ("is_nca" in client.post(AUDIENCES, json=VISITORS).json()) == (contract in NEWER)
            custom = client.post(f"{AUDIENCES}/custom", json=CUSTOM | {"rule": {}})
            assert custom.status_code == (404 if contract == "5.28" else 201)
            taken = client.post(AUDIENCES, json=engaged).is_success
            assert taken == (validation == "schema")
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        assert "is_nca" not in client.post(AUDIENCES, json=VISITORS).json()
        assert client.post(f"{AUDIENCES}/custom", json=CUSTOM).status_code == 404


def test_a_list_of_new_customers_feeds_an_audience_in_each_contract(served: Served) -> None:
    """A list whose newest field an older contract does not show can be used like any other."""
    for contract in OLDER:
        pinterest = served(contract)
        body = {"name": "a", "audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": "5497559"}}
        assert pinterest.post(AUDIENCES, json=body).is_success
        assert create_customer_list(pinterest) == "5497560"
