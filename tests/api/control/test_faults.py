"""Planned faults: errors, tokens, which calls they meet, and how they are planned."""

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from audience_mock.core.controls.faults import MAX_FAULTS
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import control_error, pinterest_error, pitchtarget_error
from helpers.fault_clients import AUDIENCES, VISITORS, WITHIN_S, Client, client

__all__ = ["client"]

# Rejected


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, 1, "Invalid request: Bad Request"),
        (401, 2, "Authentication failed."),
        (403, 29, "You are not permitted to access that resource."),
        (404, 4, "Sorry! We could not find your resource."),
        (405, 5, "Method not allowed"),
        (409, 1, "Invalid request: Conflict"),
        (429, 8, "You have exceeded your rate limit. Try again later."),
        (499, 1, "Invalid request: 499"),
        (500, 12, "Something went wrong on our end. Sorry about that."),
        (503, 12, "Something went wrong on our end. Sorry about that."),
    ],
)
def test_a_planned_status_is_pinterests_own_error(
    client: Client, status: int, code: int, message: str
) -> None:
    """A planned status has Pinterest's code and message, and nothing is created."""
    client.plan("audiences/create", status=status, first=1)
    rejected = client.create()
    assert rejected.status_code == status
    assert (pinterest_error(rejected)["code"], pinterest_error(rejected)["message"]) == (code, message)
    assert ("x-ratelimit-limit" in rejected.headers) == (status != 401)
    assert client.audiences() == 0
    assert client.create().status_code == 201


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "Authorization is missing or not of the form: OAuth <token>"),
        (404, "Couldn't find the audience"),
        (422, "is invalid"),
        (429, "Too Many Requests"),
        (500, "We're sorry, but something went wrong"),
        (503, "We're sorry, but something went wrong"),
    ],
)
def test_a_planned_status_is_pitchtargets_own_error(client: Client, status: int, reason: str) -> None:
    """A planned status has PitchTarget's shape and message, and nothing is created."""
    client.plan("custom_audiences/create", status=status)
    rejected = client.upload()
    assert rejected.status_code == status
    assert pitchtarget_error(rejected) == {"base": [reason]}
    assert client.audiences() == 0


def test_a_planned_status_may_have_another_body(client: Client) -> None:
    """`body` takes the place of the API's own error: a string as it is, anything else as JSON."""
    client.plan("audiences/list", status=502, body="<h1>Bad gateway</h1>", first=1)
    client.plan("audiences/list", status=400, body={"code": 8, "message": "Slow down"}, first=1)
    client.plan("custom_audiences/get", status=500, body=None)
    assert (client.browse().text, client.browse().json()) == (
        "<h1>Bad gateway</h1>",
        {"code": 8, "message": "Slow down"},
    )
    null = client.find()
    assert (null.status_code, null.text, "etag" in null.headers) == (500, "null", False)


def test_a_fault_comes_before_the_caller_and_the_body_are_looked_at(client: Client) -> None:
    """A planned fault fires despite a missing token or a malformed body."""
    client.plan("audiences/create", status=503)
    assert httpx.post(client.url + AUDIENCES, content=b"{").status_code == 503


def test_a_limit_window_ends_by_the_worlds_clock(mock: MockServer, client: Client) -> None:
    """From its first call on, a limit window answers 429 with the seconds left, until it is over."""
    id = client.plan("audiences/list", limit_window_s=60)
    mock.world.clock.advance(100_000)
    for left_s in ("60", "31"):
        rejected = client.browse()
        assert pinterest_error(rejected)["code"] == 8
        assert (rejected.status_code, rejected.headers["x-ratelimit-reset"]) == (429, left_s)
        assert rejected.headers["x-ratelimit-remaining"] == "0"
        mock.world.clock.advance(29_500)
    state = client.state(id)
    assert (state["fired"], state["left"], state["window_left_s"]) == (2, 0, 1.0)
    mock.world.clock.advance(1000)
    assert client.statuses(2) == [200, 200]
    assert client.state(id)["window_left_s"] == 0
    client.plan("custom_audiences/get", limit_window_s=1, first=2)
    assert client.find().status_code == client.find().status_code == 429
    mock.world.clock.advance(1000)
    assert client.find().status_code == 429
    mock.world.clock.advance(1000)
    assert client.find().status_code == 404


