"""Closing many databases at the end."""

import threading
from pathlib import Path
from typing import cast

from audience_mock.core.audiences import queries
from audience_mock.core.store.closing import close_all
from audience_mock.core.store.database import Database
from audience_mock.core.worlds.world import World
from helpers.worlds import make


class SlowDatabase:
    """One whose disk takes until it is told."""

    def __init__(self, disk: threading.Event, closed: threading.Semaphore) -> None:
        self._disk, self._closed = disk, closed

    def close(self) -> None:
        assert self._disk.wait(30)
        self._closed.release()


def test_the_end_waits_for_no_slow_disk() -> None:
    """It comes after the given time; what was begun goes on."""
    disk, closed = threading.Event(), threading.Semaphore(0)
    slow = [cast(Database, SlowDatabase(disk, closed)) for _ in range(100)]
    close_all(slow, within_s=0.01)
    assert not closed.acquire(blocking=False)
    disk.set()
    assert all(closed.acquire(timeout=30) for _ in slow)


def test_all_are_closed(tmp_path: Path) -> None:
    """Each file is complete without a log beside it."""
    worlds = [World(Database(f"sqlite:///{tmp_path}/{number}.db")) for number in range(40)]
    for world in worlds:
        make(world)
    close_all([world.database for world in worlds], within_s=30)
    assert len(list(tmp_path.iterdir())) == 40
    again = World(Database(f"sqlite:///{tmp_path}/39.db"))
    assert again.read_now(queries.count) == 1
    again.close()


def test_nothing_to_close() -> None:
    """It returns."""
    close_all([])
