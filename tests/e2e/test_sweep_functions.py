"""`MockWorld.sweep`: a fault sweep of a Python function."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

import httpx
import pytest

from audience_mock.core.controls.fault_cases import KINDS
from audience_mock.sweep import worlds
from audience_mock.sweep.engine import Plan, Sweep
from audience_mock.sweep.functions import Functions
from audience_mock.testing import (
    MockServer,
    MockWorld,
    SweepError,
    SweepFindingsError,
    SweepReport,
)
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.response_validation import worlds_may_end_under_requests
from helpers.sync_clients import NO_RETRY_OF_READ, NO_TIME_OUT, POST_REPEATED, job

OPERATIONS = ("oauth/token", "audiences/list", "audiences/create", "audiences/get")
"""The calls of the job."""
AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {"audience_type": "VISITOR", "rule": {"visitor_source_id": "1", "retention_days": 30}}
LIMIT_S = 60
"""Seconds that anything may take; reached only where something is broken."""

Start = Callable[..., MockServer]
Job = Callable[[MockWorld], object]


@pytest.fixture
def server(start: Start) -> MockServer:
    """A fresh server whose clock runs: a 429 ends by it."""
    return start()


@pytest.fixture(autouse=True)
def nothing_is_left(server: MockServer) -> Iterator[None]:
    """Neither worlds nor threads, whatever a sweep found. It deletes the world of a job that hangs."""
    with worlds_may_end_under_requests():
        yield
    assert [name for name in server.control("GET", "/worlds")["worlds"] if "sweep-" in name] == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("job in ")] == []


def found(report: SweepReport) -> dict[tuple[str, str], str]:
    """Verdicts other than passed, by operation and kind."""
    return {
        (result.case.call.operation, result.case.kind): result.verdict
        for result in report.results
        if result.verdict != "passed"
    }


def create(world: MockWorld, name: str = "Buyers") -> httpx.Response:
    url = world.urls.pinterest + AUDIENCES
    return httpx.post(url, json=VISITORS | {"name": name}, headers=PINTEREST_TOKEN)


def listed(world: MockWorld) -> httpx.Response:
    return httpx.get(world.urls.pinterest + AUDIENCES, headers=PINTEREST_TOKEN)


def once(world: MockWorld) -> None:
    """A job without any retry."""
    create(world).raise_for_status()


@pytest.mark.both_engines
def test_a_well_behaved_job_passes_everywhere(server: MockServer) -> None:
    """Each kind of fault is tried at each of the job's four calls, and the job gets over every one."""
    report = server.sweep(job(), jobs=8, slow_s=0.2, limit_s=20)
    report.expect_ok()
    assert [call.operation for call in report.calls] == [*OPERATIONS]
    # The token of an app is got with its secret.
    expected = {f"{place}:{kind}" for place in range(1, 5) for kind in KINDS} - {"1:stale-token"}
    assert report.verdicts == dict.fromkeys(expected, "passed")
    assert (report.ok, report.findings(), report.not_run, report.warnings) == (True, [], [], [])


@pytest.mark.parametrize(
    ("mistake", "kinds", "expected"),
    [
        (NO_RETRY_OF_READ, ("500", "truncated"), {("audiences/get", "500"), ("audiences/get", "truncated")}),
        (POST_REPEATED, ("answer-lost", "500"), {("audiences/create", "answer-lost")}),
        (NO_TIME_OUT, ("stalled", "500"), {(operation, "stalled") for operation in OPERATIONS}),
    ],
    ids=["no retry of the read", "the POST is repeated without looking", "no time-out"],
)
@pytest.mark.both_engines
def test_a_mistake_is_found_at_its_call(
    server: MockServer, mistake: str, kinds: Sequence[str], expected: set[tuple[str, str]]
) -> None:
    """A job with one mistake fails, duplicates or hangs where it makes it, and passes at all other calls."""
    verdict = {NO_RETRY_OF_READ: "failed", POST_REPEATED: "duplicated", NO_TIME_OUT: "hung"}[mistake]
    report = server.sweep(job(mistake), kinds=kinds, jobs=8, limit_s=8)
    assert found(report) == dict.fromkeys(expected, verdict)
    assert len(report.results) == 8
    assert (report.ok, report.warnings) == (False, [])


