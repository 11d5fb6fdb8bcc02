"""What replaces the database of a world while it is closed: until the next use, or for good."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from audience_mock.core.errors import WorldReplacedError
from audience_mock.core.store.database import Database

if TYPE_CHECKING:
    from audience_mock.core.worlds.world import World


class SleepingDatabase:
    """Opens the database of its world again when it is used."""

    def __init__(self, world: "World", awake: Database, reopen: Callable[[], Database]) -> None:
        self.file, self.url, self.layout = awake.file, awake.url, awake.layout
        self._world = world
        self._reopen = reopen

    def __getattr__(self, name: str) -> Any:
        if self._world.is_asleep:
            self._world.database = self._reopen()
        return getattr(self._world.database, name)


class ClosedDatabase:
    """Replaces the database of a discarded world."""

    def __getattr__(self, name: str) -> NoReturn:
        raise WorldReplacedError("the world was deleted meanwhile; nothing was kept")
