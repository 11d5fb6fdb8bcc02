"""The clock of a world: every timestamp, status and expiry comes from it."""

import time


class Clock:
    """Milliseconds since 1970 in UTC; runs with the system's clock, ahead of it, or stands still."""

    def __init__(self) -> None:
        self._ahead_ms = 0
        self._frozen_at_ms: int | None = None

    def now_ms(self) -> int:
        if self._frozen_at_ms is not None:
            return self._frozen_at_ms
        return time.time_ns() // 1_000_000 + self._ahead_ms

    def freeze(self, at_ms: int | None = None) -> None:
        """Stand still, now or at the given time."""
        self._frozen_at_ms = self.now_ms() if at_ms is None else at_ms

    def advance(self, by_ms: int) -> None:
        """Move forward, running or frozen; a world's time never goes back (ValueError)."""
        if by_ms < 0:
            raise ValueError("a clock advances by 0 ms or more")
        if self._frozen_at_ms is None:
            self._ahead_ms += by_ms
        else:
            self._frozen_at_ms += by_ms
