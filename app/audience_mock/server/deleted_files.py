"""Database files that are deleted or replaced while they are served.

SQLite goes on with the file that has no name any more, so every answer is right, and all is gone at the end:
the only sign of it is what is logged here.
"""

import asyncio
import logging

from audience_mock.core.store import files
from audience_mock.core.store.database import Database
from audience_mock.core.worlds.worlds import Worlds

CHECK_INTERVAL_S = 1.0
"""Chosen: a check takes two microseconds a file."""

_MISSING = (0, 0)

log = logging.getLogger("audience_mock")


class DeletedFiles:
    """Reports each file once."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._identities: dict[Database, tuple[int, int] | None] = {}
        """Of the files that are served; None once they were reported."""

    def watch(self) -> None:
        """Check from now on, in the running event loop; nothing is to be checked if worlds are in memory."""
        if self._worlds.default.database.file is not None:
            self.check()
            asyncio.get_running_loop().call_later(CHECK_INTERVAL_S, self.watch)

    def check(self) -> None:
        known = self._identities
        self._identities = {}
        for database in self._worlds.databases():
            if database.file is None:
                continue
            found = files.identity(database.file)
            if database not in known:
                known[database] = found or _MISSING
            if known[database] not in (found, None):
                log.error("%s was deleted or replaced: what it stores is lost at the end", database.file)
                known[database] = None
            self._identities[database] = known[database]
