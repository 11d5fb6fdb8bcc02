"""Where the databases of a server lie."""

from dataclasses import dataclass
from pathlib import Path

from audience_mock.core.store.database import IN_MEMORY


@dataclass(frozen=True)
class DatabaseFiles:
    """Where the databases of a server lie: in memory, or in files beside that of the default world."""

    file: Path | None

    def world(self, name: str) -> str:
        """The URL of a world's database, other than the default one's."""
        return IN_MEMORY if self.file is None else f"sqlite:///{self._folder / name}.db"

    def snapshot(self, world: str, name: str) -> str:
        return IN_MEMORY if self.file is None else f"sqlite:///{self._folder / world}@{name}.db"

    def names(self) -> tuple[list[str], dict[str, list[str]]]:
        """The worlds that lie there, and the snapshots of each."""
        worlds: list[str] = []
        snapshots: dict[str, list[str]] = {}
        for file in sorted(self._folder.glob("*.db")) if self.file else ():
            world, _, snapshot = file.stem.partition("@")
            if snapshot:
                snapshots.setdefault(world, []).append(snapshot)
            else:
                worlds.append(world)
        return worlds, snapshots

    @property
    def _folder(self) -> Path:
        assert self.file is not None
        return self.file.with_name(f"{self.file.name}.worlds")
