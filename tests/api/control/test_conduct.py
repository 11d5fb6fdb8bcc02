"""GET /__admin/conduct: which rules are asked for, what fails, and what is shown."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audience_mock.testing import ConductError, ControlError, MockServer
from audience_mock.web.conduct.checks import MAX_KINDS
from helpers.accounts import PINTEREST_TOKEN
from helpers.misbehaving_clients import (
    ACCOUNT,
    CLIENTS,
    pinterest,
    polls_too_fast,
    retries_a_create,
)

Start = Callable[..., MockServer]


@pytest.fixture
def server(start: Start) -> MockServer:
    """A fresh server whose clock runs: pauses are judged by it."""
    return start()


def broken(mock: Any, **query: Any) -> list[str]:
    return [finding["rule"] for finding in mock.conduct(**query)]


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
    assert finding["message"].endswith("as plain text: line 1")


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


def test_requests_without_a_route_are_no_obstacle(server: MockServer) -> None:
    """They are in the journal, and belong to no operation."""
    httpx.get(f"{server.url}/v5/nothing?a=b", headers=PINTEREST_TOKEN)
    httpx.post(f"{server.url}/nothing", content=b"\xff\x00{")
    assert server.conduct() == []
