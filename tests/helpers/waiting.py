"""Waiting for what another process or thread is about to do."""

import time
from collections.abc import Callable

LIMIT_S = 120
"""Seconds that anything may take: reached only where something is broken, also on a machine that is busy with
many runs."""

CLIENT_LIMIT_S = 60
"""Seconds that a client waits for an answer, unless a test gives a limit of its own: reached only where
something is broken, also on a machine that is busy with many runs. That of httpx is 5."""

HTTPX_LIMITS = ("connect", "read", "write", "pool")

PATIENT_HTTPX = f"""\
import httpx
for limit in {HTTPX_LIMITS}: setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, limit, {CLIENT_LIMIT_S})
"""
"""For the begin of a program that a test runs in a process of its own: httpx has its limits in an object that
each signature has as its default."""


def until(true: Callable[[], bool], what: str, within_s: float = LIMIT_S) -> None:
    """Polls until the condition holds."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.005)
