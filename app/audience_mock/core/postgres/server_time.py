"""The time of the database, which all servers share."""

import sys
import time

_STEP_MS = 1000.0
"""A difference beyond which the database's clock was set, or it is another database. Chosen."""


class ServerTime:
    """The time of the database, by what its answers said.

    An answer is some time on its way, so none says more than the time that it is; the greatest of them is the
    closest. So this never runs ahead of the database, and never behind an answer that was seen: what one
    server wrote is past at another that is asked afterwards.
    """

    def __init__(self) -> None:
        self._ahead_ms: float | None = None
        """Of the monotonic clock of this process."""

    def observe(self, now_ms: float) -> None:
        """The database said that it is so late."""
        ahead_ms = now_ms - _monotonic_ms()
        known_ms = self._ahead_ms
        if known_ms is None or ahead_ms > known_ms or ahead_ms < known_ms - _STEP_MS:
            self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return int(_monotonic_ms() + (self._ahead_ms or 0.0))


def _monotonic_ms() -> float:
    if sys.platform == "win32":
        return time.monotonic_ns() / 1_000_000
    # Tests fake the functions of `time` that have no clock as an argument.
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1_000_000