# Tokens


def test_a_stale_token_is_rejected_until_there_is_another(client: Client) -> None:
    """From its first call on, a stale token is rejected by every operation, and another token is not; the
    fault counts its calls, and its end is that of all faults."""
    id = client.plan("audiences/list", skip=1, stale_token=True)
    other = {**PINTEREST_TOKEN, "Authorization": "Bearer pina_refreshed"}
    assert client.statuses(2) == [200, 401]
    assert [client.create().status_code, client.browse().status_code] == [401, 401]
    assert httpx.get(client.url + AUDIENCES, headers=other).status_code == 200
    state = client.state(id)
    assert (state["seen"], state["fired"], state["left"], state["used"]) == (2, 3, 0, True)
    client.http.delete("/__admin/faults")
    assert client.browse().status_code == 200


def test_a_stale_token_of_pitchtarget(client: Client) -> None:
    """A stale token gets PitchTarget's own 401; planned faults behind it do not fire meanwhile."""
    client.plan("custom_audiences/get", stale_token=True)
    later = client.plan("custom_audiences/get", status=503)
    assert [client.find().status_code for _ in range(2)] == [401, 401]
    assert client.state(later)["fired"] == 0


# Which calls


def test_first_skip_and_every_choose_the_calls(client: Client) -> None:
    """A fault lets `skip` calls pass, takes each `every`-th of the next, and that `first` times."""
    client.plan("audiences/list", status=500, skip=1, every=2, first=2)
    assert client.statuses(8) == [200, 200, 500, 200, 500, 200, 200, 200]


def test_faults_of_one_operation_come_one_after_the_other(client: Client) -> None:
    """If several match a call, the one planned first fires, and each counts the call as seen."""
    client.plan("audiences/list", status=500, first=1)
    client.plan(status=503, first=1)
    client.plan("audiences/list", status=404, skip=3)
    assert client.statuses(5) == [500, 503, 200, 404, 404]


def test_counters_say_what_is_unused(client: Client) -> None:
    """GET tells the calls seen and fired, those left, and which faults are unused."""
    assert client.http.get("/__admin/faults").json() == {"faults": [], "unused": []}
    plan: dict[str, Any] = {"operation": "audiences/list", "status": 500, "skip": 1, "first": 2}
    first = client.plan(**plan)
    endless = client.plan("audiences/list", latency_ms=1)
    unused = client.plan("audiences/create", garbage=True)
    client.statuses(2)
    state = client.state(first)
    counters = {"seen": 2, "fired": 1, "left": 1, "used": False, "window_left_s": 0.0}
    assert state == {"id": first, **plan, **counters}
    listed = client.http.get("/__admin/faults").json()
    assert [fault["id"] for fault in listed["faults"]] == [first, endless, unused]
    assert listed["unused"] == [first, unused]
    client.statuses(2)
    assert client.state(first) == {"id": first, **plan, **counters} | {
        "seen": 3,
        "fired": 2,
        "left": 0,
        "used": True,
    }
    assert client.http.get("/__admin/faults").json()["unused"] == [unused]


