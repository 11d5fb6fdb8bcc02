"""The included fixtures: the demo world and the sample files."""

import json
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN

FIXTURES = Path(__file__).parents[2] / "fixtures"
DEMO: dict[str, Any] = json.loads((FIXTURES / "worlds/demo.json").read_text())

PINTEREST_STATUSES = {
    "INITIALIZING",
    "READY",
    "TOO_SMALL",
    "ELIGIBLE",
    "PERSONAS_INELIGIBLE_SIZE",
    "PERSONAS_INITIALIZING",
}
PINTEREST_TYPES = {"CUSTOMER_LIST", "VISITOR", "ENGAGEMENT", "ACTALIKE", "PERSONA"}
"""Those that an ad account reads: the demo has a LOOKALIKE too."""
PITCHTARGET_SUBTYPES = {"CUSTOM", "LOOKALIKE", "WEBSITE", "APP"}
FACEBOOK_STATUSES = {"ready", "updating", "too_small"}


def of(api: str) -> dict[str, list[dict[str, Any]]]:
    """The demo's audiences of an API by ad account, by rising id."""
    accounts: dict[str, list[dict[str, Any]]] = {}
    for audience in sorted(
        (one for one in DEMO["audiences"] if one["api"] == api), key=lambda a: int(a["id"])
    ):
        accounts.setdefault(audience["account"], []).append(audience)
    return accounts


@pytest.fixture
def demo(start: Callable[..., MockServer]) -> Iterator[httpx.Client]:
    """Plain HTTP to a server that starts from the demo world."""
    with httpx.Client(base_url=start(seed="demo").url) as client:
        yield client


def pinterest_list(demo: httpx.Client, account: str) -> list[dict[str, Any]]:
    path = f"/v5/ad_accounts/{account}/audiences"
    page = demo.get(path, params={"page_size": 250}, headers=PINTEREST_TOKEN).json()
    items: list[dict[str, Any]] = page["items"]
    for item in items:
        one = demo.get(f"{path}/{item['id']}", headers=PINTEREST_TOKEN).json()
        assert {**one, "is_ctv_enabled": item["is_ctv_enabled"]} == item
    return items


def test_demo_is_about_thirty_audiences_of_both_apis() -> None:
    """The demo has some thirty audiences, in several ad accounts of each API, under the providers' ids."""
    assert 30 <= len(DEMO["audiences"]) <= 40
    for api, account, number in (
        ("pinterest", r"5497\d{8}", r"25426\d{8}"),
        ("pitchtarget", r"\d{1,2}", r"\d{2}"),
    ):
        accounts = of(api)
        assert len(accounts) >= 3
        assert all(re.fullmatch(account, one) for one in accounts)
        ids = [audience["id"] for audiences in accounts.values() for audience in audiences]
        assert all(re.fullmatch(number, one) for one in ids)
        assert len(set(ids)) == len(ids)
    facebook_ids = [one["facebook_id"] for one in DEMO["audiences"] if "facebook_id" in one]
    assert all(re.fullmatch(r"\d{13}", one) for one in facebook_ids)
    assert len(set(facebook_ids)) == len(facebook_ids)


def test_demo_has_every_status_and_type_of_pinterest(demo: httpx.Client) -> None:
    """Pinterest's list and get answer every status and every type, with what the seed says."""
    listed = {account: pinterest_list(demo, account) for account in of("pinterest")}
    everything = [item for items in listed.values() for item in items]
    assert {item["status"] for item in everything} == PINTEREST_STATUSES
    assert {item["audience_type"] for item in everything} == PINTEREST_TYPES
    for account, audiences in of("pinterest").items():
        for seeded, item in zip(audiences, listed[account], strict=True):
            assert (item["id"], item["name"]) == (seeded["id"], seeded["name"])
            assert item["description"] == seeded.get("description")
            assert item["created_by_company_name"] == seeded["created_by"]
            assert item["created_timestamp"] == item["updated_timestamp"] == seeded["created_at"]
            assert list(item["rule"].items()) == sorted(seeded["definition"].items())
            if "customer_list" in seeded:
                assert seeded["customer_list"] == seeded["definition"]["customer_list_id"]
            assert item["size"] == (0 if "INITIALIZING" in item["status"] else seeded["people"])


def test_demo_rules_are_in_the_form_of_answers(demo: httpx.Client) -> None:
    """Each rule of a type that can be created comes back from a create as it stands in the seed."""
    creatable = [
        audience
        for audiences in of("pinterest").values()
        for audience in audiences
        if audience["kind"] not in ("PERSONA", "LOOKALIKE")
    ]
    for audience in creatable:
        path = f"/v5/ad_accounts/{audience['account']}/audiences"
        body = {"name": "a", "audience_type": audience["kind"], "rule": audience["definition"]}
        made = demo.post(path, json=body, headers=PINTEREST_TOKEN)
        assert made.status_code == 201, made.text
        assert json.dumps(made.json()["rule"]) == json.dumps(audience["definition"])


