"""GET /__admin/sweep: the cases of a fault sweep, for a job in any language."""

from contextlib import suppress
from typing import Any

import httpx
import pytest

from audience_mock.core.controls.fault_cases import KINDS
from audience_mock.testing import ControlError, MockServer, MockWorld
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
BUYERS = {"name": "Buyers", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}}


def sync(world: MockWorld) -> None:
    """A job that repeats its POST without looking."""
    url = world.urls.pinterest + AUDIENCES
    httpx.get(url, params={"page_size": "5"}, headers=PINTEREST_TOKEN)
    httpx.get(f"{world.urls.pinterest}/no/such/path", headers=PINTEREST_TOKEN)
    for _ in range(2):
        try:
            httpx.post(url, json=BUYERS, headers=PINTEREST_TOKEN).raise_for_status()
        except httpx.HTTPError:
            continue
        break
    httpx.get(url, headers=PINTEREST_TOKEN)


def names(plan: dict[str, Any]) -> list[str]:
    return [case["name"] for case in plan["cases"]]


def test_the_calls_and_their_cases(mock: MockServer) -> None:
    """Each call with a route is there, under its number in the journal. Writes come before reads, each
    operation once before any again, and the kinds in their order."""
    world = mock.in_world("once")
    sync(world)
    plan = world.sweep_plan(["500", "answer-lost", "slow"])
    assert [
        (call["call"], call["number"], call["operation"], call["occurrence"]) for call in plan["calls"]
    ] == [
        (1, 1, "audiences/list", 1),
        (2, 3, "audiences/create", 1),
        (3, 4, "audiences/list", 2),
    ]
    assert [call["path"] for call in plan["calls"][:2]] == [
        f"/v5{AUDIENCES}?page_size=5",
        f"/v5{AUDIENCES}",
    ]
    assert names(plan) == [
        *("2:answer-lost", "2:500", "2:slow"),
        *("1:answer-lost", "1:500", "1:slow"),
        *("3:answer-lost", "3:500", "3:slow"),
    ]
    assert (plan["total"], plan["dropped"]) == (9, 0)


def test_every_case_can_be_planned(mock: MockServer) -> None:
    """The fault of a case is one that faults/add takes: it lets the earlier calls of its operation pass, and
    meets one."""
    world = mock.in_world("once")
    sync(world)
    plan = world.sweep_plan()
    assert len(plan["cases"]) == plan["total"] == 3 * len(KINDS)
    for case in plan["cases"]:
        call = plan["calls"][case["call"] - 1]
        assert (case["fault"]["operation"], case["operation"]) == (call["operation"], call["operation"])
        assert (case["fault"]["skip"], case["fault"]["first"]) == (call["occurrence"] - 1, 1)
        assert case["effect"] == KINDS[case["kind"]]
        mock.faults.add(**case["fault"])
    assert len(mock.faults.list()) == plan["total"]


def test_a_sweep_by_hand_finds_what_the_job_does(mock: MockServer) -> None:
    """Planned in a world, the fault meets the call; the difference to the first run says what happened."""
    base = mock.in_world("base")
    sync(base)
    cases = base.sweep_plan("answer-lost,500")["cases"]
    found = {}
    for case in cases:
        world = mock.in_world(f"run-{case['name'].replace(':', '-')}")
        world.faults.add(**case["fault"])
        with suppress(httpx.HTTPError):
            sync(world)
        world.faults.expect_used()
        found[case["name"]] = mock.control("GET", f"/worlds/base/diff/{world.name}?by=content")
    counts = {name: each["audiences"]["counts"] for name, each in found.items() if each}
    # Without an answer to its first call, it gives up.
    assert counts == {"2:answer-lost": {"duplicated": 1}, "1:answer-lost": {"lost": 1}}


def test_what_a_call_cannot_meet_is_left_out(mock: MockServer) -> None:
    """There is nothing to cut in an answer without a body, and no token to become stale without one."""
    found = httpx.post(f"{mock.url}/v5/oauth/token", data={"grant_type": "refresh_token"}, auth=("1", "s"))
    assert found.content
    mock.seed(
        {"audiences": [{"api": "pitchtarget", "id": "54", "account": "2", "kind": "WEBSITE", "name": "n"}]}
    )
    httpx.head(f"{mock.url}/custom_audiences", headers=PITCHTARGET_TOKEN)
    plan = mock.sweep_plan("truncated,stale-token")
    assert [(call["operation"], call["has_token"]) for call in plan["calls"]] == [
        ("oauth/token", False),
        ("custom_audiences/list", True),
    ]
    assert names(plan) == ["1:truncated", "2:stale-token"]


def test_cases_are_limited(mock: MockServer) -> None:
    """By a number, by kind, and to the calls after a request; how many there are is told."""
    sync(mock)
    plan = mock.sweep_plan("reset", limit=2)
    assert (names(plan), plan["total"], len(plan["calls"])) == (["2:reset", "1:reset"], 3, 3)
    later = mock.sweep_plan("reset", after=1)
    assert [(call["call"], call["number"], call["occurrence"]) for call in later["calls"]] == [
        (1, 3, 1),
        (2, 4, 1),
    ]
    assert mock.sweep_plan(limit=0)["cases"] == []
    slow = mock.control("GET", "/sweep?kinds=slow&slow_s=0.25")["cases"][0]["fault"]
    assert slow == {"operation": "audiences/create", "skip": 0, "first": 1, "latency_ms": 250}
    mock.configure(journal_entries=2)
    assert mock.sweep_plan()["dropped"] == 2


def test_nothing_was_called(mock: MockServer) -> None:
    """A world without requests has no cases."""
    assert mock.sweep_plan() == {"calls": [], "cases": [], "total": 0, "dropped": 0}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "kinds=500,slw",
            "kinds: must be some of answer-lost, reset, 500, 429, stalled, truncated, stale-token",
        ),
        ("limit=-1", "limit: "),
        ("slow_s=61", "slow_s: "),
        ("after=soon", "after: give the number of a request"),
        ("kind=500", "kind: "),
    ],
)
def test_what_is_not_understood(mock: MockServer, query: str, said: str) -> None:
    """A parameter that is wrong, or unknown, is named."""
    with pytest.raises(ControlError) as raised:
        mock.control("GET", f"/sweep?{query}")
    assert raised.value.status == 400
    assert str(raised.value).startswith(said)


def test_tokens_are_masked(mock: MockServer) -> None:
    """Paths show no secret of their query."""
    httpx.get(f"{mock.pinterest_url}{AUDIENCES}?access_token=pina_hidden", headers=PINTEREST_TOKEN)
    assert "hidden" not in str(mock.sweep_plan())
