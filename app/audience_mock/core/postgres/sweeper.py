"""What no server needs any more is deleted, by each server from time to time; two at once do no harm."""

import asyncio
import logging
from collections.abc import Callable

from audience_mock.core.errors import DomainError
from audience_mock.core.postgres.database import PostgresDatabase, Session
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.core.postgres.waiting import in_greenlet

INTERVAL_S = 10.0
"""Between two sweeps. Chosen."""

READ_S = 60
"""How long an image may still be read that no world points to: longer than any request reads. Chosen."""

UNOWNED_S = 900
"""Seconds without a new piece after which an upload was broken off by the end of its server. Chosen."""

HIDDEN_S = 600
"""Seconds after which a copy for a dry run belongs to a server that has ended. Chosen."""

START_S = 3600
"""Seconds after which a starting image is removed that no server has said to use: it was that of another
version or seed. Chosen: longer than a rolling restart, or than a server hangs; one that finds its own removed
makes it again."""

NOTICE_S = 60
"""Seconds that a notice is kept; subscriptions look every quarter of a second. Chosen."""

_UNUSED = f"""SELECT image FROM {SCHEMA}.unused_images WHERE since < now() - $1 * interval '1 second'
    ORDER BY image LIMIT 100"""
_CLAIM = "SELECT image FROM unused_images WHERE image = $1 FOR UPDATE SKIP LOCKED"
_DROP = "SELECT drop_image($1)"
_DELETE_UNOWNED = "SELECT delete_unowned($1 * interval '1 second')"
_DELETE_NOTICES = "DELETE FROM notices WHERE at < now() - $1 * interval '1 second'"
_DELETE_HIDDEN = """WITH gone AS (
        DELETE FROM worlds WHERE name LIKE '@%' AND created_at < now() - $1 * interval '1 second'
        RETURNING image
    ) INSERT INTO unused_images (image) SELECT image FROM gone ON CONFLICT DO NOTHING"""
_DELETE_STARTS = """WITH gone AS (
        DELETE FROM snapshots WHERE world = '' AND used_at < now() - $1 * interval '1 second'
        RETURNING image
    ) INSERT INTO unused_images (image) SELECT image FROM gone ON CONFLICT DO NOTHING"""

log = logging.getLogger("audience_mock")


class Sweeper:
    def __init__(self, server: PostgresDatabase, keep_starts: Callable[[], None]) -> None:
        """`keep_starts` writes which starting images this server uses."""
        self._server = server
        self._keep_starts = keep_starts
        self._task: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Sweep from now on, in the running event loop."""
        self._task = asyncio.create_task(self._go_on())

    def stop(self) -> None:
        for task in (self._task, *self._running):
            if task is not None:
                task.cancel()

    def run_once(self, function: Callable[[], None]) -> None:
        """Run something that waits for the database, beside what runs now."""
        task = asyncio.get_running_loop().create_task(_run(function))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def sweep(self, *, read_s: float = READ_S, unowned_s: float = UNOWNED_S) -> None:
        """Delete what is due now."""
        server = self._server
        self._keep_starts()
        server.transact(lambda session: session.run(_DELETE_STARTS, float(START_S)))
        server.transact(lambda session: session.run(_DELETE_HIDDEN, float(HIDDEN_S)))
        server.transact(lambda session: session.run(_DELETE_NOTICES, float(NOTICE_S)))
        server.transact(lambda session: session.row(_DELETE_UNOWNED, float(unowned_s)), copies=True)
        for (image,) in server.rows(_UNUSED, float(read_s)):
            server.transact(lambda session, image=image: _drop(session, image), copies=True)  # type: ignore[misc]

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            await _run(self.sweep)


def _drop(session: Session, image: int) -> None:
    if session.row(_CLAIM, image) is not None:
        session.row(_DROP, image)


async def _run(function: Callable[[], None]) -> None:
    try:
        await in_greenlet(function)
    except DomainError as error:
        log.debug("not done in the background: %s", error)
