"""How servers connect: the URL and libpq's variables, TLS, passwords, a pooler in between, bounds."""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from helpers import postgres
from helpers.accounts import PINTEREST_TOKEN
from helpers.deployment import Deployment
from helpers.pgbouncer import POOL_SIZE, pgbouncer
from helpers.ports import free_port
from helpers.postgres import OWNER, SERVING, Cluster
from helpers.replicas import AUDIENCES, CREATE, TurnsClient, calling, check_worlds
from helpers.serve_command import Runner, command

__all__ = ["command"]

pytestmark = pytest.mark.replicas

PASSWORD = "a password/with?reserved@characters"
PEM = Path(__file__).parents[1] / "helpers/localhost.pem"
"""A certificate for localhost, and its key."""

ACCESS = f"""
hostssl all {SERVING} 127.0.0.1/32 scram-sha-256
host all postgres,{OWNER} 127.0.0.1/32 trust
"""


@pytest.fixture(scope="module")
def secured() -> Iterator[tuple[Cluster, str]]:
    """A cluster that lets the server in with TLS and a password alone, and a database with tables."""
    with postgres.running_cluster() as cluster:
        name = cluster.new_database()
        postgres.migrate(cluster, name)
        cluster.run(f"ALTER ROLE {SERVING} PASSWORD '{PASSWORD}'")
        certificate = cluster.data / "server.pem"
        shutil.copyfile(PEM, certificate)
        certificate.chmod(0o600)
        access = cluster.data / "pg_hba.conf"
        access.write_text(ACCESS)
        postgres.give_away(certificate, access)
        cluster.stop()
        cluster.configure(ssl="on", ssl_cert_file="server.pem", ssl_key_file="server.pem")
        cluster.start()
        yield cluster, name


def is_encrypted(cluster: Cluster, database: str) -> bool:
    """Whether all connections of servers are."""
    query = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = $1"
    found = cluster.rows(query, SERVING, database=database)
    assert found
    return all(encrypted for (encrypted,) in found)


@pytest.mark.parametrize("query", ["", "?sslmode=require", f"?sslmode=verify-full&sslrootcert={PEM}"])
def test_tls_by_sslmode_and_a_password_of_the_environment(
    command: Runner, secured: tuple[Cluster, str], query: str
) -> None:
    """The URL says how far the server is trusted; the password comes from PGPASSWORD and is never shown."""
    cluster, name = secured
    url = f"postgresql://{SERVING}@localhost:{cluster.port}/{name}{query}"
    run = command.serve("--database", url, PGPASSWORD=PASSWORD)
    run.create()
    assert is_encrypted(cluster, name)
    run.end()
    assert PASSWORD not in run.out + run.err


def test_all_may_come_from_the_environment(command: Runner, secured: tuple[Cluster, str]) -> None:
    """`postgresql://` alone connects as psql does: by PGHOST, PGPORT, PGUSER, PGDATABASE, PGSSLMODE."""
    cluster, name = secured
    run = command.serve(
        *("--database", "postgresql://"),
        PGHOST="127.0.0.1",
        PGPORT=str(cluster.port),
        PGUSER=SERVING,
        PGPASSWORD=PASSWORD,
        PGDATABASE=name,
        PGSSLMODE="require",
    )
    run.create()
    assert is_encrypted(cluster, name)
    run.end()


def test_hosts_in_turn(command: Runner, postgresql: Cluster, database: str) -> None:
    """Of several hosts, named either way that libpq knows, the one that takes writes is used."""
    down = free_port()
    for url in (
        f"postgresql://{SERVING}@127.0.0.1:{down},127.0.0.1:{postgresql.port}/{database}?sslmode=disable",
        f"postgresql:///{database}?host=127.0.0.1,127.0.0.1&port={down},{postgresql.port}&user={SERVING}&sslmode=disable",
    ):
        run = command.serve("--database", f"{url}&target_session_attrs=read-write")
        run.create()
        run.end()


