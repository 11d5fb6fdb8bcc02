"""The clock of a world: every timestamp, status and expiry comes from it."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from audience_mock.core.worlds.moments import time_of_request

LATEST_MS = 253_370_764_800_000
"""The start of the year 9999. No clock is set to it or later, so that years have four digits. Chosen."""

if sys.platform == "win32":
    _system_ns = time.time_ns
else:

    def _system_ns() -> int:
        return time.clock_gettime_ns(time.CLOCK_REALTIME)


def real_ms() -> int:
    """The system's time, even while a test fakes Python's: a server in a thread of the test's process has to
    answer as one elsewhere does. freezegun fakes `time.time_ns` and leaves `clock_gettime_ns` alone;
    time-machine fakes both, and has a way around it."""
    time_machine = sys.modules.get("time_machine")
    if (real := getattr(time_machine, "escape_hatch", None)) is not None:
        try:
            return int(real.time.time_ns()) // 1_000_000
        except ValueError:  # it fakes nothing at present
            pass
    return _system_ns() // 1_000_000


_system_ms: Callable[[], int] = real_ms


def system_ms() -> int:
    """The time that the clocks of all worlds follow."""
    return _system_ms()


@contextmanager
def system_time(now_ms: Callable[[], int]) -> Iterator[None]:
    """Within the block, `now_ms` is the system's clock for all worlds of this process: what was recorded is
    replayed at the times of the recording, whatever the worlds' clocks are set to."""
    global _system_ms  # noqa: PLW0603 - at most one replay at a time
    before, _system_ms = _system_ms, now_ms
    try:
        yield
    finally:
        _system_ms = before


class Clock:
    """Milliseconds since 1970 in UTC; follows the system's clock, with an offset, or is frozen."""

    def __init__(self) -> None:
        self._ahead_ms = 0
        self._frozen_at_ms: int | None = None

    def now_ms(self) -> int:
        if self._frozen_at_ms is not None:
            return self._frozen_at_ms
        return self._followed_ms() + self._ahead_ms

    def _followed_ms(self) -> int:
        """The time of what it follows, one for all of a request."""
        return time_of_request(_system_ms)

    def freeze(self, at_ms: int | None = None) -> None:
        """Stop, at the current time or the given one."""
        self._frozen_at_ms = self.now_ms() if at_ms is None else at_ms

    def run(self) -> None:
        """Run on from the time that it shows."""
        if self._frozen_at_ms is not None:
            self._ahead_ms = self._frozen_at_ms - self._followed_ms()
            self._frozen_at_ms = None

    def set(self, now_ms: int) -> None:
        """Change the time, earlier or later; stays frozen or running."""
        if self._frozen_at_ms is None:
            self._ahead_ms = now_ms - self._followed_ms()
        else:
            self._frozen_at_ms = now_ms

    @property
    def frozen(self) -> bool:
        return self._frozen_at_ms is not None

    @property
    def state(self) -> dict[str, int | None]:
        """Its whole state: a clock that is given another's state shows the same time."""
        return {"ahead_ms": self._ahead_ms, "frozen_at_ms": self._frozen_at_ms}

    @state.setter
    def state(self, state: Mapping[str, int | None]) -> None:
        self._ahead_ms, self._frozen_at_ms = state["ahead_ms"] or 0, state["frozen_at_ms"]

    def advance(self, by_ms: int) -> None:
        """Move forward, running or frozen. Raises ValueError: only `set` goes back."""
        if by_ms < 0:
            raise ValueError("a clock advances by 0 ms or more")
        if self._frozen_at_ms is None:
            self._ahead_ms += by_ms
        else:
            self._frozen_at_ms += by_ms