def test_the_report_has_the_matrix(server: MockServer) -> None:
    """Its text has a row for each call and says how to run a finding again; that does the same. It is JSON
    and JUnit XML as those of the command are."""
    report = server.sweep(job(POST_REPEATED), kinds="answer-lost,500", jobs=8)
    lines = str(report).splitlines()
    assert [line.split() for line in lines[:5]] == [
        ["call", "operation", "answer-lost", "500"],
        ["1", "oauth/token", "ok", "ok"],
        ["2", "audiences/list", "ok", "ok"],
        ["3", "audiences/create", "duplicated", "ok"],
        ["4", "audiences/get", "ok", "ok"],
    ]
    assert lines[6].startswith("duplicated: call 3, audiences/create, answer-lost (")
    assert lines[7].startswith("  returned after ")
    assert lines[8:10] == ["  audiences, 1 duplicated: 'Buyers'", '  again: only="3:answer-lost"']
    assert lines[-1] in repr(report)
    with pytest.raises(SweepFindingsError) as raised:
        report.expect_ok()
    assert str(report) in str(raised.value)
    assert raised.value.verdicts["3:answer-lost"] == "duplicated"

    again = server.sweep(job(POST_REPEATED), only="3:answer-lost")
    assert again.verdicts == {"3:answer-lost": "duplicated"}
    allowed = server.sweep(job(POST_REPEATED), only=["3:answer-lost"], fail_on="failed,hung")
    allowed.expect_ok()

    told = json.loads(json.dumps(again.to_json()))
    (run,) = told["runs"]
    assert (run["call"], run["fault"], run["verdict"], told["findings"]) == (
        3,
        "answer-lost",
        "duplicated",
        1,
    )
    suite = Xml.fromstring(again.to_junit())
    assert [(test.get("name"), test[0].tag) for test in suite] == [("call 3:answer-lost", "failure")]
    assert "duplicated" in again.to_html()


def test_each_run_has_a_fork_of_the_world(server: MockServer) -> None:
    """A run begins with the data, clock and settings of the world, which stays as it is, whatever the length
    of its name."""
    base = server.in_world("t" * 100)
    base.configure(build_delay_s=0)
    base.clock.freeze("2026-01-01T00:00:00Z")
    create(base, "Earlier")
    seen = []

    def look(world: MockWorld) -> None:
        names = [item["name"] for item in listed(world).raise_for_status().json()["items"]]
        seen.append((names, world.clock.get()["now"][:10], create(world).json()["status"]))

    report = base.sweep(look, kinds="slow", slow_s=0)
    assert report.verdicts == {"1:slow": "passed", "2:slow": "passed"}
    assert seen == [(["Earlier"], "2026-01-01", "READY")] * 4
    assert [audience["name"] for audience in base.audiences()] == ["Earlier"]


def test_a_failure_says_where(server: MockServer) -> None:
    """What the job raised is its output, also what is no Exception, as that of `pytest.fail`; so is the place
    where a job hung. Leaving with status 0 is success."""
    report = server.sweep(once, kinds="500")
    (result,) = report.results
    assert (result.verdict, result.finished.how) == ("failed", "raised HTTPStatusError")
    assert "in once" in result.finished.output
    assert "sweep/functions.py" not in result.finished.output
    assert "  raised HTTPStatusError after " in str(report)
    assert "  Server error '500 Internal Server Error' for url" in str(report)

    def strict(world: MockWorld) -> None:
        if create(world).is_error:
            pytest.fail("the audience is missing")
        raise SystemExit(0)

    report = server.sweep(strict, kinds="500")
    assert report.verdicts == {"1:500": "failed"}
    assert "the audience is missing" in str(report)

    def patient(world: MockWorld) -> None:
        httpx.post(world.urls.pinterest + AUDIENCES, headers=PINTEREST_TOKEN, timeout=None)

    report = server.sweep(patient, kinds="stalled", limit_s=2)
    assert report.verdicts == {"1:stalled": "hung"}
    assert "in patient" in report.results[0].finished.output
    assert report.results[0].notes == ()


def test_jobs_of_asyncio(server: MockServer) -> None:
    """A coroutine function is run, and cancelled after its limit."""
    cancelled = []

    async def sync(world: MockWorld) -> None:
        async with httpx.AsyncClient(headers=PINTEREST_TOKEN, timeout=LIMIT_S) as client:
            try:
                response = await client.get(world.urls.pinterest + AUDIENCES)
            except asyncio.CancelledError:
                cancelled.append(world.name)
                raise
        response.raise_for_status()

    report = server.sweep(sync, kinds="500,stalled,slow", slow_s=0, limit_s=2)
    assert report.verdicts == {"1:stalled": "hung", "1:500": "failed", "1:slow": "passed"}
    assert len(cancelled) == 1