def test_migrate_takes_the_same(command: Runner, secured: tuple[Cluster, str]) -> None:
    """`migrate` reads the URL and the variables as `serve` does."""
    cluster, _ = secured
    fresh = cluster.new_database()
    for query in ("?sslmode=require", f"?sslmode=verify-full&sslrootcert={PEM}&pool_size=2"):
        url = f"postgresql://localhost/{fresh}{query}"
        run = command("migrate", "--database", url, PGUSER=OWNER, PGPORT=str(cluster.port))
        assert run.status() == 0, run.err


@pytest.mark.parametrize(
    ("query", "password", "reason"),
    [
        ("?sslmode=disable", PASSWORD, "no encryption"),
        ("?sslmode=require", "wrong-one", "password authentication failed"),
        ("?sslmode=verify-full&sslrootcert=/none.pem", PASSWORD, "No such file"),
        ("?sslmode=nonsense", PASSWORD, "sslmode"),
    ],
)
def test_a_start_that_may_not_connect_says_why(
    command: Runner, secured: tuple[Cluster, str], query: str, password: str, reason: str
) -> None:
    """It ends with 2 and a line that has the reason, and not the password."""
    cluster, name = secured
    url = f"postgresql://{SERVING}@localhost:{cluster.port}/{name}{query}"
    run = command("serve", "--port", "0", "--database", url, PGPASSWORD=password)
    assert run.status() == 2
    assert reason in run.err
    assert run.err.count("\n") == 1, run.err
    assert password not in run.err


def test_a_password_in_the_url_is_not_shown(command: Runner, secured: tuple[Cluster, str]) -> None:
    """Neither in an error nor in the log."""
    cluster, name = secured
    url = f"postgresql://{SERVING}:hidden@localhost:{cluster.port}/{name}"
    run = command("serve", "--port", "0", "--database", url)
    assert run.status() == 2
    assert "password authentication failed" in run.err
    assert "hidden" not in run.err


def test_behind_pgbouncer_in_transaction_mode(command: Runner, postgresql: Cluster, database: str) -> None:
    """Two replicas with twenty connections share the four of a pooler, and nothing of one transaction is
    seen by another."""
    with pgbouncer(postgresql) as port:
        deployed = Deployment(
            command, postgresql, database, 2, port=port, options={"statement_cache_size": 0}
        )
        clients = [
            TurnsClient(each, deployed.urls, world=("blue", "green", "red")[each % 3]) for each in range(6)
        ]
        with calling(clients) as running:
            running.wait_for(30)
        assert not running.unanswered()
        check_worlds(clients, deployed.urls)
        assert 0 < connections(postgresql, database) <= POOL_SIZE
        assert deployed.errors == ""


def connections(cluster: Cluster, database: str) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND datname = $2"
    ((number,),) = cluster.rows(query, SERVING, database, database=database)
    return int(number)


def test_the_pool_is_bounded(command: Runner, postgresql: Cluster, database: str) -> None:
    """However many requests come at once, in however many worlds, a server uses as many connections as it
    may, and answers all."""
    deployed = Deployment(command, postgresql, database, 1, options={"pool_size": 3})
    (url,) = deployed.urls
    most, done = 0, threading.Event()

    def create(number: int) -> int:
        body = {**CREATE, "name": f"a{number}"}
        path = f"{url}/worlds/w{number % 8}{AUDIENCES}"
        return httpx.post(path, json=body, headers=PINTEREST_TOKEN, timeout=60).status_code

    def watch() -> None:
        nonlocal most
        with postgres.connected(postgresql.url(database, "postgres")) as watching:
            while not done.is_set():
                query = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND datname = $2"
                ((number,),) = watching.rows(query, SERVING, database)
                most = max(most, number)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(24) as pool:
            statuses = {*pool.map(create, range(96))}
    finally:
        done.set()
        watcher.join()
    assert statuses == {201}
    assert 0 < most <= 3


def test_a_server_that_ends_leaves_no_connection(command: Runner, postgresql: Cluster, database: str) -> None:
    """After an orderly end, and soon after a kill."""
    deployed = Deployment(command, postgresql, database, 2)
    for run in deployed.runs:
        run.create()
    assert connections(postgresql, database) >= 2
    deployed.runs[0].end()
    deployed.kill(1)
    for _ in range(1000):
        if connections(postgresql, database) == 0:
            return
    raise AssertionError("there are connections left")
