"""A PgBouncer in transaction mode in front of a cluster: that of this machine, on a free port of loopback."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from helpers.ports import free_port
from helpers.postgres import OWNER, SERVING, Cluster, as_unprivileged, give_away, skip_or_fail
from helpers.programs import running_program

POOL_SIZE = 4
"""Connections to the database, however many clients there are."""


def find() -> str | None:
    """The command, also where the path of a user without rights leaves out /usr/sbin."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def pgbouncer(cluster: Cluster) -> Iterator[int]:
    """Its port."""
    command = find()
    if command is None:
        skip_or_fail("PgBouncer is not installed (apt-get install pgbouncer)")
    assert command
    port = free_port()
    folder = cluster.folder
    users, file = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text("".join(f'"{role}" ""\n' for role in (OWNER, SERVING)))
    file.write_text(
        f"""[databases]
* = host=127.0.0.1 port={cluster.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = 200
"""
    )
    give_away(users, file)
    with running_program(
        as_unprivileged(command, file),
        folder=folder,
        log=folder / "pgbouncer.log",
        is_ready=lambda: _listens(port),
    ):
        yield port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