def test_demo_has_customer_lists_in_every_state(demo: httpx.Client) -> None:
    """The demo's customer lists answer what the seed says: being processed, ready and too small."""
    found: set[str] = set()
    for seeded in DEMO["customer_lists"]:
        path = f"/v5/ad_accounts/{seeded['account']}/customer_lists/{seeded['id']}"
        one = demo.get(path, headers=PINTEREST_TOKEN).json()
        people = len(seeded.get("records", ())) + seeded.get("unnamed_people", 0)
        assert (one["name"], one["num_uploaded_user_records"]) == (seeded["name"], people)
        assert one["created_time"] == seeded["created_at"]
        found.add(one["status"])
    assert found == {"PROCESSING", "READY", "TOO_SMALL"}


def test_demo_has_every_subtype_of_pitchtarget(demo: httpx.Client) -> None:
    """PitchTarget's list and get answer every subtype, with what the seed says."""
    found: set[str] = set()
    for account, audiences in of("pitchtarget").items():
        listed = demo.get(
            "/custom_audiences", params={"fb_ad_account_id": account}, headers=PITCHTARGET_TOKEN
        ).json()
        assert listed["meta"] == {"page": 1, "total": len(audiences)}
        assert [one["id"] for one in listed["custom_audiences"]] == [int(one["id"]) for one in audiences]
        for seeded, item in zip(audiences, listed["custom_audiences"], strict=True):
            one = demo.get(f"/custom_audiences/{item['id']}", headers=PITCHTARGET_TOKEN).json()
            assert one == {"fb_custom_audience": item}
            assert (item["name"], item["subtype"]) == (seeded["name"], seeded["kind"])
            assert item["fb_id"] == seeded.get("facebook_id")
            found.add(item["subtype"])
    assert found == PITCHTARGET_SUBTYPES


def test_demo_has_every_status_of_facebook(demo: httpx.Client) -> None:
    """The list of 2014-04 answers audiences that are ready, too small and still being built."""
    found: set[str] = set()
    for account in of("pitchtarget"):
        query = {"fb_ad_account_id": account}
        listed = demo.get("/customaudiences", params=query, headers=PITCHTARGET_TOKEN).json()
        found |= {one["status"] for one in listed}
    assert found == FACEBOOK_STATUSES


def test_demo_leaves_the_next_ids_as_in_a_fresh_world(demo: httpx.Client) -> None:
    """The documented first call of PitchTarget's answers from the demo as it does from an empty world."""
    fields = {"fb_ad_account_id": "2", "name": "Spending users", "user_type": "email_hash"}
    fields["opt_out_link"] = "http://www.myshop.com/opt_out"
    file = {"file": ("emails.csv", (FIXTURES / "uploads/emails.csv").read_bytes())}
    made = demo.post("/custom_audiences", data=fields, files=file, headers=PITCHTARGET_TOKEN)
    assert made.headers["etag"] == '"6d07c4c9ec294d765cb6c802bfa00eec"'


def documented_uploads() -> list[list[str]]:
    """The table of the README beside the sample files: name, user_type, lines, valid, distinct, invalid."""
    table = [line for line in (FIXTURES / "uploads/README.md").read_text().splitlines() if line[:3] == "| `"]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")][:6] for line in table]


def test_each_sample_file_is_documented() -> None:
    """The README of the sample files has a line for each of them, and for nothing else."""
    files = {file.name for file in (FIXTURES / "uploads").iterdir()} - {"README.md"}
    assert {row[0] for row in documented_uploads()} == files


@pytest.mark.parametrize("row", documented_uploads(), ids=lambda row: row[0])
def test_sample_file_gives_the_documented_counts(
    mock: MockServer, pitchtarget: httpx.Client, row: list[str]
) -> None:
    """An upload of a sample file has the lines that its README says: valid, distinct and invalid."""
    name, user_type, *counts = row
    fields = {"fb_ad_account_id": "2", "name": name, "user_type": user_type}
    file = {"file": (name, (FIXTURES / "uploads" / name).read_bytes(), "text/plain")}
    made = pitchtarget.post("/custom_audiences", data=fields, files=file)
    assert made.status_code == 201, made.text
    run = mock.world.database.connection.exec_driver_sql
    report = run('SELECT lines, valid, "distinct", invalid FROM uploads').one()
    assert [str(count) for count in report] == counts


def test_sample_addresses_are_made_up() -> None:
    """The hashes of the sample file are those of numbered addresses at example.com."""
    lines = (FIXTURES / "uploads/emails.csv").read_text().splitlines()
    numbered = (f"shopper{number:03}@example.com" for number in range(1, 151))
    assert lines == [sha256(address.encode()).hexdigest() for address in numbered]