def test_a_job_that_cannot_be_ended_is_said(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that hangs in itself goes on in its thread: the report warns of it, and tries the rest."""
    monkeypatch.setattr("audience_mock.sweep.functions.GRACE_S", 0.05)
    let_go = threading.Event()

    def stubborn(world: MockWorld) -> None:
        if create(world).is_error:
            let_go.wait(LIMIT_S)

    report = server.sweep(stubborn, kinds="500,slow", slow_s=0, limit_s=0.5)
    assert report.verdicts == {"1:500": "hung", "1:slow": "passed"}
    assert report.warnings == ["1 run did not end after the limit, and may still go on"]
    assert str(report).startswith("warning: 1 run did not end")
    let_go.set()
    for thread in threading.enumerate():
        if thread.name.startswith("job in "):
            thread.join(LIMIT_S)


def test_an_interrupted_sweep_leaves_nothing(server: MockServer) -> None:
    """Where the sweep is interrupted, as by Ctrl-C, what runs is ended, and its worlds are deleted."""

    def wait(world: MockWorld) -> None:
        httpx.get(world.urls.pinterest + AUDIENCES, headers=PINTEREST_TOKEN, timeout=None)

    plan = Plan(command=["wait"], kinds=["stalled", "slow"], jobs=2, slow_s=0, limit_s=LIMIT_S)
    sweep = Sweep(plan, server, Functions(wait), forks=True)
    sweep.learn()
    results = sweep.run()
    assert next(results).case.kind == "slow"
    results.close()
    sweep.close()
    assert sweep.report.verdicts == {"1:slow": "passed"}
    assert sweep.report.seconds < LIMIT_S


def test_the_budget_takes_the_likeliest_first(server: MockServer) -> None:
    """Of the calls, writes come first and each operation once before any again; what the budget does not
    allow is said, and no run begins after the time."""

    def many(world: MockWorld) -> None:
        for response in (listed(world), listed(world), create(world, "A"), create(world, "B")):
            response.raise_for_status()

    report = server.sweep(many, kinds=["500", "reset"], max_runs=3)
    assert [*report.verdicts] == ["1:reset", "3:reset", "3:500"]
    assert sorted(report.not_run) == ["1:500", "2:500", "2:reset", "4:500", "4:reset"]
    assert "; 5 of 8 not made" in str(report)

    def late(world: MockWorld) -> None:
        listed(world).raise_for_status()

    began = time.monotonic()
    report = server.sweep(late, kinds="500", max_time_s=0)
    assert (report.verdicts, report.not_run, time.monotonic() - began < LIMIT_S) == ({}, ["1:500"], True)


def test_more_calls_than_a_journal_holds(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls cannot be counted if the first ones are gone."""
    monkeypatch.setitem(worlds.JOURNAL, "journal_entries", 1)

    def two(world: MockWorld) -> None:
        for response in (listed(world), create(world)):
            response.raise_for_status()

    with pytest.raises(SweepError, match="more calls were made than the 1 that a journal holds"):
        server.sweep(two)


def refuse(world: MockWorld) -> None:
    raise LookupError("there is no such account")


@pytest.mark.parametrize(
    ("swept", "options", "error", "said"),
    [
        (
            lambda world: None,
            {},
            SweepError,
            "the job made no call: it has to call the world that it is given",
        ),
        (refuse, {}, SweepError, r"without a fault \(raised LookupError\):(?s:.*)no such account"),
        (once, {"only": "9:500"}, SweepError, "the job has no such case: 9:500"),
        (once, {"kinds": "slw"}, ValueError, "kinds: must be some of answer-lost, .* \\(given: 'slw'\\)"),
        (once, {"fail_on": "bad"}, ValueError, "fail_on: must be some of passed, failed"),
        (lambda world: threading.Event().wait(0.5), {"limit_s": 0.1}, SweepError, "not end within 0.1 s"),
    ],
    ids=["no call", "fails", "no such case", "no such kind", "no such verdict", "hangs"],
)
def test_what_cannot_be_swept_is_said(
    server: MockServer, swept: Job, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    """A sweep that cannot be made raises an error that says why."""
    with pytest.raises(error, match=said):
        server.sweep(swept, **options)
