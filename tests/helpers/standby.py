"""A standby of a cluster: a copy that follows its log, and can be read and not written to."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.ports import free_port
from helpers.postgres import Cluster, as_unprivileged, temporary_folder


class Standby(Cluster):
    def __init__(self, folder: Path, primary: Cluster) -> None:
        self.programs = primary.programs
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self._settings = {**primary._settings, "hot_standby": "on"}
        self._process = None
        self._numbers = 0
        done = subprocess.run(
            as_unprivileged(
                *(self.programs / "pg_basebackup", "--pgdata", self.data, "--write-recovery-conf"),
                *("--checkpoint", "fast", "--dbname", primary.url("postgres", "postgres")),
            ),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def promote(self) -> None:
        """Returns when it takes writes."""
        self.run("SELECT pg_promote()")


@contextmanager
def standby_of(primary: Cluster) -> Iterator[Standby]:
    """A running one, with what the primary holds now, ended in any case."""
    with temporary_folder() as folder:
        standby = Standby(folder, primary)
        try:
            standby.start()
            yield standby
        finally:
            standby.crash()
