"""The starts of the newest uploads to a world, shared by all servers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from audience_mock.core.postgres import pickled
from audience_mock.core.postgres.schema import SCHEMA

if TYPE_CHECKING:
    from audience_mock.core.postgres.world import PostgresWorld

_ADD = f"INSERT INTO {SCHEMA}.upload_samples (image, sample) VALUES ($1, $2) RETURNING number"
_ALL = f"SELECT sample FROM {SCHEMA}.upload_samples WHERE image = $1 ORDER BY number"
_COUNT = f"SELECT count(*) FROM {SCHEMA}.upload_samples WHERE image = $1"
_DROP_OLDEST = f"""DELETE FROM {SCHEMA}.upload_samples WHERE image = $1 AND number =
    (SELECT min(number) FROM {SCHEMA}.upload_samples WHERE image = $1)"""


class PostgresSamples:
    """What `core.users.samples` uses of a deque."""

    def __init__(self, world: "PostgresWorld") -> None:
        self._world = world

    def append(self, sample: Any) -> None:
        self._world.server.row(_ADD, self._world.image, pickled.written(sample))

    def popleft(self) -> None:
        self._world.server.rows(_DROP_OLDEST, self._world.image)

    def __len__(self) -> int:
        return self._world.server.row(_COUNT, self._world.image)[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Any]:
        rows = self._world.server.rows(_ALL, self._world.image)
        return (pickled.read(row[0]) for row in rows)

    def __reversed__(self) -> Iterator[Any]:
        return iter([*self][::-1])
