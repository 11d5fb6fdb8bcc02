"""Waiting for what another process or thread is about to do."""

import time
from collections.abc import Callable

LIMIT_S = 120
"""Seconds that anything may take: reached only where something is broken, also on a machine that is busy with
many runs."""


def until(true: Callable[[], bool], what: str, within_s: float = LIMIT_S) -> None:
    """Polls until the condition holds."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.005)
