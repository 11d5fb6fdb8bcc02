"""Real PostgreSQL servers for tests: a cluster in a temporary folder, on a free port of loopback.

They run Debian's programs, or those on the path. Where there are none, tests are skipped with the reason;
with REQUIRE_POSTGRESQL=1 they fail instead.
"""

import asyncio
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from helpers.ports import free_port

REQUIRED = os.environ.get("REQUIRE_POSTGRESQL") == "1"
LIMIT_S = 60
"""Seconds that a cluster may take to start or to end, on a busy machine."""

OWNER, SERVING = "mock_owner", "mock_serving"
"""The role that owns the tables, and the one that the server connects as."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "logging_collector": "off",
    "log_min_messages": "warning",
}

_FOR_A_TEST = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""For small databases of a second; a crash of PostgreSQL alone loses nothing by it."""


def bin_folder() -> Path | None:
    """The folder of PostgreSQL's programs: the newest of Debian's, or that of `initdb` on the path."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: int(re.sub(r"\D.*", "", folder.parent.name) or 0))
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


def skip_or_fail(reason: str) -> None:
    """Skips the test for this reason, where PostgreSQL is not required."""
    if REQUIRED:
        pytest.fail(f"REQUIRE_POSTGRESQL=1, but {reason}")
    pytest.skip(reason)


def why_missing() -> str | None:
    """The reason why there can be no cluster here, or None."""
    if bin_folder() is None:
        return "PostgreSQL is not installed (apt-get install postgresql)"
    try:
        import asyncpg  # noqa: F401
    except ImportError:
        return "asyncpg is not installed (the extra `postgres`)"
    if os.getuid() == 0 and unprivileged() is None:
        return "root runs no PostgreSQL, and there is no other user for it"
    return None


def unprivileged() -> pwd.struct_passwd | None:
    """The user that runs servers which refuse root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def give_away(*paths: Path) -> None:
    """Let the unprivileged user own these."""
    user = unprivileged() if os.getuid() == 0 else None
    if user is not None:
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


_STARTING = """
import ctypes, os, sys
user, group, signum, *command = sys.argv[1:]
if int(user) != os.getuid():
    os.setgroups([])
    os.setgid(int(group))
    os.setuid(int(user))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signum))  # PR_SET_PDEATHSIG
os.execv(command[0], command)
"""


def as_unprivileged(*command: str | Path, ending_with: int = signal.SIGTERM) -> list[str]:
    """The command as that user, for a program that refuses root. Its process gets the signal `ending_with`
    when this one ends, however that is (Linux)."""
    user = unprivileged() if os.getuid() == 0 else None
    ids = (os.getuid(), os.getgid()) if user is None else (user.pw_uid, user.pw_gid)
    numbers = (*ids, int(ending_with))
    return [sys.executable, "-ISc", _STARTING, *map(str, numbers), *map(str, command)]


