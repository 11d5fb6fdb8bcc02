"""The snapshots of a server's worlds: images that a world can be restored to."""

from functools import partial

from audience_mock.core.errors import LimitExceededError, NotFoundError
from audience_mock.core.store.database import Database
from audience_mock.core.worlds.database_files import DatabaseFiles
from audience_mock.core.worlds.exclusive import close_beside, copy_beside
from audience_mock.core.worlds.names import check_name
from audience_mock.core.worlds.world import World

MAX_SNAPSHOTS = 100
"""Snapshots of a world. Chosen: each is as large as its world."""


class Snapshots:
    """By world and name: an image in memory, or None if it is in a file."""

    def __init__(self, files: DatabaseFiles, names: dict[str, list[str]]) -> None:
        self._files = files
        self._images: dict[str, dict[str, Database | None]] = {
            world: dict.fromkeys(snapshots) for world, snapshots in names.items()
        }

    def names(self, world: str) -> list[str]:
        return sorted(self._images.get(world, ()))

    def size_bytes(self, world: str) -> int:
        """Bytes of all snapshots of a world."""
        return sum(
            self._files.snapshot_bytes(world, name) if image is None else image.size_bytes()
            for name, image in self._images.get(world, {}).items()
        )

    def of(self, world: str) -> dict[str, Database | None]:
        """By name, sorted."""
        return dict(sorted(self._images.get(world, {}).items()))

    async def create(self, world: World, name: str) -> None:
        """Replaces an older one of the same name once it is complete. Raises InvalidNameError,
        LimitExceededError, StoreError."""
        check_name(name)
        images = self._images.setdefault(world.name, {})
        if name not in images and len(images) >= MAX_SNAPSHOTS:
            raise LimitExceededError(f"a world has {MAX_SNAPSHOTS} snapshots at most: delete one first")
        copy = partial(self._files.create_snapshot, world.name, name, world.database, world.finish_copy)
        image = await copy_beside(world.exclusive, world.database, copy)
        replaced = images.get(name)
        images[name] = image
        if replaced is not None:
            await close_beside(replaced)

    async def restore(self, world: World, name: str) -> None:
        """Make a world hold what it held when the snapshot was created. Raises NotFoundError."""
        images = self._images.get(world.name, {})
        if name not in images:
            raise NotFoundError("snapshot", name)
        image = images[name] or self._files.open_snapshot(world.name, name)
        if image is None:
            raise NotFoundError("snapshot", name)
        try:
            await world.load_image_beside(image)
        finally:
            if image.file is not None:
                image.close()

    def delete(self, world: str, name: str) -> None:
        """Raises NotFoundError."""
        if name not in self._images.get(world, ()):
            raise NotFoundError("snapshot", name)
        self._delete(world, [name])

    def delete_all(self, world: str) -> None:
        """Delete the snapshots of a world."""
        self._delete(world, self.names(world))
        self._images.pop(world, None)

    def _delete(self, world: str, names: list[str]) -> None:
        self._files.delete_snapshots(world, names)
        for name in names:
            image = self._images[world].pop(name)
            if image is not None:
                image.close_unsaved()

    def close(self) -> None:
        for images in self._images.values():
            for image in images.values():
                if image is not None:
                    image.close()
