"""What may happen to the database: a restart, a crash, a lock that is held, a full disk. Nothing that was
answered is lost, and service is back once the database is."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import httpx
import pytest

from audience_mock.core.postgres.schema import SCHEMA
from helpers import postgres
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.deployment import WORLD_LOCK, Deployment, measured
from helpers.postgres import Cluster
from helpers.replicas import AUDIENCES, CREATE, TurnsClient, calling, check_worlds
from helpers.serve_command import Runner, command

__all__ = ["command"]

pytestmark = pytest.mark.replicas

BACK_WITHIN_S = 2
"""What the documents promise of the time after the database's return; printed, not asserted."""

DELAY_S = 0.15
"""And of other worlds while one is locked."""


@pytest.fixture
def durable() -> Iterator[Cluster]:
    """A cluster of the test's own, which writes to the disk before it answers."""
    with postgres.running_cluster(durable=True) as cluster:
        yield cluster


@pytest.fixture
def deployed(command: Runner, durable: Cluster) -> Deployment:
    name = durable.new_database()
    postgres.migrate(durable, name)
    return Deployment(command, durable, name, 2)


def clients_of(deployed: Deployment, number: int = 4) -> list[TurnsClient]:
    return [
        TurnsClient(each, deployed.urls, world=("blue", "green")[each % 2], timeout_s=20)
        for each in range(number)
    ]


def back_after(deployed: Deployment, end: Callable[[], None]) -> float:
    """End the database, start it again: the seconds from its return to the first answer of each replica."""
    end()
    deployed.cluster.start()
    began = time.monotonic()
    for url in deployed.urls:
        while time.monotonic() < began + 60:
            try:
                answer = httpx.get(f"{url}/worlds/blue{AUDIENCES}", headers=PINTEREST_TOKEN, timeout=20)
            except httpx.TransportError as error:
                raise AssertionError(f"the replica itself does not answer: {error!r}") from None
            if answer.is_success:
                break
            assert answer.status_code == 503, answer.text
            time.sleep(0.01)
        else:
            raise AssertionError(f"{url} does not come back")
    return time.monotonic() - began


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_the_database_comes_back(deployed: Deployment, how: str) -> None:
    """After a restart of PostgreSQL, and after a crash, replicas go on by themselves: meanwhile they answer
    503, and everything that was answered is there."""
    clients = clients_of(deployed)
    with calling(clients) as running:
        for _ in range(2):
            running.wait_for(10)
            back_s = back_after(deployed, getattr(deployed.cluster, how))
            measured(f"service after a {how} of the database", back_s, BACK_WITHIN_S)
        running.wait_for(10)
    assert {*running.unanswered()} <= {"503"}, running.unanswered()
    check_worlds(clients, deployed.urls)


def test_a_replica_waits_for_no_database_that_is_gone(deployed: Deployment) -> None:
    """Without the database a call is answered 503 by either API and by the control API, and the replica says
    that it is alive and not ready; with it, it is ready again."""
    url = deployed.urls[0]
    assert httpx.get(f"{url}/__admin/ready").status_code == 200
    deployed.cluster.crash()
    for path in (AUDIENCES, "/custom_audiences?fb_ad_account_id=107", "/__admin/state", "/__admin/clock"):
        token = PITCHTARGET_TOKEN if path.startswith("/custom") else PINTEREST_TOKEN
        answer = httpx.get(url + path, headers=token, timeout=20)
        assert answer.status_code == 503, (path, answer.status_code, answer.text)
        assert "Traceback" not in answer.text
    assert httpx.get(f"{url}/__admin/live").status_code == 200
    assert httpx.get(f"{url}/__admin/ready", timeout=20).status_code == 503
    deployed.cluster.start()
    for _ in range(1000):
        if httpx.get(f"{url}/__admin/ready", timeout=20).status_code == 200:
            break
        time.sleep(0.01)
    assert httpx.get(url + AUDIENCES, headers=PINTEREST_TOKEN).status_code == 200
    assert "Traceback" not in deployed.errors


def test_a_held_lock_delays_its_world_alone(deployed: Deployment) -> None:
    """While another session holds the lock of one world, the others are answered as before; its own calls
    wait, and are answered once it is gone."""
    clients = clients_of(deployed, 4)
    blue, green = clients[0::2], clients[1::2]
    with calling(clients) as running:
        running.wait_for(20)
        with deployed.locked(WORLD_LOCK, "blue"):
            for client in green:
                client.found.slowest_s = 0
            running.wait_for(30, of=green)
            measured("slowest call of another world", max(each.found.slowest_s for each in green), DELAY_S)
        running.wait_for(10, of=blue)
    check_worlds(clients, deployed.urls)