@pytest.mark.sqlite_only(reason="chance differs between servers of a database")
def test_chance_is_the_same_every_time_and_disturbs_no_other(start: Callable[..., MockServer]) -> None:
    """On two fresh servers the same calls fail by chance, whatever else is planned; request ids are those of
    a server without faults."""
    outcomes, request_ids = [], []
    for others in (0, 1, 2):
        client = Client(start().url)
        with client.http:
            if others != 2:
                client.plan("audiences/list", latency_ms={"from": 0, "to": 1}, chance=0.5)
                client.http.delete("/__admin/faults/fault-1")
            for _ in range(others % 2):
                client.plan("audiences/create", status=500, chance=0.5)
                client.http.delete("/__admin/faults/fault-2")
                client.http.post("/__admin/reset")
                client.plan("audiences/create", status=500, chance=0.5)
            if others != 2:
                client.plan("audiences/list", status=500, chance=0.5)
            answers = [client.browse() for _ in range(30)]
            outcomes.append([answer.status_code for answer in answers])
            request_ids.append([answer.headers["x-pinterest-rid"] for answer in answers])
    assert outcomes[0] == outcomes[1]
    assert {200, 500} == set(outcomes[0])
    assert request_ids[0] == request_ids[1] == request_ids[2]


@pytest.mark.parametrize(
    ("match", "other"),
    [
        ({"method": "post"}, {"method": "GET"}),
        ({"path": f"/ad_accounts/{AD_ACCOUNT}/audiences"}, {"path": AUDIENCES}),
        ({"path_params": {"ad_account_id": AD_ACCOUNT}}, {"path_params": {"ad_account_id": "1"}}),
        ({"query": {"dry": "1"}}, {"query": {"dry": "2"}}),
        ({"headers": {"X-Trace": "a"}}, {"headers": {"X-Trace": "b"}}),
        ({"body": {"rule": {"visitor_source_id": "2612345678901"}}}, {"body": {"rule": {"event": "x"}}}),
        ({"body": {"name": "v"}, "method": "POST"}, {"body": {"name": "v"}, "method": "PUT"}),
    ],
)
def test_only_requests_that_hold_a_subset_go_wrong(
    client: Client, match: dict[str, Any], other: dict[str, Any]
) -> None:
    """A fault matches method, path, query, headers and body; the operation still gets the body."""
    client.plan("audiences/create", status=500, match=other)
    headers = {"X-Trace": "a"}
    url = f"{AUDIENCES}?dry=1"
    assert client.http.post(url, json=VISITORS, headers=headers).status_code == 201
    client.plan("audiences/create", status=503, match=match)
    assert client.http.post(url, json=VISITORS, headers=headers).status_code == 503
    assert client.state("fault-1")["seen"] == 0


def test_a_body_that_is_matched_is_passed_on(client: Client) -> None:
    """Forms, files, malformed and too large bodies reach the operation unchanged if a fault matches by
    body."""
    client.plan(status=500, match={"body": {"name": "nobody"}})
    assert client.upload().status_code == 201
    assert pinterest_error(client.http.post(AUDIENCES, content=b"{"))["code"] == 1
    assert client.http.post(AUDIENCES, content=b" " * (2 << 20)).status_code == 413
    # Without a word of its length.
    chunks = (b" " * (1 << 16) for _ in range(40))
    assert client.http.post(AUDIENCES, content=chunks).status_code == 413
    form = {"grant_type": "client_credentials", "scope": "ads:read"}
    token = f"{client.url}/v5/oauth/token"
    assert httpx.post(token, data=form, auth=("1", "s")).status_code == 200
    client.plan("oauth/token", status=503, match={"body": {"grant_type": "client_credentials"}})
    assert httpx.post(token, data=form, auth=("1", "s")).status_code == 503


def test_every_operation_can_go_wrong_and_control_cannot(client: Client) -> None:
    """* is every operation of both APIs, those with the parts of a file too, and none of /__admin."""
    client.plan(status=503)
    assert client.browse().status_code == client.find().status_code == 503
    assert client.http.put("/v5/__uploads/1/1", content=b"x").status_code == 503
    assert client.http.get("/__admin/worlds").status_code == 200
    asked = {"X-Audience-Mock-Fault": "status=500", "Prefer": "code=500"}
    assert client.http.get("/__admin/worlds", headers=asked).status_code == 200
    assert client.http.delete("/__admin/faults").status_code == 204


