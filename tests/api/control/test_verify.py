"""/__admin/verify over HTTP: checks that pass, and what the failure of a check shows."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error, not_verified

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}


@pytest.fixture
def client(mock: MockServer) -> Iterator[httpx.Client]:
    """Three requests of Pinterest's, ten seconds apart: two creates, `a` and `b`, and the list."""
    mock.world.clock.freeze(1_700_000_000_000)
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client:
        for name in ("a", "b"):
            client.post(AUDIENCES, json={**VISITORS, "name": name})
            mock.world.clock.advance(10_000)
        client.get(AUDIENCES)
        yield client


def verify(client: httpx.Client, **wanted: Any) -> httpx.Response:
    return client.post("/__admin/verify", json=wanted)


CREATE, LIST, GET = ({"operation": f"audiences/{name}"} for name in ("create", "list", "get"))


@pytest.mark.parametrize(
    ("wanted", "matched"),
    [
        ({}, [1, 2, 3]),
        (CREATE, [1, 2]),
        ({**CREATE, "count": 2}, [1, 2]),
        ({**CREATE, "count": {"at_least": 1}}, [1, 2]),
        ({**CREATE, "count": {"at_most": 2}}, [1, 2]),
        ({**CREATE, "count": {"at_least": 1, "at_most": 3}}, [1, 2]),
        ({**GET, "never": True}, []),
        ({**GET, "count": 0}, []),
        ({**CREATE, "match": {"body": {"name": "b"}}}, [2]),
        ({"status": 201, "method": "POST", "path": "/v5/*"}, [1, 2]),
        ({**CREATE, "within_s": 15}, [2]),
        ({**CREATE, "never": True, "within_s": 9.5}, []),
        ({"order": [CREATE, LIST]}, [1, 3]),
        ({"order": [CREATE, CREATE, LIST]}, [1, 2, 3]),
        ({"order": [CREATE, LIST], "within_s": 10}, [2, 3]),
        ({"order": [{**CREATE, "match": {"body": {"name": "b"}}}, LIST], "within_s": 10}, [2, 3]),
    ],
)
def test_a_passing_check_answers_200(
    client: httpx.Client, wanted: dict[str, Any], matched: list[int]
) -> None:
    """A check that holds answers 200 and the numbers of the requests."""
    answer = verify(client, **wanted)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"verified": True, "matched": matched, "dropped": 0}


@pytest.mark.parametrize(
    ("wanted", "matched", "nearest", "says"),
    [
        (GET, [], 3, "expected at least 1 request with operation audiences/get, found 0; request 3 is"),
        ({**CREATE, "count": 3}, [1, 2], 3, "expected exactly 3 requests with operation audiences/create"),
        ({**CREATE, "count": 1}, [1, 2], 2, "expected exactly 1 request"),
        ({**CREATE, "count": {"at_most": 1}}, [1, 2], 2, "expected at most 1 request "),
        ({**CREATE, "count": {"at_least": 3, "at_most": 5}}, [1, 2], 3, "expected 3 to 5 requests"),
        (
            {**CREATE, "never": True},
            [1, 2],
            2,
            f"expected no request with operation audiences/create, found 2: 1 POST {AUDIENCES} 201, 2 POST",
        ),
        ({**CREATE, "count": 2, "within_s": 12}, [2], 3, "in the last 12 s, found 1 (and 1 before that)"),
    ],
)
def test_a_wrong_count_is_explained(
    client: httpx.Client, wanted: dict[str, Any], matched: list[int], nearest: int, says: str
) -> None:
    """A surplus request is named; for a missing one the nearest request is shown."""
    failure = not_verified(verify(client, **wanted))
    assert says in failure["error"]
    assert (failure["matched"], failure["nearest"]["number"]) == (matched, nearest)


def test_of_many_requests_the_newest_are_named(client: httpx.Client) -> None:
    """An error of a count names five requests at most, and says how many are older."""
    for _ in range(10):
        client.get("/nowhere")
    failure = not_verified(verify(client, path="/nowhere", count=1))
    numbers = failure["matched"]
    assert len(numbers) == 10
    named = ", ".join(f"{number} GET /nowhere 404" for number in numbers[-5:])
    assert f"found 10: 5 older, {named}; " in failure["error"] + "; "


def test_the_nearest_request_is_shown_with_its_differences(client: httpx.Client) -> None:
    """The request with the fewest values that differ, each with what was wanted and, if any, found."""
    client.delete("/custom_audiences/1", headers=PITCHTARGET_TOKEN)
    wanted = {"name": "b", "rule": {"visitor_source_id": "1", "retention_days": 30}}
    headers = {"Authorization": "Bearer pina_other"}
    failure = not_verified(verify(client, **CREATE, status=201, match={"body": wanted, "headers": headers}))
    assert failure["nearest"] == {
        "number": 2,
        "at": "2023-11-14T22:13:30.000Z",
        "api": "pinterest",
        "operation": "audiences/create",
        "method": "POST",
        "path": AUDIENCES,
        "status": 201,
        "fault": None,
    }
    assert failure["differences"] == [
        {"path": "match.headers.authorization", "wanted": "Bearer pina_other", "found": "Bearer pina_…"},
        {"path": "match.body.rule.visitor_source_id", "wanted": "1", "found": "2612345678901"},
        {"path": "match.body.rule.retention_days", "wanted": 30},
    ]
    assert "match.body.rule.retention_days" in failure["error"]


