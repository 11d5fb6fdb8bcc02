"""How much worlds hold, and when they were used."""

from typing import NamedTuple

from audience_mock.core.worlds.database_files import DatabaseFiles
from audience_mock.core.worlds.snapshots import Snapshots
from audience_mock.core.worlds.world import World


class WorldState(NamedTuple):
    """A world in a list. `last_use_s` counts from 1970."""

    name: str
    database_bytes: int
    snapshot_bytes: int
    journal_bytes: int
    last_use_s: float
    snapshots: int
    is_open: bool

    @property
    def bytes(self) -> int:
        return self.database_bytes + self.snapshot_bytes + self.journal_bytes


class Totals(NamedTuple):
    """What the worlds of a server hold together. Of a world whose file is closed only that it is there."""

    worlds: int
    opened: int
    database_bytes: int
    journal_entries: int
    journal_bytes: int
    long_operations: int
    waiting: int
    """Requests that wait for a long transaction of their world."""
    faults_planned: int


def state_of(
    name: str, world: World | None, files: DatabaseFiles, snapshots: Snapshots, *, last_use_s: float
) -> WorldState:
    """Of a world, which is None if it was not used since the start."""
    awake = world is not None and not world.is_asleep
    # A long transaction may have the database for seconds.
    can_tell = world is not None and awake and not world.exclusive.is_taken
    return WorldState(
        name,
        database_bytes=world.database.size_bytes() if world and can_tell else files.world_bytes(name),
        snapshot_bytes=snapshots.size_bytes(name),
        journal_bytes=world.journal.held_bytes if world else 0,
        last_use_s=last_use_s,
        snapshots=len(snapshots.names(name)),
        is_open=awake,
    )
