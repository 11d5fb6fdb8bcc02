"""Where the databases of a server are: in memory, or in files beside that of the default world."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from audience_mock.core.errors import StoreError
from audience_mock.core.store import files
from audience_mock.core.store.database import IN_MEMORY, Database
from audience_mock.core.worlds.world import DEFAULT


@dataclass(frozen=True)
class DatabaseFiles:
    """`file` is that of the default world; None: all are in memory. Without `lock` nothing is locked."""

    file: Path | None
    lock: bool = True

    def names(self) -> tuple[list[str], dict[str, list[str]]]:
        """The worlds that have a file, and the snapshots of each world."""
        worlds: list[str] = []
        snapshots: dict[str, list[str]] = {}
        for file in sorted(self.folder.glob("*.db")) if self.file else ():
            world, _, snapshot = file.stem.partition("@")
            if snapshot:
                snapshots.setdefault(world, []).append(snapshot)
            else:
                worlds.append(world)
        return worlds, snapshots

    def delete_leftovers(self) -> None:
        """Delete what a killed process left: files that it was making, and the rest of a deleted world. The
        file of the default world must be open, which keeps other processes away. Raises StoreError."""
        if self.file is None:
            return
        try:
            files.delete_leftovers(self.folder)
            worlds, snapshots = self.names()
            for world in snapshots.keys() - {DEFAULT, *worlds}:
                self.delete_snapshots(world, snapshots[world])
        except OSError as error:
            raise files.cannot_make(self.folder, error) from None

    def open_world(self, name: str) -> Database:
        """The database of a world that has a file."""
        return self._opened(self._world(name))

    def reopen_world(self, name: str) -> Database:
        """As `open_world`, of a file that was there before. Raises StoreError if it is gone."""
        file = self._world(name)
        if not file.is_file():
            # Opening it would make an empty one.
            raise StoreError(f"{file} was deleted: delete the world, too")
        return self.open_world(name)

    def last_use_s(self, name: str) -> float:
        """When a world that is not open was used last: its file was written then, or marked. 0: unknown."""
        with suppress(OSError):
            return self._world(name).stat().st_mtime
        return 0.0

    def keep_last_use(self, name: str, at_s: float) -> None:
        """Mark the file of a world that is open, or was just closed."""
        with suppress(OSError):
            os.utime(self._world(name), (at_s, at_s))

    def world_bytes(self, name: str) -> int:
        """Bytes of the file of a world, with its log; 0 if it is in memory."""
        return 0 if self.file is None else files.size_bytes(self._world(name))

    def snapshot_bytes(self, world: str, name: str) -> int:
        return files.size_bytes(self._snapshot(world, name))

    def open_snapshot(self, world: str, name: str) -> Database | None:
        """None if its file is gone: opening it would create an empty one."""
        file = self._snapshot(world, name)
        return self._opened(file) if file.is_file() else None

    def create_world(
        self, name: str, image: Database, finish: Callable[[Database], None] | None = None
    ) -> Database:
        """A copy of an image that `finish` completes, as the database of a world. Raises StoreError."""
        if self.file is None:
            return _copied(image, finish)
        self._create(self._world(name), image, finish)
        return self.open_world(name)

    def create_snapshot(
        self, world: str, name: str, image: Database, finish: Callable[[Database], None]
    ) -> Database | None:
        """A copy of an image that `finish` completes, as a snapshot that replaces an older one. None if it is
        in a file. Raises StoreError; then the older one is still there."""
        if self.file is None:
            return _copied(image, finish)
        self._create(self._snapshot(world, name), image, finish)
        return None

    def delete_world(self, name: str) -> None:
        """Delete its file, whatever is in it; its database must be closed."""
        if self.file is not None:
            files.delete(self._world(name))

    def delete_snapshots(self, world: str, names: Iterable[str]) -> None:
        """Delete their files, whatever is in them."""
        if self.file is not None:
            for name in names:
                files.delete(self._snapshot(world, name))

    def _create(self, file: Path, image: Database, finish: Callable[[Database], None] | None) -> None:
        with files.replacing(file, lock=self.lock) as half:
            self.write_copy(half, image, finish)

    def write_copy(self, file: Path, image: Database, finish: Callable[[Database], None] | None) -> None:
        """A copy of an image that `finish` completes, as a new file with nothing beside it. Raises
        StoreError, sqlite3.Error."""
        _copied(image, finish, file, lock=self.lock).close_complete()

    def all_files(self) -> Iterator[tuple[str, Path]]:
        """The files of all worlds and snapshots, each with its name in a backup; the default world's last:
        while that one is missing or old, no server takes the others for its own."""
        assert self.file is not None
        worlds, snapshots = self.names()
        for world in worlds:
            yield f"worlds/{world}.db", self._world(world)
        for world in snapshots:
            for snapshot in snapshots[world]:
                yield f"worlds/{world}@{snapshot}.db", self._snapshot(world, snapshot)
        yield f"{DEFAULT}.db", self.file

    def snapshot_file(self, world: str, name: str) -> Path:
        """The file of a snapshot."""
        return self._snapshot(world, name)

    def _opened(self, file: Path) -> Database:
        return Database(_url(file), lock=self.lock)

    def _world(self, name: str) -> Path:
        return self.folder / f"{name}.db"

    def _snapshot(self, world: str, name: str) -> Path:
        return self.folder / f"{world}@{name}.db"

    @property
    def folder(self) -> Path:
        """Where the files beside that of the default world are."""
        assert self.file is not None
        return self.file.with_name(f"{self.file.name}.worlds")


def _copied(
    image: Database,
    finish: Callable[[Database], None] | None,
    file: Path | None = None,
    *,
    lock: bool = True,
) -> Database:
    if file is None:
        copy = Database(IN_MEMORY, layout=image.layout, image=image)
    else:
        copy = Database(_url(file), image=image, lock=lock)
    try:
        if finish is not None:
            finish(copy)
    except BaseException:
        copy.close()
        raise
    return copy


_PLAIN_IN_PATHS = "/\\: "


def _url(file: Path) -> str:
    """A name may have characters that mean something in a URL."""
    return f"sqlite:///{quote(str(file), safe=_PLAIN_IN_PATHS)}"
