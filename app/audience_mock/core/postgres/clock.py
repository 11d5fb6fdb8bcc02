"""The clock of a world that several servers serve."""

from audience_mock.core.postgres.server_time import ServerTime
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.moments import time_of_request


class PostgresClock(Clock):
    """Follows the time of the database, with the world's offset, or is frozen."""

    def __init__(self, time: ServerTime) -> None:
        super().__init__()
        self._time = time

    def _followed_ms(self) -> int:
        return time_of_request(self._time.now_ms)
