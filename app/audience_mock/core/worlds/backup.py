"""A backup: the databases of all worlds and snapshots in one tar file, from a server that runs.

Each database is as it was at one moment, worlds one after the other: they share nothing. What is in memory is
written as files are. The last member, `manifest.json`, names and hashes the others, so that a backup that
broke off is never taken for one.
"""

import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

from audience_mock import __version__
from audience_mock.core.counting import counted
from audience_mock.core.errors import NotFoundError, StoreError, WorldReplacedError
from audience_mock.core.steps import let_others_run
from audience_mock.core.store import files, tables
from audience_mock.core.store.database import IN_MEMORY, Database
from audience_mock.core.worlds.exclusive import copy_beside, run_beside
from audience_mock.core.worlds.world import DEFAULT
from audience_mock.core.worlds.worlds import Worlds

FORMAT = 1
"""Of the manifest; raise it if an earlier version could not read a backup."""

PIECE_BYTES = 1 << 18
"""Read and sent at a time: a quarter of a millisecond, hash included. Chosen."""

MANIFEST = "manifest.json"
MAIN = f"{DEFAULT}.db"
"""The database of the default world."""


@dataclass(frozen=True)
class Manifest:
    """What is in a backup: SHA-256 by name of each database; `unreadable` says of others why they are not.

    `schema` is that of all of them, `version` that of the Audience Mock that made it, `made_at` the time of
    the system in ISO 8601.
    """

    version: str
    schema: int
    made_at: str
    databases: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> str:
        """For people."""
        snapshots = sum("@" in name for name in self.databases)
        counts = {"world": len(self.databases) - snapshots, "snapshot": snapshots}
        return " and ".join(counted(count, what) for what, count in counts.items())


async def archive(worlds: Worlds) -> AsyncIterator[bytes]:
    """The bytes of a backup. Other requests are answered meanwhile; while a large world is copied, those to
    it wait. A database that cannot be read is named in the manifest, and does not keep the others away."""
    manifest = Manifest(__version__, tables.SCHEMA_VERSION, datetime.now(UTC).isoformat(timespec="seconds"))
    with _workplace(worlds) as half:
        for world in [DEFAULT, *(name for name in worlds if name != DEFAULT)]:
            name = MAIN if world == DEFAULT else f"worlds/{world}.db"
            try:
                opened = await _open_world(worlds, world, half)
            except (NotFoundError, WorldReplacedError):
                continue  # deleted meanwhile
            except (StoreError, OSError) as error:
                manifest.unreadable[name] = str(error)
            else:
                async for piece in _member(name, opened, manifest):
                    yield piece
            files.delete(half)
            for snapshot in worlds.snapshots_of(world):
                name = f"worlds/{world}@{snapshot}.db"
                try:
                    opened = await _open_snapshot(worlds, world, snapshot, half)
                except NotFoundError:
                    continue
                except (StoreError, OSError) as error:
                    manifest.unreadable[name] = str(error)
                    continue
                async for piece in _member(name, opened, manifest):
                    yield piece
                files.delete(half)
    body = json.dumps({"format": FORMAT} | manifest.__dict__, indent=1).encode()
    yield _head(MANIFEST, len(body)) + _padded(body) + bytes(2 * tarfile.BLOCKSIZE)


@contextmanager
def _workplace(worlds: Worlds) -> Iterator[Path]:
    """Where copies are written, one after the other: on the disk of the database, if there is one. Two
    backups at a time have two."""
    folder = None if worlds.files.file is None else worlds.files.folder
    if folder is not None:
        folder.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=files.COPIES, suffix=files.HALF, dir=folder))
    try:
        yield made / "copy.db"
    finally:
        shutil.rmtree(made, ignore_errors=True)


async def _open_world(worlds: Worlds, name: str, half: Path) -> IO[bytes]:
    """A copy of it. Raises NotFoundError, StoreError, OSError."""
    world = worlds.find(name)
    await world.exclusive.wait()
    database = world.database

    def write() -> None:
        _write(worlds, database, half, world)

    if database.file is None:
        # Row by row, since a file has other pages: 15 microseconds for each.
        async with world.exclusive.take(database):
            await run_beside(database, write)
    else:
        await copy_beside(world.exclusive, database, write)
    return half.open("rb")


def _write(worlds: Worlds, database: Database, half: Path, world: Any = None) -> None:
    try:
        worlds.files.write_copy(half, database, world.finish_copy if world else None)
    except (OSError, sqlite3.Error) as error:
        raise files.cannot_make(half, error) from None


async def _open_snapshot(worlds: Worlds, world: str, snapshot: str, half: Path) -> IO[bytes]:
    """Raises NotFoundError, StoreError, OSError."""
    found = worlds.snapshots_of(world)
    if snapshot not in found:
        raise NotFoundError("snapshot", snapshot)
    image = found[snapshot]
    if image is not None:
        # A copy, since the snapshot may be deleted while a thread reads it.
        copy = Database(IN_MEMORY, layout=image.layout, image=image)
        try:
            await run_beside(copy, partial(_write, worlds, copy, half))
        finally:
            copy.close()
        return half.open("rb")
    # It is never changed, only replaced by another file: what is open stays as it is.
    file = worlds.files.snapshot_file(world, snapshot)
    try:
        files.settle(file, lock=worlds.files.lock)
    except (OSError, sqlite3.Error) as error:
        raise files.cannot_make(file, error) from None
    return file.open("rb")


async def _member(name: str, opened: IO[bytes], manifest: Manifest) -> AsyncIterator[bytes]:
    hashed = hashlib.sha256()
    with opened:
        size = opened.seek(0, 2)
        opened.seek(0)
        yield _head(name, size)
        while piece := opened.read(PIECE_BYTES):
            hashed.update(piece)
            yield _padded(piece)
            await let_others_run()
    manifest.databases[name] = hashed.hexdigest()


def _head(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mtime = int(datetime.now(UTC).timestamp())
    member.mode = 0o600
    return member.tobuf(tarfile.PAX_FORMAT)


def _padded(piece: bytes) -> bytes:
    """Only the last piece of a member is not whole blocks."""
    return piece + bytes(-len(piece) % tarfile.BLOCKSIZE)
