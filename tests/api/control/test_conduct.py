"""GET /__admin/conduct: the rules, each with a client that breaks it and no other."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audience_mock.testing import ConductError, ControlError, MockServer
from audience_mock.web.conduct.checks import MAX_KINDS
from helpers import sensible_clients
from helpers.accounts import PINTEREST_TOKEN
from helpers.misbehaving_clients import (
    ACCOUNT,
    CLIENTS,
    create_list,
    pinterest,
    pitchtarget,
    polls_too_fast,
    retries_a_create,
    seed_audiences,
    upload_file,
)

Start = Callable[..., MockServer]


@pytest.fixture
def server(start: Start) -> MockServer:
    """A fresh server whose clock runs: pauses are judged by it."""
    return start()


def broken(mock: Any, **query: Any) -> list[str]:
    return [finding["rule"] for finding in mock.conduct(**query)]


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
        ("AM402", plain_phone_of_a_row, ["hashed_phone_number", "1 of 1 values"]),
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


def test_rules_are_selected_and_ignored(server: MockServer) -> None:
    """By id, the beginning of an id, name, or severity; several separated by commas."""
    retries_a_create(server)
    polls_too_fast(server)
    both = ["AM103", "AM201"]
    assert broken(server) == both
    assert broken(server, select="AM2") == ["AM201"]
    assert broken(server, select=["am103", "polling-too-fast"]) == both
    assert broken(server, select="error") == ["AM103"]
    assert broken(server, ignore="warning") == ["AM103"]
    assert broken(server, ignore=["AM103", "AM2"]) == []
    assert broken(server, select="AM2", ignore="AM201") == []


def test_what_fails(server: MockServer) -> None:
    """Any finding, the grave ones, or those of chosen rules; a check names them and what to do."""
    polls_too_fast(server)
    for fail_on, fails in (("warning", True), ("error", False), ("AM1,AM201", True), ("AM1", False)):
        (finding,) = server.conduct(fail_on=fail_on)
        assert finding["fails"] is fails, fail_on
    server.expect_conduct("error")
    server.expect_conduct("never")
    server.expect_conduct(ignore="AM201")
    with pytest.raises(ConductError, match="AM201 warning polling-too-fast: requests 2 to 6") as raised:
        server.expect_conduct()
    assert "do: poll every few seconds at most" in str(raised.value)
    assert [finding["rule"] for finding in raised.value.findings] == ["AM201"]


def test_thresholds_are_options(server: MockServer) -> None:
    """A test that polls quickly on purpose says how quickly."""
    polls_too_fast(server)
    assert broken(server, options={"poll_interval_s": 0}) == []
    assert broken(server, options={"fast_polls": 5}) == []
    assert broken(server, options={"fast_polls": 4, "spare_pages": 9}) == ["AM201"]


def test_some_requests_are_judged(server: MockServer) -> None:
    """Those to one API, after a request, or before a time."""
    retries_a_create(server)
    assert broken(server, api="pinterest") == ["AM103"]
    assert broken(server, api="pitchtarget") == []
    assert broken(server, after=1) == []
    assert broken(server, before="2000-01-01T00:00:00Z") == []
    report = server.control("GET", "/conduct?after=1&select=AM1")
    assert (report["checked"], report["dropped"]) == (1, 0)
    assert report["rules"] == ["AM101", "AM102", "AM103"]


@pytest.mark.parametrize(
    ("query", "field", "error"),
    [
        ({"select": "AM999"}, "select", "there is no rule 'AM999'"),
        ({"ignore": "polling-to-fast"}, "ignore", "did you mean 'polling-too-fast'?"),
        ({"fail_on": "fatal"}, "fail_on", "there is no rule 'fatal'"),
        ({"options": {"poll_interval": 1}}, "options", "did you mean 'poll_interval_s'"),
        ({"options": {"poll_interval_s": -1}}, "options", "give NAME=NUMBER"),
        ({"options": {"poll_interval_s": float("nan")}}, "options", "give NAME=NUMBER"),
        ({"api": "facebook"}, "api", "'pinterest', 'pitchtarget'"),
        ({"after": "yesterday"}, "after", "ISO 8601|give the number"),
        ({"rule": "AM101"}, "rule", "unknown"),
    ],
)
def test_a_wrong_question_is_rejected(
    server: MockServer, query: dict[str, Any], field: str, error: str
) -> None:
    """The error names the parameter and what it takes."""
    with pytest.raises(ControlError, match=error) as raised:
        server.conduct(**query)
    assert (raised.value.status, raised.value.field) == (400, field)


def test_people_are_not_shown(server: MockServer) -> None:
    """Values are masked; with `redact_users`, left out."""
    server.configure(redact_users=True)
    CLIENTS["AM402"](server)
    (finding,) = server.conduct()
    assert finding["message"].endswith("as plain text: lines 1")


def test_names_are_shown_as_text(server: MockServer) -> None:
    """What a client calls a field is one line, escaped and bounded, without a secret or, with
    `redact_users`, an address."""
    server.configure(redact_users=True)
    with pinterest(server) as client:
        for name in (
            "a\x1b[31m\n\u202eb",
            "n" * 500,
            "access_token=pina_0123456789abcdef",
            "ann@example.com",
        ):
            assert client.get(f"{ACCOUNT}/audiences", params={name: "1"}).is_success
    messages = [finding["message"] for finding in server.conduct()]
    assert len(messages) == 4
    text = "\n".join(messages)
    assert "?a\\x1b[31m \\u202eb" in text
    assert "n" * 59 in text
    assert "n" * 61 not in text
    assert "0123456789abcdef" not in text
    assert "ann@" not in text


def test_many_kinds_of_a_breach_are_bounded(server: MockServer) -> None:
    """Each misspelled name is a finding; beyond a hundred, the rest is one."""
    with pinterest(server) as client:
        for number in range(MAX_KINDS + 5):
            assert client.get(f"{ACCOUNT}/audiences?a{number}=1").is_success
    found = server.conduct(select="AM401")
    assert len(found) == MAX_KINDS + 1
    assert sorted(finding["count"] for finding in found)[-2:] == [1, 5]


def test_tokens_are_not_shown(server: MockServer) -> None:
    """No finding has the secret that it is about."""
    for rule in ("AM301", "AM303"):
        CLIENTS[rule](server)
    assert "pina_" not in str(server.conduct())
    assert "pinr_" not in str(server.conduct())


def test_each_world_has_its_own_report(server: MockServer) -> None:
    """What a client does in one world is no finding in another; an empty journal has none."""
    polls_too_fast(server.in_world("blue"))  # type: ignore[arg-type]
    assert broken(server.in_world("blue")) == ["AM201"]
    assert server.conduct() == []
    server.in_world("blue").journal.clear()
    assert broken(server.in_world("blue")) == []


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
    assert broken(server, before=2) == []


def test_a_journal_that_lost_requests_is_no_proof(server: MockServer) -> None:
    """A bookmark of a request that the journal has dropped is not called altered."""
    server.configure(journal_entries=1)
    other_filters(server)
    assert broken(server, select="AM204") == []


def test_requests_without_a_route_are_no_obstacle(server: MockServer) -> None:
    """They are in the journal, and belong to no operation."""
    httpx.get(f"{server.url}/v5/nothing?a=b", headers=PINTEREST_TOKEN)
    httpx.post(f"{server.url}/nothing", content=b"\xff\x00{")
    assert server.conduct() == []
