"""Rate limits: calls counted in windows of the world's time.

A window starts with the first call after the last window ended (chosen: what the providers do between two
windows was never published). Counts are kept in memory only.
"""

from collections.abc import Iterator, Sequence
from sys import maxsize
from typing import NamedTuple

MAX_CALLERS = 10_000
"""Callers whose windows are kept, a few hundred bytes each; the oldest is dropped first. Chosen."""


class Limit(NamedTuple):
    """At most `calls` calls of one caller in `window_ms`; `name` distinguishes the limits of a caller."""

    name: str
    calls: int
    window_ms: int


class Window(NamedTuple):
    """A window of one caller and limit; `left` are the calls that are left of `calls`."""

    caller: str
    limit: str
    ends_at_ms: int
    left: int
    calls: int


class Limits:
    """The windows of each caller."""

    def __init__(self) -> None:
        # By caller and limit: when the window ends, the calls that are left in it, and all of them.
        self._windows: dict[str, dict[str, list[int]]] = {}

    def windows(self) -> Iterator[Window]:
        """Each window, ended or not."""
        for caller, windows in self._windows.items():
            for name, (ends_at_ms, left, calls) in windows.items():
                yield Window(caller, name, ends_at_ms, left, calls)

    def count(self, caller: str, limits: Sequence[Limit], now_ms: int) -> tuple[int, int, int, bool]:
        """Count one call of `caller` against each of `limits` (not empty). A call beyond a limit counts
        in none.

        Returns the index of the limit with the fewest calls left, how many that are after this one, the
        milliseconds until its window ends, and whether this call was within every limit.
        """
        windows = self._windows.get(caller)
        if windows is None:
            if len(self._windows) >= MAX_CALLERS:
                del self._windows[next(iter(self._windows))]
            windows = self._windows[caller] = {}
        tightest = resets_in_ms = 0
        least = maxsize
        for index, (name, calls, window_ms) in enumerate(limits):
            window = windows.get(name)
            # After the clock was set back, a window that would end too late starts anew.
            if window is None or not 0 < (left_ms := window[0] - now_ms) <= window_ms:
                window = windows[name] = [now_ms + window_ms, calls, calls]
                left_ms = window_ms
            window[1] -= 1
            if window[1] < least:
                tightest, least, resets_in_ms = index, window[1], left_ms
        if least >= 0:
            return tightest, least, resets_in_ms, True
        for limit in limits:
            windows[limit.name][1] += 1
        return tightest, 0, resets_in_ms, False
