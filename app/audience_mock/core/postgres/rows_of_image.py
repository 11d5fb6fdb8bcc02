"""What is asked of a world's database beyond its rows."""

from typing import TYPE_CHECKING

from audience_mock.core.postgres.schema import SCHEMA

if TYPE_CHECKING:
    from audience_mock.core.postgres.world import PostgresWorld

_BYTES = f"SELECT {SCHEMA}.image_bytes($1)"


class RowsOfImage:
    file = None

    def __init__(self, world: "PostgresWorld") -> None:
        self._world = world

    @property
    def url(self) -> str:
        return self._world.server.shown

    def size_bytes(self) -> int:
        """Bytes of its rows: reads all of them."""
        size: int = self._world.server.row(_BYTES, self._world.image)[0]
        return size

    def expect_many_users(self) -> None:
        """Its pages have one size."""
