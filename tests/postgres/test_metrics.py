"""What Prometheus reads from servers that share a database."""

import httpx
import pytest

from helpers import postgres
from helpers.accounts import PINTEREST_TOKEN
from helpers.deployment import Deployment
from helpers.postgres import Cluster
from helpers.replicas import AUDIENCES, CREATE
from helpers.serve_command import Runner, command

__all__ = ["command"]

pytestmark = pytest.mark.replicas

SHARED = ("worlds", "database_bytes", "journal_entries", "journal_bytes", "faults_planned", "database_up")


def gauges(url: str) -> dict[str, float]:
    """By their names; counters with labels are left out."""
    answer = httpx.get(f"{url}/metrics", timeout=60)
    assert answer.status_code == 200, answer.text
    lines = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    return {name.removeprefix("audience_mock_"): float(value) for name, _, value in lines}


def test_every_replica_shows_what_all_worlds_hold(
    command: Runner, postgresql: Cluster, database: str
) -> None:
    """What is shared is the same at each, whichever of them served it; so it is never summed."""
    deployed = Deployment(command, postgresql, database, 2, flags=("--metrics",))
    first, second = deployed.urls
    before = gauges(first)
    for number in range(3):
        path, body = f"{first}/worlds/w{number}{AUDIENCES}", {**CREATE, "name": "Buyers"}
        created = httpx.post(path, json=body, headers=PINTEREST_TOKEN)
        assert created.status_code == 201
    plan = {"operation": "audiences/list", "status": 500}
    httpx.post(f"{second}/worlds/w0/__admin/faults", json=plan).raise_for_status()
    one, other = gauges(first), gauges(second)
    assert {name: one[name] for name in SHARED} == {name: other[name] for name in SHARED}
    assert one["worlds"] - before["worlds"] == 3
    assert one["journal_entries"] - before["journal_entries"] == 3
    assert one["faults_planned"] == 1
    assert one["database_bytes"] > 100_000
    assert one["journal_bytes"] > before["journal_bytes"]


def test_metrics_while_the_database_is_down(command: Runner) -> None:
    """A scrape succeeds: requests are still counted, and a gauge says that the database does not answer."""
    with postgres.running_cluster() as cluster:
        name = cluster.new_database()
        postgres.migrate(cluster, name)
        deployed = Deployment(command, cluster, name, 1, flags=("--metrics",))
        (url,) = deployed.urls
        assert gauges(url)["database_up"] == 1
        cluster.crash()
        failed = httpx.get(url + AUDIENCES, headers=PINTEREST_TOKEN)
        assert failed.status_code == 503
        found = gauges(url)
        assert found["database_up"] == 0
        assert "worlds" not in found
        assert any(name.startswith("requests_total{") and '"5xx"' in name for name in found)
        cluster.start()
        assert gauges(url)["database_up"] == 1