def test_a_lock_that_is_never_released_is_given_up(command: Runner, durable: Cluster) -> None:
    """A change of a world that is locked for longer than the lock timeout is answered 503, which was not
    made; a read needs no lock."""
    name = durable.new_database()
    postgres.migrate(durable, name)
    deployed = Deployment(command, durable, name, 1, options={"lock_timeout_ms": 200})
    url = f"{deployed.urls[0]}/worlds/blue{AUDIENCES}"
    body = {**CREATE, "name": "a"}
    assert httpx.post(url, json=body, headers=PINTEREST_TOKEN).status_code == 201
    with deployed.locked(WORLD_LOCK, "blue"):
        refused = httpx.post(url, json={**body, "name": "b"}, headers=PINTEREST_TOKEN, timeout=20)
        assert refused.status_code == 503, refused.text
    listed = httpx.get(url, headers=PINTEREST_TOKEN).json()["items"]
    assert [item["name"] for item in listed] == ["a"]
    assert httpx.post(url, json={**body, "name": "b"}, headers=PINTEREST_TOKEN).status_code == 201


def test_a_slow_statement_is_given_up(command: Runner, durable: Cluster) -> None:
    """A statement that takes longer than the statement timeout is answered 503, and the connection serves
    on."""
    name = durable.new_database()
    postgres.migrate(durable, name)
    deployed = Deployment(
        command, durable, name, 1, options={"statement_timeout_ms": 200, "lock_timeout_ms": 60_000}
    )
    url = f"{deployed.urls[0]}/worlds/blue{AUDIENCES}"
    body = {**CREATE, "name": "a"}
    assert httpx.post(url, json=body, headers=PINTEREST_TOKEN).status_code == 201
    with deployed.locked(f"LOCK TABLE {SCHEMA}.audiences IN ACCESS EXCLUSIVE MODE"):
        for _ in range(3):
            assert httpx.get(url, headers=PINTEREST_TOKEN, timeout=20).status_code == 503
    assert httpx.get(url, headers=PINTEREST_TOKEN).status_code == 200


def test_a_replica_that_hangs_within_a_transaction_releases_its_world(
    command: Runner, durable: Cluster
) -> None:
    """A replica that stops where it holds the lock of a world loses it after a while: the others change that
    world again, and what it had begun is not made."""
    name = durable.new_database()
    postgres.migrate(durable, name)
    deployed = Deployment(command, durable, name, 2)
    first, second = (f"{url}/worlds/blue{AUDIENCES}" for url in deployed.urls)
    body = {**CREATE, "name": "a"}
    assert httpx.post(first, json=body, headers=PINTEREST_TOKEN).status_code == 201
    assert httpx.get(second, headers=PINTEREST_TOKEN).status_code == 200
    with httpx.Client(headers=PINTEREST_TOKEN, timeout=60) as http, ExitStack() as held:
        with deployed.locked(f"LOCK TABLE {SCHEMA}.audiences IN ACCESS EXCLUSIVE MODE"):
            held.enter_context(_unanswered(first, {**body, "name": "of the hung"}))
            _until_waiting(deployed)
            held.enter_context(deployed.hung(0))
        # Its statement is done now, and its transaction open.
        began = time.monotonic()
        while (answer := http.post(second, json={**body, "name": "b"})).status_code != 201:
            assert answer.status_code == 503, answer.text
            assert time.monotonic() < began + 60
        measured("a world of a replica that hangs is free after", time.monotonic() - began, 10)
        held.close()
        names = [item["name"] for item in http.get(second).json()["items"]]
        assert sorted(names) == ["a", "b"]


