"""The difference of two worlds by content: what two runs of one client differ in lawfully is none."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer, MockWorld
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/ad_accounts/{AD_ACCOUNT}/customer_lists"


class Client:
    """A client of one world."""

    def __init__(self, world: MockWorld) -> None:
        self.world = world
        self.http = httpx.Client(base_url=world.urls.pinterest, headers=PINTEREST_TOKEN)

    def audience(self, name: str, **more: Any) -> str:
        body = {"name": name, "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}, **more}
        made = self.http.post(AUDIENCES, json=body)
        assert made.is_success, made.text
        return str(made.json()["id"])

    def list(self, name: str, records: str = "a@example.com,b@example.com") -> str:
        made = self.http.post(LISTS, json={"name": name, "records": records, "list_type": "EMAIL"})
        assert made.is_success, made.text
        return str(made.json()["id"])


Pair = tuple[Client, Client]


@pytest.fixture
def pair(mock: MockServer) -> Iterator[Pair]:
    """Clients of two fresh worlds whose clocks show different times."""
    clients = Client(mock.in_world("one")), Client(mock.in_world("two"))
    clients[1].world.clock.freeze("2027-01-01T00:00:00Z")
    yield clients
    for client in clients:
        client.http.close()


def diff(pair: Pair) -> dict[str, Any]:
    one, two = (client.world for client in pair)
    found: dict[str, Any] = one.control("GET", f"/worlds/{one.name}/diff/{two.name}?by=content")
    return found


def test_ids_and_times_do_not_count(pair: Pair) -> None:
    """The same things with other ids and times are no difference, also where one refers to another."""
    # They take ids, and are not there any more.
    for name in ("between", "and again"):
        pair[1].world.control("DELETE", f"/audiences/{pair[1].audience(name)}")
    for client in pair:
        people = client.list("people", records="c@example.com")
        client.audience("of the list", audience_type="CUSTOMER_LIST", rule={"customer_list_id": people})
    ids = [client.http.get(AUDIENCES).json()["items"][0]["id"] for client in pair]
    assert ids[0] != ids[1]
    assert diff(pair) == {}


def test_what_is_there_twice_is_duplicated(pair: Pair) -> None:
    """A row that the second world has more often is duplicated; one that the first has not is added; one
    that is missing is lost. The counts are of all."""
    one, two = pair
    for name in ("A", "lost"):
        one.audience(name)
    for name in ("A", "A", "A", "new"):
        two.audience(name)
    found = diff(pair)
    assert found.keys() == {"audiences"}
    assert found["audiences"]["counts"] == {"duplicated": 2, "added": 1, "lost": 1}
    for kind, name in (("duplicated", "A"), ("added", "new"), ("lost", "lost")):
        (row,) = found["audiences"][kind]
        assert row["name"] == name
        assert not row.keys() & {"id", "created_at", "ready_at"}


def test_people_who_are_missing_are_a_difference(pair: Pair) -> None:
    """A list with fewer people is another one; people who are sent twice are the same."""
    one, two = pair
    for client, records in ((one, "a@example.com,b@example.com"), (two, "a@example.com")):
        id = client.list("people", records)
        if client is two:
            assert diff(pair)["customer_lists"]["counts"] == {"lost": 1, "added": 1}
            body = {"operation_type": "ADD", "records": "a@example.com,b@example.com"}
            for _ in range(2):
                assert client.http.patch(f"{LISTS}/{id}", json=body).is_success
    assert diff(pair) == {}


def test_a_reference_to_another_thing_is_a_difference(pair: Pair) -> None:
    """Two audiences that are alike but refer to lists with other people are not the same."""
    for client, person in zip(pair, ("a@example.com", "b@example.com"), strict=True):
        people = client.list("people", person)
        client.audience("of the list", audience_type="CUSTOMER_LIST", rule={"customer_list_id": people})
    assert diff(pair)["audiences"]["counts"] == {"lost": 1, "added": 1}


def test_files_that_are_sent_twice_are_the_same_users(pair: Pair) -> None:
    """A file that is uploaded to an audience twice adds nobody: a report of an upload is no data."""
    fields = {"fb_ad_account_id": "2", "name": "n", "user_type": "fbid", "description": "d"}
    for times, client in enumerate(pair, start=1):
        with httpx.Client(base_url=client.world.urls.pitchtarget, headers=PITCHTARGET_TOKEN) as pitchtarget:
            made = pitchtarget.post(
                "/custom_audiences",
                data=fields | {"opt_out_link": "http://a.example"},
                files={"file": ("u.csv", b"1\n2\n")},
            )
            assert made.is_success, made.text
            for _ in range(times):
                added = pitchtarget.put(
                    f"/custom_audiences/{client.world.audiences()[0]['id']}",
                    data={"fb_ad_account_id": "2", "user_type": "fbid"},
                    files={"file": ("u.csv", b"3\n")},
                )
                assert added.is_success, added.text
    assert diff(pair) == {}


def test_the_demo_seed_equals_itself(mock: MockServer) -> None:
    """Two worlds with the same seed do not differ, and one that lacks it lacks all of it."""
    demo = mock.control("GET", "/seed/demo")
    for name in ("one", "two"):
        mock.in_world(name).seed(demo)
    assert mock.control("GET", "/worlds/one/diff/two?by=content") == {}
    lost = mock.control("GET", "/worlds/one/diff/default?by=content")
    assert lost["audiences"]["counts"] == {"lost": len(demo["audiences"])}
    assert len(lost["audiences"]["lost"]) <= 100