# Planning


@pytest.mark.parametrize(
    ("fault", "field", "says"),
    [
        (
            {"operation": "audiences/creat", "status": 500},
            "operation",
            "unknown operation 'audiences/creat', did you mean 'audiences/create'",
        ),
        ({"operation": "customer_lists", "status": 500}, "operation", "did you mean 'customer_lists/"),
        (
            {"operation": "zzz", "status": 500},
            "operation",
            "unknown operation 'zzz': /openapi/*.json list the operation ids",
        ),
        ({"status": 500}, "operation", "operation: missing"),
        ({"operation": "*"}, None, "a fault needs an effect: give one of status"),
        ({"operation": "*", "status": 500, "reset": "in"}, "reset", "status and reset do not go together"),
        ({"operation": "*", "effect_lost": True, "answer_lost": True}, "answer_lost", "do not go together"),
        ({"operation": "*", "garbage": True, "body": 1}, "body", "body goes with status only"),
        ({"operation": "*", "status": 399}, "status", "must be a whole number from 400 to 599 (given: 399)"),
        (
            {"operation": "*", "status": "500"},
            "status",
            "must be a whole number from 400 to 599 (given: '500')",
        ),
        (
            {"operation": "*", "reset": "never"},
            "reset",
            "must be one of 'before', 'in', 'after' (given: 'never')",
        ),
        ({"operation": "*", "garbage": False}, "garbage", "must be true (given: false)"),
        (
            {"operation": "*", "cut_after_bytes": -1},
            "cut_after_bytes",
            "must be a whole number, 0 or more (given: -1)",
        ),
        ({"operation": "*", "content_type": "a\r\nb: c"}, "content_type", "must match the pattern ^[!-~]"),
        ({"operation": "*", "content_type": "text/ä"}, "content_type", "must match the pattern ^[!-~]"),
        (
            {"operation": "*", "latency_ms": 60_001},
            "latency_ms.from",
            "must be a whole number from 0 to 60000",
        ),
        ({"operation": "*", "latency_ms": {"from": 2, "to": 1}}, "latency_ms", "the less before the more"),
        ({"operation": "*", "latency_ms": {"from": 2}}, "latency_ms.to", "latency_ms.to: missing"),
        (
            {"operation": "*", "limit_window_s": 0},
            "limit_window_s",
            "must be a number, greater than 0 and at most",
        ),
        (
            {"operation": "*", "status": 500, "first": 0},
            "first",
            "must be a whole number, 1 or more (given: 0)",
        ),
        (
            {"operation": "*", "status": 500, "every": 0},
            "every",
            "must be a whole number, 1 or more (given: 0)",
        ),
        (
            {"operation": "*", "status": 500, "skip": -1},
            "skip",
            "must be a whole number, 0 or more (given: -1)",
        ),
        (
            {"operation": "*", "status": 500, "chance": 1.5},
            "chance",
            "must be a number from 0 to 1 (given: 1.5)",
        ),
        (
            {"operation": "*", "status": 500, "match": {"url": "x"}},
            "match.url",
            "unknown key 'url' (known: method, path, path_params,",
        ),
        (
            {"operation": "*", "status": 500, "often": 1},
            "often",
            "unknown key 'often' (known: operation, match, skip, every,",
        ),
    ],
)
def test_an_invalid_fault_is_rejected_with_its_field(
    client: Client, fault: dict[str, Any], field: str | None, says: str
) -> None:
    """An invalid fault is rejected with its field, alone or as the second of two; then neither is planned."""
    alone = control_error(client.http.post("/__admin/faults", json=fault), 400)
    assert alone.get("field") == field
    assert says in alone["error"]
    right = {"operation": "*", "status": 500}
    several = control_error(client.http.post("/__admin/faults", json={"faults": [right, fault]}), 400)
    assert several["field"] == ("faults.1" if field is None else f"faults.1.{field}")
    assert client.http.get("/__admin/faults").json()["faults"] == []


