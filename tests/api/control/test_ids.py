"""The next ids, read and set over HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error
from helpers.pitchtarget_requests import FILE, FILE_FIELDS, LOOKALIKE

VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
FRESH = {
    "pitchtarget_audience": "54",
    "facebook": "6006183285954",
    "pinterest_audience": "2542623499806",
    "pinterest_customer_list": "5497558",
    "pinterest_upload": "2680059001",
    "pinterest_customer_segment": "5841155621967",
    "pinterest_ad_account": "549769000001",
}


def put(mock: MockServer, **numbers: Any) -> dict[str, str]:
    response = httpx.put(f"{mock.url}/__admin/ids", json=numbers)
    assert response.status_code == 200, response.text
    shown: dict[str, str] = response.json()
    assert httpx.get(f"{mock.url}/__admin/ids").json() == shown
    return shown


def make_each(mock: MockServer) -> dict[str, str]:
    """Creates one object for each sequence; returns the ids by sequence."""
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        audience = client.post(AUDIENCES, json=VISITORS).json()["id"]
        list_id = client.post(LISTS, json={"name": "l", "records": "ann@example.com"}).json()["id"]
        body: dict[str, Any] = {"name": "s", "audience_ids": [audience]}
        segment = client.post(f"/v5/ad_accounts/{AD_ACCOUNT}/customer_segments", json=body).json()["id"]
        account = client.post("/v5/ad_accounts", json={}).json()["id"]
        body = {"operation": "ADD", "total_parts": 1}
        upload = client.post(f"{LISTS}/{list_id}/uploads", json=body).json()["customer_list_upload"]["id"]
    sent: Any = {"data": FILE_FIELDS | {"subtype": "CUSTOM"}, "files": FILE, "headers": PITCHTARGET_TOKEN}
    made = httpx.post(f"{mock.url}/custom_audiences", **sent).json()["fb_custom_audience"]
    return {
        "pitchtarget_audience": str(made["id"]),
        "facebook": str(made["fb_id"]),
        "pinterest_audience": audience,
        "pinterest_customer_list": list_id,
        "pinterest_upload": upload,
        "pinterest_customer_segment": segment,
        "pinterest_ad_account": account,
    }


def test_the_next_ids_are_those_that_come(mock: MockServer) -> None:
    """GET shows the next id of each kind, as text."""
    assert httpx.get(f"{mock.url}/__admin/ids").json() == FRESH
    assert make_each(mock) == FRESH
    following = {name: str(int(number) + 1) for name, number in FRESH.items()}
    assert httpx.get(f"{mock.url}/__admin/ids").json() == following


@pytest.mark.parametrize("form", [int, str])
def test_ids_go_on_from_where_they_are_set(mock: MockServer, form: Callable[[str], Any]) -> None:
    """Each sequence goes on from the number that is set, given as a number or as text; others stay."""
    wanted = {name: str(90_000_000_000_000_000 + place) for place, name in enumerate(FRESH)}
    for name, number in wanted.items():
        assert put(mock, **{name: form(number)})[name] == number
    assert make_each(mock) == wanted
    assert put(mock, facebook="0007")["facebook"] == "7"
    assert put(mock)["pinterest_audience"] == "90000000000000003"


def test_ids_that_are_taken_are_passed_over(mock: MockServer) -> None:
    """Set back to ids that exist, each sequence goes on with the next free one: no id is given twice."""
    given = [make_each(mock) for _ in range(2)]
    assert put(mock, **FRESH) == FRESH
    third = make_each(mock)
    for name, first in FRESH.items():
        assert [each[name] for each in (*given, third)] == [str(int(first) + more) for more in range(3)]


def test_facebook_gives_no_id_of_a_pixel_or_a_seed(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """An id that a pixel has, or that a seed gave an audience, is passed over too."""
    seeded = {
        "api": "pitchtarget",
        "account": "2",
        "kind": "CUSTOM",
        "name": "n",
        "facebook_id": "6006183285954",
    }
    (tmp_path / "seed.json").write_text(json.dumps({"audiences": [seeded]}))
    mock = start(seed=str(tmp_path / "seed.json"))
    with httpx.Client(base_url=mock.url, headers=PITCHTARGET_TOKEN) as client:
        form = {"fb_ad_account_id": "61", "name": "p", "tag": "LEAD"}
        assert client.post("/offsite_pixels", data=form).json()["id"]["id"] == "6006183285955"
        put(mock, facebook=6006183285954)
        assert client.post("/custom_audiences", json=LOOKALIKE).json()["id"] == "6006183285956"


def test_what_a_seed_names_for_facebook_comes_first(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """Facebook's next id is the first that the seed names, until the sequence is set."""
    (tmp_path / "seed.json").write_text(json.dumps({"facebook_ids": ["6017382038943", "6017382038944"]}))
    mock = start(seed=str(tmp_path / "seed.json"))
    assert httpx.get(f"{mock.url}/__admin/ids").json()["facebook"] == "6017382038943"
    with httpx.Client(base_url=mock.url, headers=PITCHTARGET_TOKEN) as client:
        assert client.post("/custom_audiences", json=LOOKALIKE).json()["id"] == "6017382038943"
        assert put(mock, facebook=5)["facebook"] == "5"
        assert client.post("/custom_audiences", json=LOOKALIKE).json()["id"] == "5"


@pytest.mark.parametrize("number", [0, -1, 10**17, "", "x", "1e3", "٣", 1.5, True, [1], "9" * 19])
def test_an_invalid_id_is_rejected(mock: MockServer, number: object) -> None:
    """An id is a whole number of 1 to 17 digits; a rejection names the sequence and changes none."""
    rejected = httpx.put(f"{mock.url}/__admin/ids", json={"facebook": 9, "pinterest_upload": number})
    assert control_error(rejected, 400)["field"] == "pinterest_upload"
    unknown = httpx.put(f"{mock.url}/__admin/ids", json={"facebook": 9, "user_set": 1})
    assert control_error(unknown, 400)["field"] == "user_set"
    assert httpx.get(f"{mock.url}/__admin/ids").json() == FRESH


def test_a_store_whose_ids_were_set_has_a_state(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """A restart does not apply the seed once ids were set, even to lower ones."""
    database = f"sqlite:///{tmp_path}/kept.db"
    with MockServer(database=database) as mock:
        put(mock, facebook=5)
    again = start(database=database, seed="demo")
    assert httpx.get(f"{again.url}/__admin/ids").json() == {**FRESH, "facebook": "5"}
