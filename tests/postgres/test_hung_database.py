"""A PostgreSQL that hangs, as on a machine or a disk that stands still: it takes what is sent, and answers
nothing."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from audience_mock.core.postgres.schema import SCHEMA
from helpers import postgres
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.deployment import Deployment, measured
from helpers.errors import control_error, pinterest_error, pitchtarget_error
from helpers.pitchtarget_requests import FILE, FILE_FIELDS
from helpers.postgres import Cluster
from helpers.replicas import AUDIENCES, CREATE, TurnsClient, calling, check_worlds
from helpers.serve_command import Runner, command

__all__ = ["command"]

pytestmark = pytest.mark.replicas

CONNECT_S, STATEMENT_S, LOCK_S = 0.5, 0.7, 0.6
OPTIONS = {
    "connect_timeout_ms": round(CONNECT_S * 1000),
    "statement_timeout_ms": round(STATEMENT_S * 1000),
    "lock_timeout_ms": round(LOCK_S * 1000),
}
PROMISED_S = CONNECT_S + STATEMENT_S + CONNECT_S
"""What the documents say of a request, with these options: it may wait for a connection, and then for an
answer. Printed beside what was measured."""

WITHIN_S = 15
"""Seconds after which a client gives up: a busy machine takes no ten times as long, and with the default
options, or where requests wait one after the other, it takes longer."""

BACK_WITHIN_S = 2
"""What the documents promise of the time after the database's return; printed, not asserted."""

ALL_WORLDS = f"SELECT 1 FROM {SCHEMA}.worlds FOR UPDATE"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"

SEEDED = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "ENGAGEMENT", "name": "new"}

Send = Callable[[httpx.Client, str, str], httpx.Response]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres.running_cluster(durable=True) as cluster:
        yield cluster


@pytest.fixture
def deployed(command: Runner, cluster: Cluster) -> Deployment:
    name = cluster.new_database()
    postgres.migrate(cluster, name)
    return Deployment(command, cluster, name, 2, options=OPTIONS)


@contextmanager
def clients() -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(timeout=WITHIN_S, headers=PINTEREST_TOKEN, limits=limits) as client:
        yield client


def back_after(deployed: Deployment) -> float:
    """The seconds until each replica has answered a change."""
    began = time.monotonic()
    with clients() as http:
        for number, url in enumerate(deployed.urls):
            body = {**CREATE, "name": f"after {number}"}
            while (answer := http.post(f"{url}/worlds/after{AUDIENCES}", json=body)).status_code != 201:
                assert answer.status_code == 503, answer.text
                assert time.monotonic() < began + 60
                time.sleep(0.01)
    return time.monotonic() - began


PATHS: dict[str, Callable[[httpx.Response], object]] = {
    AUDIENCES: pinterest_error,
    "/custom_audiences?fb_ad_account_id=107": pitchtarget_error,
    "/__admin/state": lambda answer: control_error(answer, 503),
    "/__admin/worlds": lambda answer: control_error(answer, 503),
}


def test_every_request_is_answered_while_the_database_hangs(deployed: Deployment, cluster: Cluster) -> None:
    """A request that comes meanwhile gets the 503 of its API, a probe says that the replica is alive and not
    ready, and once the database goes on, so do the replicas."""
    with clients() as http:
        for url in deployed.urls:
            assert http.get(url + AUDIENCES).status_code == 200
        with cluster.hung():
            for url in deployed.urls:
                for path, check in PATHS.items():
                    token = PITCHTARGET_TOKEN if path.startswith("/custom") else PINTEREST_TOKEN
                    began = time.monotonic()
                    answer = http.get(url + path, headers=token)
                    measured(f"GET {path}", time.monotonic() - began, PROMISED_S)
                    assert answer.status_code == 503, (path, answer.text)
                    check(answer)
                began = time.monotonic()
                assert http.get(f"{url}/__admin/live").status_code == 200
                measured("live", time.monotonic() - began, 0.1)
                began = time.monotonic()
                assert http.get(f"{url}/__admin/ready").status_code == 503
                measured("ready", time.monotonic() - began, PROMISED_S)
        measured("service after a hang of the database", back_after(deployed), BACK_WITHIN_S)
        for url in deployed.urls:
            assert http.get(f"{url}/__admin/ready").status_code == 200
    assert "Traceback" not in deployed.errors


CHANGES: dict[str, Send] = {
    "create": lambda http, url, _: http.post(url + AUDIENCES, json={**CREATE, "name": "new"}),
    "rename": lambda http, url, id: http.patch(f"{url}{AUDIENCES}/{id}", json={"name": "new"}),
    "upload": lambda http, url, _: http.post(
        f"{url}/custom_audiences", data=FILE_FIELDS, files=FILE, headers=PITCHTARGET_TOKEN
    ),
    "list": lambda http, url, _: http.post(
        url + LISTS, json={"name": "new", "list_type": "EMAIL", "records": "a@example.com"}
    ),
    "seed": lambda http, url, _: http.post(f"{url}/__admin/seed", json={"audiences": [SEEDED]}),
    "clock": lambda http, url, _: http.post(f"{url}/__admin/clock/advance", json={"seconds": 86_400}),
    "reset": lambda http, url, _: http.post(f"{url}/__admin/reset"),
}
"""Changes of a world that has an audience of this id. Each waits for the lock of its world."""