def test_differences_outside_the_body_are_shown_too(client: httpx.Client) -> None:
    """Operation, method, path, status and API are compared each by itself."""
    wanted = {"api": "pitchtarget", **GET, "method": "PUT", "path": "/v5/x", "status": 404, "fault": "f"}
    failure = not_verified(verify(client, **wanted))
    assert failure["differences"] == [
        {"path": "api", "wanted": "pitchtarget", "found": "pinterest"},
        {"path": "operation", "wanted": "audiences/get", "found": "audiences/list"},
        {"path": "method", "wanted": "PUT", "found": "GET"},
        {"path": "path", "wanted": "/v5/x", "found": AUDIENCES},
        {"path": "status", "wanted": 404, "found": 200},
        {"path": "fault", "wanted": "f", "found": None},
    ]


def test_a_broken_order_says_where(client: httpx.Client) -> None:
    """Too early, missing and too slow are different errors."""
    early = not_verified(verify(client, order=[LIST, CREATE]))
    assert (early["field"], early["matched"], early["nearest"]["number"]) == ("order.1", [3], 2)
    assert early["differences"] == [{"path": "number", "wanted": "after 3", "found": 2}]
    never = not_verified(verify(client, order=[CREATE, GET]))
    assert (never["field"], never["matched"], never["nearest"]["number"]) == ("order.1", [1], 3)
    once = not_verified(verify(client, order=[CREATE, LIST, LIST]))
    assert (once["field"], once["matched"]) == ("order.2", [1, 3])
    late = not_verified(verify(client, order=[CREATE, LIST], within_s=5))
    assert (late["field"], late["matched"]) == ("within_s", [2, 3])
    assert "took 10 s at best" in late["error"]
    none = not_verified(verify(client, order=[GET]))
    assert (none["field"], none["matched"]) == ("order.0", [])


def test_a_journal_without_requests_has_no_nearest_one(mock: MockServer) -> None:
    """Without requests there is no nearest one."""
    failure = not_verified(httpx.post(f"{mock.url}/__admin/verify", json={"method": "GET"}))
    assert (failure["nearest"], failure["differences"]) == (None, [])
    assert "no other request" in failure["error"]


def test_dropped_requests_are_counted(client: httpx.Client) -> None:
    """A check says how many requests the journal has dropped."""
    client.put("/__admin/worlds/default", json={"settings": {"journal_entries": 1}})
    assert verify(client, **LIST).json() == {"verified": True, "matched": [3], "dropped": 2}
    assert "2 older ones were dropped" in not_verified(verify(client, **CREATE))["error"]


@pytest.mark.parametrize(
    ("wanted", "field", "says"),
    [
        (
            {"operation": "audiences/creates"},
            "operation",
            "unknown operation 'audiences/creates', did you mean 'audiences/create'",
        ),
        (
            {"order": [CREATE, {"operation": "x/y/z"}]},
            "order.1.operation",
            "order.1.operation: unknown operation 'x/y/z'",
        ),
        ({"count": 1, "never": True}, None, "one of count, never and order"),
        ({"order": [CREATE], "count": 1}, None, "one of count, never and order"),
        ({"order": [CREATE], "status": 200}, None, "status must be given in its items"),
        ({"order": []}, "order", "order: must not be empty (given: [])"),
        ({"count": {"at_least": 3, "at_most": 2}}, "count", "at_most is less"),
        ({"count": {}}, "count", "give at_least, at_most or both"),
        ({"count": True}, "count", "count: must be a whole number or an object (given: true)"),
        ({"count": -1}, "count.at_least", "must be a whole number, 0 or more (given: -1)"),
        ({"within_s": -1}, "within_s", "within_s: must be a number, 0 or more (given: -1)"),
        ({"match": {"bodi": {}}}, "match.bodi", "match.bodi: unknown key 'bodi', did you mean 'body'?"),
        ({"times": 1}, "times", "times: unknown key 'times' (known: api, operation, method,"),
    ],
)
def test_a_check_that_cannot_be_made_is_rejected(
    client: httpx.Client, wanted: dict[str, Any], field: str | None, says: str
) -> None:
    """An invalid check is 400, which a failed one never is."""
    error = control_error(verify(client, **wanted), 400)
    assert error.get("field") == field
    assert says in error["error"]
