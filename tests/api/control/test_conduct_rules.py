"""The rules of the conduct report: each has a client that breaks it alone; sensible clients break none."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers import sensible_clients
from helpers.misbehaving_clients import (
    ACCOUNT,
    CLIENTS,
    create_list,
    pinterest,
    pitchtarget,
    polls_too_fast,
    seed_audiences,
    upload_file,
)

Start = Callable[..., MockServer]


@pytest.fixture
def server(start: Start) -> MockServer:
    """A fresh server whose clock runs: pauses are judged by it."""
    return start()


@pytest.mark.parametrize("rule", CLIENTS)
def test_each_rule_finds_its_client(server: MockServer, rule: str) -> None:
    """A client that breaks a rule is found by it, and by no other; the facts are in one line."""
    CLIENTS[rule](server)
    (finding,) = server.conduct()
    assert finding["rule"] == rule
    assert "\n" not in finding["message"]
    numbers = finding["requests"]
    assert numbers == sorted(numbers)
    for number in numbers:
        server.control("GET", f"/journal/{number}")
    assert any(f"{number}" in finding["message"] for number in numbers)
    assert finding["fails"]


def test_each_rule_has_a_client(server: MockServer) -> None:
    """No rule is without a client that breaks it; ids and names are unique."""
    rules = server.control("GET", "/conduct/rules")["rules"]
    assert [rule["id"] for rule in rules] == list(CLIENTS)
    assert len({rule["name"] for rule in rules}) == len(rules)


@pytest.mark.parametrize("client", sensible_clients.CLIENTS, ids=lambda client: client.__name__)
def test_a_sensible_client_breaks_no_rule(server: MockServer, client: Callable[[MockServer], None]) -> None:
    """Clients that do as one should raise nothing: the vendors' own, the project's samples, and others."""
    if client is sensible_clients.the_official_client and not sensible_clients.OFFICIAL_CLIENT.is_dir():
        pytest.skip(f"pinterest-api-sdk is not installed in {sensible_clients.OFFICIAL_CLIENT}")
    client(server)
    assert server.conduct() == []
    assert server.journal.entries(limit=1)


def lost_answer(mock: MockServer) -> None:
    mock.faults.add("custom_audiences/create", answer_lost=True, first=1)
    with pitchtarget(mock) as client:
        with pytest.raises(httpx.TransportError):
            upload_file(client, ["a" * 64])
        upload_file(client, ["a" * 64])


def page_of_ten(mock: MockServer) -> None:
    rows = [{"api": "pitchtarget", "account": "2", "kind": "WEBSITE", "name": f"n{n}"} for n in range(11)]
    mock.seed({"audiences": rows})
    with pitchtarget(mock) as client:
        assert client.get("/custom_audiences?fb_ad_account_id=2").json()["meta"]["total"] == 11


def other_filters(mock: MockServer) -> None:
    seed_audiences(mock, 30)
    with pinterest(mock) as client:
        query = {"bookmark": client.get(f"{ACCOUNT}/audiences").json()["bookmark"]}
        assert client.get(f"{ACCOUNT}/audiences", params=query | {"order": "DESCENDING"}).is_client_error
        client.get(f"{ACCOUNT}/audiences", params=query)


def fast_polls_of_a_list(mock: MockServer) -> None:
    with pinterest(mock) as client:
        made = create_list(client, ["ann@example.com"])
        for _ in range(5):
            client.get(f"{ACCOUNT}/customer_lists/{made}")


def unknown_parameter(mock: MockServer) -> None:
    with pinterest(mock) as client:
        assert client.get(f"{ACCOUNT}/audiences?pagesize=5").is_success


def unknown_form_field(mock: MockServer) -> None:
    with pitchtarget(mock) as client:
        upload_file(client, ["a" * 64], usertype="email_hash")


def unknown_deep_key(mock: MockServer) -> None:
    rule = {"visitor_source_id": "2612523499806", "event": "checkout", "event_data": {"curency": "USD"}}
    body = {"name": "A", "audience_type": "VISITOR", "rule": rule}
    with pinterest(mock) as client:
        assert client.post(f"{ACCOUNT}/audiences", json=body).is_success


def plain_phone_of_a_row(mock: MockServer) -> None:
    rows = [{"email": "ann@example.com", "hashed_phone_number": "46701740605"}]
    with pinterest(mock) as client:
        client.post(f"{ACCOUNT}/customer_lists", json={"name": "n", "records_v2": rows})


def twice_in_one_file(mock: MockServer) -> None:
    with pitchtarget(mock) as client:
        upload_file(client, ["a" * 64, "b" * 64, "A" * 64])


def same_batch_twice(mock: MockServer) -> None:
    with pinterest(mock) as client:
        made = create_list(client, ["ann@example.com"])
        for _ in range(2):
            body = {"operation_type": "ADD", "records": "bob@example.com,cyd@example.com"}
            client.patch(f"{ACCOUNT}/customer_lists/{made}", json=body)


def same_people_in_a_part(mock: MockServer) -> None:
    with pinterest(mock) as client:
        path = f"{ACCOUNT}/customer_lists/{create_list(client, ['ann@example.com'])}/uploads"
        upload = client.post(path, json={"operation": "ADD", "total_parts": 1}).json()
        (part,) = upload["s3_multipart_upload_data"]["file_parts"]
        httpx.put(part["presigned_url"], content=b"bob@example.com\nANN@example.com\n")
        client.post(f"{path}/{upload['customer_list_upload']['id']}/run")


@pytest.mark.parametrize(
    ("rule", "client", "facts"),
    [
        ("AM103", lost_answer, ["request 2", "request 1", "the 201 response, which met fault-1,"]),
        ("AM203", page_of_ten, ["request 1", "10 items"]),
        ("AM204", other_filters, ["request 2", "request 1", "with other filters than that: order"]),
        ("AM201", fast_polls_of_a_list, ["PROCESSING", "4 of 4"]),
        ("AM401", unknown_parameter, ["?pagesize"]),
        ("AM401", unknown_form_field, ["usertype"]),
        ("AM401", unknown_deep_key, ["rule.event_data.curency"]),
        ("AM402", plain_phone_of_a_row, ["hashed_phone_number", "1 of 1 value "]),
        ("AM403", twice_in_one_file, ["1 of 3 values"]),
        ("AM403", same_batch_twice, ["2 of 2 values", "request 2"]),
        ("AM403", same_people_in_a_part, ["1 of 2 values", "request 1", "customer_list_uploads/run"]),
    ],
)
def test_the_kinds_of_a_breach(
    server: MockServer, rule: str, client: Callable[[MockServer], None], facts: list[str]
) -> None:
    """A rule finds its breach in either API and in other forms, and the message has the facts."""
    client(server)
    (finding,) = server.conduct(ignore="AM402" if rule == "AM403" else "")
    assert finding["rule"] == rule
    assert all(fact in finding["message"] for fact in facts), finding["message"]


def test_pauses_are_not_judged_while_the_clock_stands_still(mock: MockServer) -> None:
    """A frozen clock does not tell how fast a client polls."""
    polls_too_fast(mock)
    assert mock.conduct() == []


def test_a_pause_is_that_of_the_worlds_clock(server: MockServer) -> None:
    """Where sleeping advances the world's clock, the pauses are those of the client."""
    server.clock.freeze()
    server.faults.add("audiences/list", limit_window_s=30)
    with pinterest(server) as client:
        client.get(f"{ACCOUNT}/audiences")
        server.clock.advance(29)
        client.get(f"{ACCOUNT}/audiences")
    (finding,) = server.conduct()
    assert finding["rule"] == "AM101"
    assert "29 s after the 429 of request 1, whose x-ratelimit-reset was 30 s" in finding["message"]