IN_ONE_WORLD = 8
"""Creates in one world at a time, of which one waits for its lock, and the others for the one."""


def test_what_was_under_way_is_not_half_done(command: Runner, cluster: Cluster) -> None:
    """A change that had not been confirmed when the database began to hang is answered 503, however many wait
    for the same world. Nothing of it is there afterwards, and it can be made then."""
    name = cluster.new_database()
    postgres.migrate(cluster, name)
    options = {"connect_timeout_ms": 500, "lock_timeout_ms": 2000, "statement_timeout_ms": 3000}
    deployed = Deployment(command, cluster, name, 1, options=options)
    worlds = {each: f"{deployed.urls[0]}/worlds/{each}" for each in (*CHANGES, "busy")}
    with clients() as http, ThreadPoolExecutor(len(CHANGES) + IN_ONE_WORLD) as pool:
        ids = {}
        for world, url in worlds.items():
            http.put(f"{url}/__admin/clock", json={"frozen": True}).raise_for_status()
            made = http.post(url + AUDIENCES, json={**CREATE, "name": "old"}).raise_for_status()
            ids[world] = str(made.json()["id"])
        before = {world: http.get(f"{url}/__admin/state").json() for world, url in worlds.items()}

        def change(kind: str, world: str) -> tuple[httpx.Response, float]:
            began = time.monotonic()
            return CHANGES[kind](http, worlds[world], ids[world]), time.monotonic() - began

        kinds = [*zip(CHANGES, CHANGES, strict=True), *[("create", "busy")] * IN_ONE_WORLD]
        with deployed.locked(ALL_WORLDS):
            running = [pool.submit(change, *kind) for kind in kinds]
            until_waiting(deployed, len(worlds))
            with cluster.hung():
                answered = [each.result() for each in running]
        for (kind, _), (answer, took_s) in zip(kinds, answered, strict=True):
            measured(kind, took_s, 6)
            assert answer.status_code == 503, (kind, answer.text)
        for world, url in worlds.items():
            assert http.get(f"{url}/__admin/state").json() == before[world], world
        for world, url in worlds.items():
            made, _ = change("create" if world == "busy" else world, world)
            assert made.is_success, (world, made.text)
            assert http.get(f"{url}/__admin/state").json() != before[world], world
    assert "Traceback" not in deployed.errors


def until_waiting(deployed: Deployment, number: int, *, since_s: float = 0) -> None:
    """Until so many statements of a replica wait for a lock, and have for so long."""
    query = """SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = $1
        AND now() - query_start >= $2 * interval '1 second'"""
    end = time.monotonic() + 60
    while deployed.cluster.rows(query, postgres.SERVING, since_s, database=deployed.database)[0][0] < number:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_copy_may_take_longer_than_other_statements(command: Runner, cluster: Cluster) -> None:
    """A reset that has waited for several times as long as a hung database is waited for is made, since the
    database answers others meanwhile."""
    name = cluster.new_database()
    postgres.migrate(cluster, name)
    options = {"connect_timeout_ms": 200, "statement_timeout_ms": 100, "lock_timeout_ms": 60_000}
    deployed = Deployment(command, cluster, name, 1, options=options)
    url = f"{deployed.urls[0]}/worlds/blue"
    with clients() as http, ThreadPoolExecutor(1) as pool:
        http.post(url + AUDIENCES, json={**CREATE, "name": "old"}).raise_for_status()
        with deployed.locked(ALL_WORLDS):
            running = pool.submit(http.post, f"{url}/__admin/reset")
            until_waiting(deployed, 1, since_s=1)
            assert not running.done()
        assert running.result().status_code == 204
        assert http.get(url + AUDIENCES).json()["items"] == []


def test_clients_find_nothing_wrong_after_hangs(deployed: Deployment, cluster: Cluster) -> None:
    """Whenever the database hangs under load: what was answered is there, once, and nothing else."""
    callers = [
        TurnsClient(each, deployed.urls, world=("blue", "green")[each % 2], timeout_s=WITHIN_S)
        for each in range(4)
    ]
    with calling(callers) as running:
        for _ in range(3):
            running.wait_for(10)
            before = running.unanswered().total()
            end = time.monotonic() + 60
            with cluster.hung():
                while running.unanswered().total() < before + len(callers):
                    assert time.monotonic() < end
                    time.sleep(0.005)
            measured("service after a hang of the database", back_after(deployed), BACK_WITHIN_S)
        running.wait_for(10)
    assert {*running.unanswered()} <= {"503"}, running.unanswered()
    check_worlds(callers, deployed.urls)
