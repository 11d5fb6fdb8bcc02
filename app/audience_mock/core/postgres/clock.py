"""The clock of a world that several servers serve."""

from audience_mock.core.postgres.server_time import ServerTime
from audience_mock.core.worlds.clock import Clock


class PostgresClock(Clock):
    """Follows the time of the database, with the world's offset, or is frozen."""

    def __init__(self, time: ServerTime) -> None:
        super().__init__()
        self._time = time

    def now_ms(self) -> int:
        if self._frozen_at_ms is not None:
            return self._frozen_at_ms
        return self._time.now_ms() + self._ahead_ms

    def _followed_ms(self) -> int:
        return self._time.now_ms()