def test_several_are_planned_at_once(client: Client) -> None:
    """The faults of a list are planned in order and their ids returned; a list is not empty and has no other
    key."""
    faults = [{"operation": "audiences/list", "status": status, "first": 1} for status in (500, 404)]
    planned = client.http.post("/__admin/faults", json={"faults": faults})
    assert (planned.status_code, planned.json()) == (201, {"ids": ["fault-1", "fault-2"]})
    assert client.statuses(3) == [500, 404, 200]
    wrongs: list[Any] = [{"faults": []}, {"faults": faults, "status": 500}, {"faults": None}, [], None]
    for wrong in wrongs:
        control_error(client.http.post("/__admin/faults", json=wrong), 400)
    control_error(client.http.post("/__admin/faults", content=b"{"), 400)


def test_a_world_has_a_thousand_faults_at_most(client: Client) -> None:
    """One more than MAX_FAULTS is rejected, and so is a list that would make one more."""
    fault: dict[str, Any] = {"operation": "audiences/list", "status": 500}
    client.plan(**fault)
    many = client.http.post("/__admin/faults", json={"faults": [fault] * MAX_FAULTS})
    assert "1000 faults at most" in control_error(many, 409)["error"]
    rest = client.http.post("/__admin/faults", json={"faults": [fault] * (MAX_FAULTS - 1)})
    assert rest.status_code == 201
    control_error(client.http.post("/__admin/faults", json=fault), 409)


def test_faults_are_deleted(client: Client) -> None:
    """Faults are deleted by id or all at once; an unknown id is an error."""
    for status in (500, 502, 503):
        client.plan("audiences/list", status=status)
    assert client.http.delete("/__admin/faults/fault-1").status_code == 204
    assert client.browse().status_code == 502
    for response in (client.http.delete("/__admin/faults/fault-1"), client.http.get("/__admin/faults/x")):
        assert "there is no fault" in control_error(response, 404)["error"]
    assert client.http.delete("/__admin/faults").status_code == 204
    assert client.browse().status_code == 200
    assert client.plan("audiences/list", status=500) == "fault-4"


def test_faults_stay_in_their_world(mock: MockServer, client: Client) -> None:
    """A fault is for its world; a fork and a snapshot do not carry it, and a reset or restore ends it."""
    blue = Client(f"{mock.url}/worlds/blue")
    with blue.http:
        blue.plan(status=503)
        assert (client.browse().status_code, blue.browse().status_code) == (200, 503)
        assert client.http.get("/__admin/faults").json()["faults"] == []
        client.http.post("/__admin/worlds/blue/fork", json={"name": "red"})
        red = Client(f"{mock.url}/worlds/red")
        with red.http:
            assert red.browse().status_code == 200
        assert blue.http.put("/__admin/snapshots/one").status_code == 204
        for path in ("/__admin/snapshots/one/restore", "/__admin/reset"):
            assert blue.browse().status_code == 503
            assert blue.http.post(path).status_code == 204
            assert blue.browse().status_code == 200
            assert blue.plan(status=503) == "fault-1"


def test_calls_at_the_same_time_take_turns(client: Client) -> None:
    """Of many calls at once exactly as many fail as were planned, whether or not the body is looked at."""
    client.plan("audiences/create", status=503, first=20, match={"body": {"name": "v"}})
    statuses: list[int] = []

    def create() -> None:
        with httpx.Client(base_url=client.url, headers=PINTEREST_TOKEN) as http:
            statuses.extend(http.post(AUDIENCES, json=VISITORS).status_code for _ in range(10))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN_S)
    assert (statuses.count(503), statuses.count(201)) == (20, 60)
    assert client.audiences() == 60
    assert client.state("fault-1")["fired"] == 20
