"""Customer segments of Pinterest's release 5.28, over HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error
from helpers.pinterest_resources import create_seed_audience

SEGMENTS = f"/ad_accounts/{AD_ACCOUNT}/customer_segments"
FIRST = "5841155621967"
OTHER = "549755885176"


def make(client: httpx.Client, name: str = "Buyers", *audiences: str, path: str = SEGMENTS) -> dict[str, Any]:
    made = client.post(path, json={"name": name, "audience_ids": audiences})
    assert made.status_code == 201, made.text
    segment: dict[str, Any] = made.json()
    return segment


def change(client: httpx.Client, id: str, operation_type: str = "UPDATE", **more: Any) -> httpx.Response:
    return client.patch(SEGMENTS, json={"id": id, "operation_type": operation_type, **more})


def listed(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(SEGMENTS, params=query).json()["items"]
    return items


def message(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    told: str = pinterest_error(answer)["message"]
    return told


def test_a_created_segment_has_every_key_in_the_recorded_order(
    mock: MockServer, pinterest: httpx.Client
) -> None:
    """A create answers with the recorded keys, the first id that was recorded, and the ids as sent; the list
    has the same bytes. The audience it is made of need not be ready."""
    audience = create_seed_audience(pinterest)
    made = pinterest.post(SEGMENTS, json={"name": "Buyers", "audience_ids": [audience]})
    now_s = mock.world.clock.now_ms() // 1000
    assert made.text == json.dumps(
        {
            "id": FIRST,
            "name": "Buyers",
            "ad_account_id": AD_ACCOUNT,
            "audience_ids": [audience],
            "created_time": now_s,
            "updated_time": now_s,
            "status": "ACTIVE",
        },
        separators=(",", ":"),
    )
    assert pinterest.get(SEGMENTS).text == f'{{"items":[{made.text}],"bookmark":null}}'


@pytest.mark.parametrize("prefer", [200, 201])
def test_the_status_of_a_create_is_that_of_other_creates(
    start: Callable[..., MockServer], prefer: int
) -> None:
    """201 by default, 200 by the setting, and either by `Prefer`."""
    for setting in (200, 201):
        mock = start(pinterest_create_status=setting)
        with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
            body: dict[str, Any] = {"name": "a", "audience_ids": []}
            assert client.post(SEGMENTS, json=body).status_code == setting
            preferred = client.post(SEGMENTS, json=body, headers={"Prefer": f"code={prefer}"})
            assert preferred.status_code == prefer


def test_an_update_replaces_the_audiences(mock: MockServer, pinterest: httpx.Client) -> None:
    """A PATCH answers `null`; UPDATE replaces the audiences and moves the time, the ones it has or none sent
    change nothing, and no operation changes the name."""
    audiences = [create_seed_audience(pinterest) for _ in range(3)]
    made = make(pinterest, "Buyers", *audiences[:2])
    mock.world.clock.advance(10_000)
    for more in ({"audience_ids": audiences[:2]}, {}, {"audience_ids": None}, {"name": "Other"}):
        same = change(pinterest, made["id"], **more)
        assert (same.status_code, same.content) == (200, b"null")
        assert same.headers["content-type"] == "application/json"
        assert listed(pinterest) == [made]
    assert change(pinterest, made["id"], audience_ids=audiences[2:]).content == b"null"
    moved = {"audience_ids": audiences[2:], "updated_time": made["updated_time"] + 10}
    assert listed(pinterest) == [made | moved]
    assert change(pinterest, made["id"], audience_ids=[]).content == b"null"
    assert listed(pinterest)[0]["audience_ids"] == []


def test_a_removed_segment_is_gone(pinterest: httpx.Client) -> None:
    """After REMOVE, which passes over `audience_ids`, it is not listed and not found; its id is not given
    again."""
    first, second = make(pinterest), make(pinterest)
    removed = change(pinterest, first["id"], "REMOVE", audience_ids=["1"])
    assert (removed.status_code, removed.content) == (200, b"null")
    assert listed(pinterest) == [second]
    for operation_type in ("UPDATE", "REMOVE"):
        answer = change(pinterest, first["id"], operation_type)
        assert message(answer, 404) == "Sorry! We could not find your customer segment."
        assert pinterest_error(answer)["code"] == 4
    assert make(pinterest)["id"] == str(int(second["id"]) + 1)


@pytest.mark.parametrize("id", [FIRST, "1", "0", "9" * 18, "9" * 19, "9" * 5000])
def test_a_segment_of_another_account_is_not_found(pinterest: httpx.Client, id: str) -> None:
    """An id that the ad account does not have is 404, of any length."""
    make(pinterest, path=f"/ad_accounts/{OTHER}/customer_segments")
    assert message(change(pinterest, id), 404) == "Sorry! We could not find your customer segment."


def test_a_segment_is_made_of_audiences_that_the_account_has(pinterest: httpx.Client) -> None:
    """Its own audiences and received ones; another's, a removed one and one that never was are rejected by
    POST and PATCH, and change nothing."""
    own, gone = create_seed_audience(pinterest), create_seed_audience(pinterest)
    received, others = create_seed_audience(pinterest, OTHER), create_seed_audience(pinterest, OTHER)
    share = {"audience_id": received, "recipient_account_ids": [AD_ACCOUNT], "operation_type": "SHARE"}
    pinterest.patch(f"/ad_accounts/{OTHER}/audiences/ad_accounts/shared", json=share)
    pinterest.patch(f"/ad_accounts/{AD_ACCOUNT}/audiences/{gone}", json={"operation_type": "REMOVE"})
    made = make(pinterest, "Buyers", own, received, own)
    assert made["audience_ids"] == [own, received, own]
    for missing in (others, gone, "1", "9" * 30, "x", ""):
        for answer in (
            pinterest.post(SEGMENTS, json={"name": "a", "audience_ids": [own, missing]}),
            change(pinterest, made["id"], audience_ids=[missing]),
        ):
            assert message(answer) == f"Invalid request: audience {missing} is not in this ad account"
    assert listed(pinterest) == [made]


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
def test_segments_are_listed_page_by_page(pinterest: httpx.Client, order: str) -> None:
    """Bookmarks lead through the segments of an ad account in either order of ids; one of another query is
    rejected."""
    made = [make(pinterest, f"No. {number}")["id"] for number in range(5)]
    make(pinterest, path=f"/ad_accounts/{OTHER}/customer_segments")
    pages: list[list[str]] = []
    query: dict[str, Any] = {"page_size": 2, "order": order}
    while True:
        page = pinterest.get(SEGMENTS, params=query).json()
        pages.append([one["id"] for one in page["items"]])
        if page["bookmark"] is None:
            break
        query["bookmark"] = page["bookmark"]
    expected = made if order == "ASCENDING" else made[::-1]
    assert pages == [expected[:2], expected[2:4], expected[4:]]
    for other in ({"search_query": "No"}, {"order": {"ASCENDING": "DESCENDING"}.get(order, "ASCENDING")}):
        assert "'bookmark'" in message(pinterest.get(SEGMENTS, params=query | other))


def test_a_search_is_for_a_part_of_the_name(pinterest: httpx.Client) -> None:
    """`search_query` finds a part of a name, in capitals or not, a wildcard of SQL among them;
    `include_sizing` changes nothing."""
    for name in ("Buyers", "Big buyers", "100% loyal", "Visitors"):
        make(pinterest, name)
    for text, names in {
        "BUY": ["Buyers", "Big buyers"],
        "%": ["100% loyal"],
        "": ["Buyers", "Big buyers", "100% loyal", "Visitors"],
        "nobody": [],
    }.items():
        assert [one["name"] for one in listed(pinterest, search_query=text)] == names
    assert listed(pinterest, include_sizing="true") == listed(pinterest)


BODIES: list[tuple[str, Any, str]] = [
    ("POST", {"audience_ids": []}, "'name' is a required property"),
    ("POST", {"name": "a"}, "'audience_ids' is a required property"),
    ("POST", {"name": 5, "audience_ids": []}, "5 is not of type 'string'"),
    ("POST", {"name": " ", "audience_ids": []}, "' ' does not match"),
    ("POST", {"name": "a", "audience_ids": "1"}, "'1' is not of type 'array'"),
    ("POST", {"name": "a", "audience_ids": [1]}, "1 is not of type 'string'"),
    ("POST", {"name": "a", "audience_ids": ["1"] * 1001}, "['1', '1', "),
    ("PATCH", {"operation_type": "REMOVE"}, "'id' is a required property"),
    ("PATCH", {"id": FIRST}, "'operation_type' is a required property"),
    ("PATCH", {"id": FIRST, "operation_type": "DELETE"}, "'DELETE' is not one of ['UPDATE', 'REMOVE']"),
    ("PATCH", {"id": "x", "operation_type": "REMOVE"}, r"'x' does not match '^\\d+$'"),
    ("PATCH", [{"id": FIRST, "operation_type": "REMOVE"}], "[{'id': '5841155621967'"),
]


@pytest.mark.parametrize(("method", "body", "told"), BODIES)
def test_a_wrong_body_is_rejected(pinterest: httpx.Client, method: str, body: Any, told: str) -> None:
    """A body that is not valid gets 400 with code 1 and says what is wrong; a PATCH carries one object."""
    answer = pinterest.request(method, SEGMENTS, json=body)
    assert message(answer).startswith(f"Invalid request: {told}")


@pytest.mark.parametrize("query", ["page_size=0", "page_size=251", "order=UP", "include_sizing=x"])
def test_a_wrong_query_is_rejected(pinterest: httpx.Client, query: str) -> None:
    """A parameter that is not valid gets 400 with code 1."""
    assert message(pinterest.get(f"{SEGMENTS}?{query}"))


def test_by_the_schema_alone_a_segment_is_a_name_and_a_list(start: Callable[..., MockServer]) -> None:
    """Schema-only validation takes any name and any texts, and still both keys."""
    mock = start(pinterest_validation="schema")
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        made = make(client, "", "1", "x", *["2"] * 2000)
        assert (made["name"], len(made["audience_ids"])) == ("", 2002)
        assert change(client, made["id"], audience_ids=["y"]).content == b"null"
        assert listed(client)[0]["audience_ids"] == ["y"]
        bodies: list[dict[str, Any]] = [
            {"name": "a"},
            {"audience_ids": []},
            {"name": None, "audience_ids": []},
        ]
        for body in bodies:
            assert message(client.post(SEGMENTS, json=body))


@pytest.mark.parametrize("contract", ["5.18", "5.23", "5.28", None])
def test_only_5_28_has_segments(start: Callable[..., MockServer], contract: str | None) -> None:
    """Before 5.28 the path is an unknown route, with a token or without, and whatever it is sent."""
    mock = start(pinterest_contract=contract)
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        unknown = client.get(f"/ad_accounts/{AD_ACCOUNT}/no_such_thing")
        for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
            for headers in ({}, {"Authorization": ""}):
                answer = client.request(method, SEGMENTS, headers=headers, json={})
                if contract in ("5.18", "5.23"):
                    assert (answer.status_code, answer.content) == (404, unknown.content)
                else:
                    assert answer.status_code != 404
    assert pinterest_error(unknown)["code"] == 11


def test_segments_need_a_users_token(pinterest: httpx.Client) -> None:
    """An app's own token, and one without the scope, gets 401 with code 3; one of another ad account 403."""
    for token, method, status in (
        ("pina_mock.ads:read", "GET", 200),
        ("pinc_mock.ads:read", "GET", 401),
        ("pina_mock.ads:write", "GET", 401),
        (f"pina_mock.ads:read.{OTHER}", "GET", 403),
        ("pina_mock.ads:read", "POST", 401),
        ("pina_mock.ads:read", "PATCH", 401),
        ("pina_mock.ads:write", "POST", 400),
        ("pinc_mock.ads:write", "POST", 401),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        answer = pinterest.request(method, SEGMENTS, headers=headers, json=None if method == "GET" else {})
        assert answer.status_code == status, (token, method)


def test_segments_count_as_reads_and_writes(start: Callable[..., MockServer]) -> None:
    """A list counts against `ads_read`, a create and an update against `ads_write`."""
    mock = start()
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        limits = {
            method: client.request(method, SEGMENTS, json=None if method == "GET" else {}).headers[
                "x-ratelimit-limit"
            ]
            for method in ("GET", "POST", "PATCH")
        }
    assert "ads_read_" in limits["GET"]
    assert "ads_write_" in limits["POST"]
    assert "ads_write_" in limits["PATCH"]


def test_segments_are_part_of_a_world(mock: MockServer, pinterest: httpx.Client) -> None:
    """A fork has them, a snapshot brings them back, a reset takes them, the difference of two worlds shows
    them, and a segment makes its ad account appear."""
    audience = create_seed_audience(pinterest, OTHER)
    made = make(pinterest, "Buyers")
    assert [one["id"] for one in pinterest.get("/ad_accounts").json()["items"]] == [AD_ACCOUNT, OTHER]
    admin = f"{mock.url}/__admin"
    httpx.put(f"{admin}/snapshots/before").raise_for_status()
    httpx.post(f"{admin}/worlds/default/fork", json={"name": "copy"}).raise_for_status()
    change(pinterest, made["id"], "REMOVE")
    second = make(pinterest, "Visitors")
    copied = pinterest.get(f"{mock.url}/worlds/copy/v5{SEGMENTS}").json()["items"]
    assert copied == [made]
    shown = httpx.get(f"{admin}/worlds/copy/diff/default").json()["customer_segments"]
    assert shown["counts"] == {"added": 1, "removed": 1}
    assert (shown["added"][0]["id"], shown["removed"][0]["name"]) == (second["id"], "Buyers")
    httpx.post(f"{admin}/snapshots/before/restore").raise_for_status()
    assert listed(pinterest) == [made]
    httpx.post(f"{admin}/reset").raise_for_status()
    assert listed(pinterest) == []
    assert audience


def test_a_seed_has_segments(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """A seed says id, name, audiences and times; without an id the next one is given, and the sequence goes
    on after them."""
    seed = {
        "customer_segments": [
            {"account": AD_ACCOUNT, "name": "a", "audiences": ["7"], "created_at": 5, "updated_at": 6},
            {"id": "5841155621990", "account": AD_ACCOUNT, "name": "b"},
        ]
    }
    (tmp_path / "seed.json").write_text(json.dumps(seed))
    mock = start(seed=str(tmp_path / "seed.json"))
    with httpx.Client(base_url=mock.pinterest_url, headers=PINTEREST_TOKEN) as client:
        first, second = listed(client)
        assert (first["id"], first["audience_ids"]) == (FIRST, ["7"])
        assert (first["created_time"], first["updated_time"]) == (5, 6)
        assert (second["id"], second["audience_ids"]) == ("5841155621990", [])
        assert second["created_time"] == second["updated_time"] > 6
        assert make(client)["id"] == "5841155621991"


def test_faults_and_the_journal_know_segments(mock: MockServer, pinterest: httpx.Client) -> None:
    """A fault is planned for their operations by name, and the journal names them."""
    fault = {"operation": "customer_segment/update", "status": 500, "first": 1}
    assert httpx.post(f"{mock.url}/__admin/faults", json=fault).status_code == 201
    made = make(pinterest)
    assert change(pinterest, made["id"], "REMOVE").status_code == 500
    assert change(pinterest, made["id"], "REMOVE").content == b"null"
    assert listed(pinterest) == []
    entries = httpx.get(f"{mock.url}/__admin/journal").json()["entries"]
    assert [one["operation"] for one in entries] == [
        "customer_segment/create",
        "customer_segment/update",
        "customer_segment/update",
        "customer_segment/list",
    ]