class Cluster:
    """A PostgreSQL server with its own data, started and ended by the methods; `with` ends it in any case."""

    def __init__(self, folder: Path, *, durable: bool = False, **settings: str) -> None:
        programs = bin_folder()
        assert programs
        self.programs = programs
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self._settings = {**_SETTINGS, **({} if durable else _FOR_A_TEST), **settings}
        self._process: subprocess.Popen[str] | None = None
        self._numbers = 0
        done = subprocess.run(
            as_unprivileged(
                *(programs / "initdb", "--pgdata", self.data, "--username", "postgres"),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            ),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def configure(self, **settings: str) -> None:
        """More settings, from the next start on."""
        self._settings |= settings

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when it accepts connections."""
        assert not self.is_running
        flags = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                as_unprivileged(
                    self.programs / "postgres",
                    *("-D", str(self.data), "-p", str(self.port), *flags),
                    ending_with=signal.SIGQUIT,
                ),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                text=True,
                stdout=log,
                stderr=log,
            )
        self._wait(self._is_ready)

    def _is_ready(self) -> bool:
        """As pg_ctl finds out."""
        assert self.is_running, self.log
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _wait(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT_S
        while not until():
            assert time.monotonic() < end, self.log
            time.sleep(0.005)

    def stop(self) -> None:
        """As an operator stops it: transactions that run are rolled back, and all is written."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """All its processes end where they are, and the next start recovers from the log."""
        self._end(signal.SIGQUIT)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """All its processes do nothing meanwhile: connections stay open, the system accepts more, and nothing
        is answered."""
        pids = [self.pid]
        os.kill(self.pid, signal.SIGSTOP)  # first: it starts no other meanwhile
        pids += map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in reversed(pids):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _end(self, signum: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signum)
            try:
                self._process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise

    def url(self, database: str, role: str = SERVING, *, port: int | None = None, query: str = "") -> str:
        return f"postgresql://{role}@127.0.0.1:{port or self.port}/{database}{query and '?' + query}"

    def new_database(self, template: str | None = None) -> str:
        """The name of a fresh database that belongs to the owner; a copy of `template`, if there is one."""
        self._numbers += 1
        name = f"mock_{self._numbers}"
        copied = "" if template is None else f" TEMPLATE {template}"
        self.run(f"CREATE DATABASE {name} OWNER {OWNER}{copied}")
        return name

    def drop_database(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def run(self, *statements: str, database: str = "postgres", role: str = "postgres") -> None:
        """Run statements, each in a transaction of its own."""
        with connected(self.url(database, role)) as connection:
            for statement in statements:
                connection.run(statement)

    def rows(self, query: str, *values: Any, database: str, role: str = "postgres") -> list[tuple[Any, ...]]:
        """What a query finds."""
        with connected(self.url(database, role)) as connection:
            return connection.rows(query, *values)

    def create_roles(self) -> None:
        """The roles of the documents: one owns the tables, the other serves."""
        self.run(
            f"CREATE ROLE {OWNER} LOGIN",
            f"CREATE ROLE {SERVING} LOGIN",
        )


class Databases:
    """Databases for one server after the other: to make one takes 60 ms, and its first connection as long."""

    def __init__(self, cluster: Cluster, template: str) -> None:
        self._cluster = cluster
        self._template = template
        self._idle: list[tuple[str, Connection]] = []
        self._used = 0

    @contextmanager
    def one(self) -> Iterator[str]:
        """The name of a database with empty tables, which is emptied afterwards."""
        if self._idle:
            name, connection = self._idle.pop()
        else:
            name = self._cluster.new_database(self._template)
            connection = Connection(self._cluster.url(name, "postgres"))
        try:
            yield name
        finally:
            self._used += 1
            connection.run(self._truncate if self._used % 50 == 0 else self._delete)
            self._idle.append((name, connection))

    def close(self) -> None:
        for _, connection in self._idle:
            connection.close()

    @cached_property
    def _delete(self) -> str:
        """Deletes what a test of a few rows left; far faster than to truncate thirty tables."""
        return "; ".join(f"DELETE FROM {table}" for table in self._tables) + f"; {self._restart}"

    @cached_property
    def _truncate(self) -> str:
        return f"TRUNCATE {', '.join(self._tables)}; {self._restart}"

    @cached_property
    def _restart(self) -> str:
        return "; ".join(f"ALTER SEQUENCE {name} RESTART" for name in self._of_kind("S"))

    @cached_property
    def _tables(self) -> list[str]:
        return [table for table in self._of_kind("r") if not table.endswith(".schema_version")]

    def _of_kind(self, kind: str) -> list[str]:
        query = f"""SELECT oid::regclass::text FROM pg_class
            WHERE relnamespace = 'audience_mock'::regnamespace AND relkind = '{kind}'"""
        return [name for (name,) in self._cluster.rows(query, database=self._template)]


class Connection:
    """A connection of a test to the database, used synchronously. Its event loop is in a thread of its own:
    the thread of a browser's test has one already."""

    def __init__(self, url: str) -> None:
        import asyncpg

        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        # asyncpg would ask for TLS first.
        given = url if "sslmode" in url else url + ("&" if "?" in url else "?") + "sslmode=disable"
        try:
            self._connection = self._wait(lambda: asyncpg.connect(given, timeout=LIMIT_S))
        except BaseException:
            self._end()
            raise

    def run(self, statements: str, *values: Any) -> None:
        self._wait(lambda: self._connection.execute(statements, *values, timeout=LIMIT_S))

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._wait(lambda: self._connection.fetch(query, *values))]

    def close(self) -> None:
        try:
            self._wait(self._terminate)
        finally:
            self._end()

    async def _terminate(self) -> None:
        # Not `close`: it waits for a server that may be gone.
        self._connection.terminate()
        await asyncio.sleep(0)  # in which the socket is closed

    def _wait(self, start: Callable[[], Awaitable[Any]]) -> Any:
        async def awaited() -> Any:
            return await start()

        return self._thread.submit(lambda: self._runner.run(awaited())).result()

    def _end(self) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    connection = Connection(url)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that the unprivileged user owns: those of pytest are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="audience-mock-postgresql-"))
    try:
        give_away(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_cluster(*, durable: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster with the roles, ended in any case."""
    missing = why_missing()
    if missing is not None:
        skip_or_fail(missing)
    with temporary_folder() as folder:
        cluster = Cluster(folder, durable=durable, **(settings or {}))
        try:
            cluster.start()
            cluster.create_roles()
            yield cluster
        finally:
            cluster.crash()


def migrate(cluster: Cluster, database: str) -> None:
    """Make the tables in a database, by the command that an operator runs."""
    from click.testing import CliRunner

    from audience_mock.cli.main import main

    arguments = ["migrate", "--database", cluster.url(database, OWNER), "--serving-role", SERVING]
    # In a thread, for the tests of a browser: theirs has an event loop.
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(CliRunner().invoke, main, arguments).result()
    assert done.exit_code == 0, done.output
