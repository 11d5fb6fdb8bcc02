"""Several `audience-mock serve` processes over one PostgreSQL database, and what may happen to them."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode

from audience_mock.core.postgres.schema import SCHEMA
from helpers.postgres import Cluster, connected
from helpers.serve_command import Run, Runner

WORLD_LOCK = f"SELECT 1 FROM {SCHEMA}.worlds WHERE name = $1 FOR UPDATE"
"""What a change of a world waits for, for `Deployment.locked`."""


def measured(what: str, value_s: float, promised_s: float) -> None:
    """Print what a busy machine may miss, and what the documents promise."""
    print(f"{what}: {value_s * 1000:.0f} ms (promised: {promised_s * 1000:.0f} ms)")


class Deployment:
    """Replicas on free ports; `urls` are those that a load balancer would call, by turns."""

    def __init__(
        self,
        command: Runner,
        cluster: Cluster,
        database: str,
        replicas: int,
        *,
        flags: Sequence[str] = (),
        options: Mapping[str, int] | None = None,
        port: int | None = None,
    ) -> None:
        """`options` are those of the database's URL; `port` is that of a pooler in front of it."""
        self.cluster = cluster
        self.database = database
        self._command = command
        query = urlencode({"sslmode": "disable", **(options or {})})
        url = cluster.url(database, query=query, port=port)
        self._flags = ("--database", url, "--log-level", "warning", *flags)
        self.runs: list[Run] = [self.start() for _ in range(replicas)]
        self.urls: list[str] = [run.url for run in self.runs]

    def start(self) -> Run:
        return self._command.serve(*self._flags)

    def kill(self, number: int) -> None:
        """End a replica where it is."""
        self.runs[number].process.kill()
        self.runs[number].status()

    def replace(self, number: int) -> None:
        """A new replica in the place of one that ended."""
        self.runs[number] = self.start()
        self.urls[number] = self.runs[number].url

    @contextmanager
    def hung(self, number: int) -> Iterator[None]:
        """A replica that does nothing meanwhile: its connections stay open, its locks stay held."""
        run = self.runs[number]
        run.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            run.process.send_signal(signal.SIGCONT)

    @contextmanager
    def locked(self, statement: str, *values: object) -> Iterator[None]:
        """Another session holds the locks of a statement meanwhile."""
        with connected(self.cluster.url(self.database, "postgres")) as connection:
            connection.run("BEGIN")
            connection.rows(statement, *values)
            try:
                yield
            finally:
                connection.run("ROLLBACK")

    @property
    def errors(self) -> str:
        """What the replicas wrote to stderr."""
        return "".join(run.err for run in self.runs)
