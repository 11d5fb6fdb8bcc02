"""What may become of the database beneath running servers: connections that are ended, a standby in its
place, a limit, another password, an older schema. Servers need no restart."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from audience_mock.core.postgres import spares
from audience_mock.core.postgres.database import PostgresDatabase, Session
from audience_mock.core.postgres.schema import SCHEMA
from helpers import postgres
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.deployment import Deployment
from helpers.errors import control_error, pinterest_error, pitchtarget_error
from helpers.postgres import OWNER, SERVING, Cluster
from helpers.replicas import AUDIENCES, CREATE
from helpers.serve_command import Runner, command
from helpers.standby import standby_of

__all__ = ["command"]

pytestmark = pytest.mark.replicas

WITHIN_S = 30

OF_SERVERS = "usename = $1 AND datname = $2 AND backend_type = 'client backend'"
END_ALL = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {OF_SERVERS}"
COUNT = f"SELECT count(*) FROM pg_stat_activity WHERE {OF_SERVERS}"


def end_all(cluster: Cluster, database: str) -> int:
    """End the connections of all servers; returns when PostgreSQL has."""
    return len(cluster.rows(END_ALL, SERVING, database, database=database))


def create(url: str, world: str = "blue") -> httpx.Response:
    path = f"{url}/worlds/{world}{AUDIENCES}"
    return httpx.post(path, json={**CREATE, "name": "new"}, headers=PINTEREST_TOKEN, timeout=WITHIN_S)


def read(url: str, world: str = "blue") -> httpx.Response:
    return httpx.get(f"{url}/worlds/{world}{AUDIENCES}", headers=PINTEREST_TOKEN, timeout=WITHIN_S)


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.01)


# Connections that are ended while nothing uses them


@pytest.fixture
def connections(postgresql: Cluster, database: str) -> Iterator[PostgresDatabase]:
    found = PostgresDatabase(postgresql.url(database, query="sslmode=disable&pool_size=1"))
    yield found
    found.close()


def test_a_connection_that_is_lost_before_its_first_statement_is_replaced(
    connections: PostgresDatabase, postgresql: Cluster, database: str
) -> None:
    """Nothing has happened yet, so the transaction begins on another one; what is lost later is an error."""

    def ended_before(session: Session) -> int:
        assert end_all(postgresql, database) == 1
        number: int = session.row("SELECT 7")[0]
        return number

    assert connections.transact(lambda session: session.row("SELECT 1")[0]) == 1
    assert connections.transact(ended_before) == 7

    def ended_between(session: Session) -> None:
        session.row("SELECT 1")
        end_all(postgresql, database)
        session.row("SELECT 2")

    with pytest.raises(Exception, match="the database does not answer"):
        connections.transact(ended_between)
    assert connections.read_row("SELECT 3")[0] == 3


def test_no_request_fails_after_connections_were_ended(
    command: Runner, postgresql: Cluster, database: str
) -> None:
    """As an operator or a firewall ends idle ones: reads and changes go on."""
    deployed = Deployment(command, postgresql, database, 2)
    for number in range(6):
        for url in deployed.urls:
            assert create(url, f"w{number % 2}").status_code == 201
            assert read(url).status_code == 200
        assert end_all(postgresql, database) >= 2
    assert read(deployed.urls[0], "w0").status_code == 200
    assert deployed.errors == ""


# Connections in advance


def test_a_server_has_connections_before_it_needs_them(
    command: Runner, postgresql: Cluster, database: str
) -> None:
    """After its start, beside each that is used, and again after all were ended; never more than the pool
    may have."""
    deployed = Deployment(command, postgresql, database, 1, options={"pool_size": spares.SPARE + 1})

    def count() -> int:
        ((number,),) = postgresql.rows(COUNT, SERVING, database, database=database)
        return int(number)

    until(lambda: count() >= spares.SPARE, "there are some after the start")
    assert read(deployed.urls[0]).status_code == 200
    until(lambda: count() == spares.SPARE + 1, "the one that was taken is replaced")
    end_all(postgresql, database)
    assert read(deployed.urls[0]).status_code == 200
    until(lambda: count() == spares.SPARE + 1, "there are some again")
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: create(deployed.urls[0], f"w{number}").status_code, range(16))
        assert {*answers} == {201}
    assert count() <= spares.SPARE + 1
    deployed.runs[0].end()
    until(lambda: count() == 0, "none is left")


# A standby


PATHS: dict[str, Callable[[httpx.Response], object]] = {
    AUDIENCES: pinterest_error,
    "/custom_audiences?fb_ad_account_id=107": pitchtarget_error,
    "/__admin/state": lambda answer: control_error(answer, 503),
    "/__admin/worlds": lambda answer: control_error(answer, 503),
}


def test_a_standby_is_no_database_to_serve_from(command: Runner) -> None:
    """While the primary is away, and the URL leads to its standby, which cannot be written to, each call gets
    the 503 of its API. Once the primary is back, or the standby is promoted, servers use that one."""
    with postgres.running_cluster() as primary:
        name = primary.new_database()
        postgres.migrate(primary, name)
        with standby_of(primary) as standby:
            query = f"sslmode=disable&host=127.0.0.1,127.0.0.1&port={primary.port},{standby.port}"
            url = f"postgresql://{SERVING}@/{name}?{query}"
            run = command.serve("--database", url, "--log-level", "warning")
            assert create(run.url).status_code == 201
            for back in (primary.start, standby.promote):
                primary.crash()
                for path, check in PATHS.items():
                    token = PITCHTARGET_TOKEN if path.startswith("/custom") else PINTEREST_TOKEN
                    answer = httpx.get(run.url + path, headers=token, timeout=WITHIN_S)
                    assert answer.status_code == 503, (path, answer.text)
                    check(answer)
                assert create(run.url).status_code == 503
                back()
                until(lambda: create(run.url).status_code == 201, "changes are made again")
                assert [read(run.url).status_code for _ in range(10)] == [200] * 10
            assert "Traceback" not in run.err
            run.end()


# PostgreSQL lets nobody in


@pytest.fixture
def limited(postgresql: Cluster) -> Iterator[None]:
    postgresql.run(f"ALTER ROLE {SERVING} CONNECTION LIMIT 2")
    yield
    postgresql.run(f"ALTER ROLE {SERVING} CONNECTION LIMIT -1")


def test_with_too_many_connections_requests_wait_for_those_there_are(
    command: Runner, postgresql: Cluster, database: str, limited: None
) -> None:
    """A server that may not open as many as its pool has room for answers by those that it has."""
    deployed = Deployment(command, postgresql, database, 1)
    with ThreadPoolExecutor(12) as pool:
        answers = pool.map(lambda number: create(deployed.urls[0], f"w{number % 4}").status_code, range(48))
        assert {*answers} == {201}
    assert "Traceback" not in deployed.errors


def test_a_password_may_be_changed_while_servers_run(command: Runner, tmp_path: Path) -> None:
    """With a password file, the next connections have the new one, and those that are open stay. With one
    of the environment, open ones stay, and without any the answer is 503, until the old one is valid."""
    with postgres.running_cluster() as cluster:
        name = cluster.new_database()
        postgres.migrate(cluster, name)
        access = cluster.data / "pg_hba.conf"
        access.write_text(
            f"host all {SERVING} 127.0.0.1/32 scram-sha-256\nhost all postgres,{OWNER} 127.0.0.1/32 trust\n"
        )

        def change(password: str) -> None:
            cluster.run(f"ALTER ROLE {SERVING} PASSWORD '{password}'")

        change("first")
        cluster.run("SELECT pg_reload_conf()")
        file = tmp_path / "pgpass"

        def write(password: str) -> None:
            file.write_text(f"*:*:*:*:{password}\n")
            file.chmod(0o600)

        write("first")
        url = cluster.url(name, query="sslmode=disable")
        by_file = command.serve("--database", url, "--log-level", "warning", PGPASSFILE=str(file))
        by_value = command.serve("--database", url, "--log-level", "warning", PGPASSWORD="first")
        for run in (by_file, by_value):
            assert create(run.url).status_code == 201
        change("second")
        for run in (by_file, by_value):
            assert [create(run.url).status_code for _ in range(5)] == [201] * 5
        write("second")
        end_all(cluster, name)
        assert create(by_file.url).status_code == 201
        refused = create(by_value.url)
        assert refused.status_code == 503
        change("first")
        assert create(by_value.url).status_code == 201
        shown = refused.text + by_file.err + by_value.err
        assert "password authentication failed" in shown
        assert "first" not in shown
        assert "Traceback" not in shown


# Another schema


def test_an_older_schema_that_was_restored_is_503_until_it_is_migrated(
    command: Runner, postgresql: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a call gets, and the log says once, names the command; servers go on after it by themselves."""
    from alembic import command as alembic

    deployed = Deployment(command, postgresql, database, 1)
    (url,) = deployed.urls
    assert create(url).status_code == 201
    query = f"SELECT state FROM pg_stat_activity WHERE {OF_SERVERS}"
    idle = [("idle",)] * (spares.SPARE + 1)
    until(lambda: postgresql.rows(query, SERVING, database, database=database) == idle, "it has settled")
    postgresql.run(f"DROP SCHEMA {SCHEMA} CASCADE", database=database, role=OWNER)
    for _ in range(2):
        answer = httpx.get(f"{url}/__admin/worlds", timeout=WITHIN_S)
        assert answer.status_code == 503
        assert "has no tables: run audience-mock migrate" in answer.text
        pinterest_error(read(url))
        assert create(url).status_code == 503
    upgrade = alembic.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(alembic, "upgrade", lambda config, to: upgrade(config, "1"))
        postgres.migrate(postgresql, database)
    made = httpx.put(f"{url}/__admin/worlds/green", json={}, timeout=WITHIN_S)
    assert made.status_code == 503, made.text
    assert "has schema 1, and Audience Mock" in made.text
    postgres.migrate(postgresql, database)
    assert create(url, "green").status_code == 201
    assert len(read(url, "green").json()["items"]) == 1
    said = [line for line in deployed.errors.splitlines() if line.startswith("the database ")]
    assert ["has no tables" in line for line in said] == [True, False], deployed.errors
    assert "Traceback" not in deployed.errors
