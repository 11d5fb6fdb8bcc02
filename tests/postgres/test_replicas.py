"""Replicas over one database, in processes of their own, behind clients that call them by turns: 0 stale
reads, 0 ids given twice, 0 answered and lost, whatever ends when."""

import httpx
import pytest

from helpers.accounts import PINTEREST_TOKEN
from helpers.deployment import Deployment
from helpers.postgres import Cluster
from helpers.replicas import AUDIENCES, TurnsClient, calling, check_worlds
from helpers.serve_command import Runner, command

__all__ = ["command"]

pytestmark = pytest.mark.replicas

WORLDS = ("blue", "green")


@pytest.fixture(params=[2, 4], ids=lambda number: f"{number} replicas")
def deployed(
    request: pytest.FixtureRequest, command: Runner, postgresql: Cluster, database: str
) -> Deployment:
    return Deployment(command, postgresql, database, request.param)


def clients_of(deployed: Deployment, number: int = 4, **more: object) -> list[TurnsClient]:
    """As many clients, of each world the same number."""
    return [
        TurnsClient(each, deployed.urls, world=WORLDS[each % len(WORLDS)], **more)  # type: ignore[arg-type]
        for each in range(number)
    ]


def test_by_turns_all_see_one_world(deployed: Deployment) -> None:
    """Every call is answered, and the journals of all replicas have each of them once, in one order."""
    clients = clients_of(deployed)
    with calling(clients) as running:
        running.wait_for(40)
    assert not running.unanswered()
    check_worlds(clients, deployed.urls)
    for world in WORLDS:
        journals = [
            httpx.get(f"{url}/worlds/{world}/__admin/journal?limit=1000").json()["entries"]
            for url in deployed.urls
        ]
        assert all(journal == journals[0] for journal in journals)
        numbers = [entry["number"] for entry in journals[0]]
        assert numbers == [*range(numbers[0], numbers[0] + len(numbers))]
        calls = sum(client.found.answered for client in clients if client.world == world)
        # `check_worlds` listed the audiences, at each replica.
        assert numbers[-1] == calls + len(deployed.urls)


def test_kills_of_replicas(deployed: Deployment) -> None:
    """One after the other is killed and replaced while clients call: the others go on, nothing is lost."""
    clients = clients_of(deployed)
    with calling(clients) as running:
        for number in range(len(deployed.urls)):
            running.wait_for(10)
            deployed.kill(number)
            running.wait_for(10)
            deployed.replace(number)
        running.wait_for(10)
    assert {*running.unanswered()} <= {"ConnectError", "ReadError", "RemoteProtocolError"}
    check_worlds(clients, deployed.urls)


def test_a_rolling_restart_loses_no_call(command: Runner, postgresql: Cluster, database: str) -> None:
    """A replica that is told to end says so first, and is called no more: every call is answered, while each
    is replaced by another."""
    deployed = Deployment(command, postgresql, database, 2, flags=("--drain-s", "0.5"))
    clients = clients_of(deployed, kept_alive=False)
    with calling(clients) as running:
        for _ in range(2):
            running.wait_for(10)
            new = deployed.start()
            deployed.urls.append(new.url)
            old, gone = deployed.runs.pop(0), deployed.urls[0]
            running.wait_for(10)
            old.process.send_signal(15)
            _until_drained(gone)
            deployed.urls.remove(gone)
            assert old.status() == 0, old.err
            deployed.runs.append(new)
        running.wait_for(10)
    assert not running.unanswered()
    check_worlds(clients, deployed.urls)


def _until_drained(url: str) -> None:
    """As a load balancer finds out."""
    for _ in range(1000):
        if httpx.get(f"{url}/__admin/ready").status_code == 503:
            return
    raise AssertionError("it is ready")


def test_a_hung_replica_stops_no_other(deployed: Deployment) -> None:
    """Calls to it time out; those to the others are answered; awake again, it goes on and is not behind."""
    clients = clients_of(deployed, timeout_s=1)
    with calling(clients) as running:
        running.wait_for(10)
        with deployed.hung(0):
            running.wait_for(10)
        running.wait_for(20)
    assert {*running.unanswered()} <= {"ReadTimeout", "503"}
    check_worlds(clients, deployed.urls)


def test_a_world_is_read_where_it_was_never_asked_for(
    command: Runner, postgresql: Cluster, database: str
) -> None:
    """A replica that starts later has every world, and so has one after all were restarted."""
    deployed = Deployment(command, postgresql, database, 2)
    clients = clients_of(deployed, 2)
    with calling(clients) as running:
        running.wait_for(10)
    deployed.urls.append(deployed.start().url)
    check_worlds(clients, deployed.urls)
    for number in range(2):
        deployed.runs[number].end()
    deployed.replace(0)
    check_worlds(clients, [deployed.urls[0]])
    answer = httpx.get(f"{deployed.urls[0]}/worlds/blue{AUDIENCES}", headers=PINTEREST_TOKEN)
    assert answer.status_code == 200