@contextmanager
def _unanswered(url: str, body: object) -> Iterator[None]:
    """A POST that is sent, and whose answer nobody waits for."""
    to = httpx.URL(url)
    request = httpx.Request("POST", url, json=body, headers=PINTEREST_TOKEN)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((to.host, to.port or 0)) as connection:
        connection.sendall(f"POST {to.path} HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        yield


def _until_waiting(deployed: Deployment) -> None:
    """Until a statement of a replica waits for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = $1"
    for _ in range(2000):
        if deployed.cluster.rows(query, postgres.SERVING, database=deployed.database) != [(0,)]:
            return
        time.sleep(0.005)
    raise AssertionError("nothing waits")


DISK_BYTES = 48 << 20


@pytest.fixture
def small_disk(durable: Cluster) -> Iterator[Path]:
    """A file system that tables may be on, without room for much more than them."""
    mounted = durable.folder / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(mounted)]
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
    try:
        tables = mounted / "tables"
        tables.mkdir(mode=0o700)
        postgres.give_away(mounted, tables)
        durable.run(f"CREATE TABLESPACE small LOCATION '{tables}'")
        durable.run(f"GRANT CREATE ON TABLESPACE small TO {postgres.OWNER}")
        yield mounted
    finally:
        durable.crash()
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def test_a_full_disk_refuses_changes(command: Runner, durable: Cluster, small_disk: Path) -> None:
    """Changes that have no space are refused, of which nothing is kept; reading goes on, and so do changes
    once there is space."""
    durable.run(f"CREATE DATABASE on_small OWNER {postgres.OWNER} TABLESPACE small")
    postgres.migrate(durable, "on_small")
    deployed = Deployment(command, durable, "on_small", 2)
    url = f"{deployed.urls[0]}/worlds/blue{AUDIENCES}"
    other = f"{deployed.urls[1]}/worlds/blue{AUDIENCES}"
    filler = small_disk / "filler"
    with httpx.Client(headers=PINTEREST_TOKEN, timeout=20) as http:
        made = {http.post(url, json={**CREATE, "name": "first"}).json()["id"]}
        free = os.statvfs(small_disk)
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize))
        refused = None
        for number in range(2000):
            body = {**CREATE, "name": f"a{number}", "description": "x" * 500}
            answer = http.post((url, other)[number % 2], json=body)
            if answer.status_code != 201:
                refused = answer
                break
            made.add(answer.json()["id"])
        assert refused is not None
        assert refused.status_code in (500, 503, 507), refused.text
        for each in (url, other):
            answer = http.get(f"{each}?page_size=250")
            assert answer.status_code == 200, answer.text + deployed.errors
            listed = answer.json()["items"]
            assert len(listed) == min(len(made), 250)
            assert {item["id"] for item in listed} <= made
        filler.unlink()
        for each in (url, other):
            answer = http.post(each, json={**CREATE, "name": "after"})
            assert answer.status_code == 201, answer.text
            assert answer.json()["id"] not in made
    assert "Traceback" not in deployed.errors


@pytest.mark.soak
@pytest.mark.parametrize("replicas", [2, 4])
def test_everything_for_minutes(command: Runner, durable: Cluster, replicas: int) -> None:
    """Forty faults by chance, of replicas and of the database, under load: none loses anything."""
    name = durable.new_database()
    postgres.migrate(durable, name)
    deployed = Deployment(command, durable, name, replicas)
    chance = Random(replicas)
    clients = [
        TurnsClient(each, deployed.urls, world=("blue", "green", "red")[each % 3], timeout_s=3)
        for each in range(6)
    ]

    def kill() -> None:
        number = chance.randrange(replicas)
        deployed.kill(number)
        running.wait_for(5)
        deployed.replace(number)

    def hang() -> None:
        with deployed.hung(chance.randrange(replicas)):
            running.wait_for(5)

    def hold() -> None:
        with deployed.locked(WORLD_LOCK, "blue"):
            running.wait_for(5, of=[client for client in clients if client.world != "blue"])

    slowest: dict[str, float] = {}

    def outage(how: str) -> None:
        slowest[how] = max(slowest.get(how, 0), back_after(deployed, getattr(durable, how)))

    def stop() -> None:
        outage("stop")

    def crash() -> None:
        outage("crash")

    faults: list[Callable[[], None]] = [kill, kill, hang, hold, stop, crash]
    with calling(clients) as running:
        for _ in range(40):
            running.wait_for(10)
            chance.choice(faults)()
        running.wait_for(10)
        answered = running.answered()
    audiences = check_worlds(clients, deployed.urls)
    for how, value_s in slowest.items():
        measured(f"service after a {how} of the database, the longest", value_s, BACK_WITHIN_S)
    print(
        f"{replicas} replicas: {answered} answered, {dict(running.unanswered())} not; {audiences} audiences"
    )
