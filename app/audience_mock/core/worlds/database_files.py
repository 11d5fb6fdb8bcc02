"""Where the databases of a server are: in memory, or in files beside that of the default world."""

from dataclasses import dataclass
from pathlib import Path

from audience_mock.core.errors import StoreError
from audience_mock.core.store.database import Database


@dataclass(frozen=True)
class DatabaseFiles:
    """`file` is that of the default world; None: all are in memory."""

    file: Path | None

    def names(self) -> tuple[list[str], dict[str, list[str]]]:
        """The worlds that have a file, and the snapshots of each world."""
        worlds: list[str] = []
        snapshots: dict[str, list[str]] = {}
        for file in sorted(self._folder.glob("*.db")) if self.file else ():
            world, _, snapshot = file.stem.partition("@")
            if snapshot:
                snapshots.setdefault(world, []).append(snapshot)
            else:
                worlds.append(world)
        return worlds, snapshots

    def open_world(self, name: str) -> Database:
        """The database of a world that has a file."""
        return Database(_url(self._world(name)))

    def open_snapshot(self, world: str, name: str) -> Database | None:
        """None if its file is gone: opening it would create an empty one."""
        file = self._snapshot(world, name)
        return Database(_url(file)) if file.is_file() else None

    def create_world(self, name: str, image: Database) -> Database:
        """A copy of an image, as the database of a world. Raises StoreError."""
        return self._create(None if self.file is None else self._world(name), image)

    def create_snapshot(self, world: str, name: str, image: Database) -> Database:
        """A copy of an image, as a snapshot. Raises StoreError."""
        return self._create(None if self.file is None else self._snapshot(world, name), image)

    def delete_snapshot(self, world: str, name: str) -> None:
        if self.file is not None:
            delete_file(self._snapshot(world, name))

    def _create(self, file: Path | None, image: Database) -> Database:
        """A file is there completely or not at all."""
        if file is None:
            return Database(layout=image.layout, image=image)
        unfinished = file.with_name(f"{file.name}.half")
        try:
            file.parent.mkdir(exist_ok=True)
            unfinished.unlink(missing_ok=True)
            Database(_url(unfinished), image=image).close()
            unfinished.replace(file)
        except OSError as error:
            raise StoreError(
                f"cannot make {file}: {error.strerror} (is its folder one that you may write?)"
            ) from None
        return Database(_url(file))

    def _world(self, name: str) -> Path:
        return self._folder / f"{name}.db"

    def _snapshot(self, world: str, name: str) -> Path:
        return self._folder / f"{world}@{name}.db"

    @property
    def _folder(self) -> Path:
        assert self.file is not None
        return self.file.with_name(f"{self.file.name}.worlds")


def delete_file(file: Path) -> None:
    """Delete a database file and those that SQLite keeps beside it."""
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _url(file: Path) -> str:
    return f"sqlite:///{file}"