def test_walks_at_the_same_time(server: MockServer) -> None:
    """Two readers of a list, whose bookmarks are the same, have both read it; a page that is read once more
    is no third one."""
    seed_audiences(server, 60)
    bookmarks: list[str] = ["", ""]
    with pinterest(server) as client:
        for _ in range(3):
            for reader, bookmark in enumerate(bookmarks):
                query: dict[str, Any] = {"bookmark": bookmark, "page_size": 20}
                answers = [
                    client.get(f"{ACCOUNT}/audiences", params=query) for _ in range(1 + bool(bookmark))
                ]
                bookmarks[reader] = answers[-1].json()["bookmark"]
    assert bookmarks == [None, None]
    assert server.conduct() == []


def test_pages_of_different_lists(server: MockServer) -> None:
    """Page 2 of one account's list does not go on with page 1 of another's."""
    row = {"api": "pitchtarget", "kind": "WEBSITE"}
    rows = [row | {"account": account, "name": f"n{n}"} for account in ("2", "3") for n in range(11)]
    server.seed({"audiences": rows})
    with pitchtarget(server) as client:
        for query in ("2", "2&page=2", "3"):
            assert client.get(f"/custom_audiences?fb_ad_account_id={query}").is_success
    (finding,) = server.conduct()
    assert (finding["rule"], finding["requests"]) == ("AM203", [3])


def test_what_comes_later_is_not_held_against_a_client(server: MockServer) -> None:
    """A list whose next page was read after the time that the report is about was not left unread."""
    seed_audiences(server, 30)
    with pinterest(server) as client:
        bookmark = client.get(f"{ACCOUNT}/audiences").json()["bookmark"]
        client.get(f"{ACCOUNT}/audiences?bookmark={bookmark}")
    assert server.conduct(before=2) == []


def test_a_journal_that_lost_requests_is_no_proof(server: MockServer) -> None:
    """A bookmark of a request that the journal has dropped is not called altered."""
    server.configure(journal_entries=1)
    other_filters(server)
    assert server.conduct("AM204") == []
