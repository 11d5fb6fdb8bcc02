"""The rate limits of a world, counted by all servers together."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from audience_mock.core.controls.rate_limits import Limit, Limits, Window
from audience_mock.core.postgres.schema import SCHEMA

if TYPE_CHECKING:
    from audience_mock.core.postgres.world import PostgresWorld

# Lists as text: the driver would look up the type of an array on each new connection, which takes 10 ms.
COUNT = f"""SELECT * FROM {SCHEMA}.count_call($1, $2, string_to_array($3, ','),
    string_to_array($4, ',')::bigint[], string_to_array($5, ',')::bigint[], $6)"""
_WINDOWS = f"""SELECT caller, name, ends_at_ms, calls_left, calls FROM {SCHEMA}.windows
    WHERE image = $1 ORDER BY caller, name"""


class PostgresLimits(Limits):
    def __init__(self, world: "PostgresWorld") -> None:
        self._world = world

    def windows(self) -> Iterator[Window]:
        return map(Window._make, self._world.server.rows(_WINDOWS, self._world.image))

    def count(self, caller: str, limits: Sequence[Limit], now_ms: int) -> tuple[int, int, int, bool]:
        names, calls, lengths_ms = zip(*limits, strict=True)
        world = self._world
        lists = (",".join(map(str, each)) for each in (names, calls, lengths_ms))
        row = world.server.row(COUNT, world.image, caller, *lists, now_ms)
        tightest, left, resets_in_ms, is_within = row
        return tightest, left, resets_in_ms, is_within
