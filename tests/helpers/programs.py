"""A program of this machine that runs while a test needs it."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LIMIT_S = 60
"""Seconds that a program may take to be ready, on a busy machine."""


@contextmanager
def running_program(
    arguments: Sequence[str | Path],
    *,
    folder: Path,
    log: Path,
    is_ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Runs it in a folder from when it is ready on, and ends it; `log` has what it wrote."""
    with log.open("wb") as written:
        process = subprocess.Popen(arguments, cwd=folder, env=environment, stdout=written, stderr=written)
    try:
        end = time.monotonic() + LIMIT_S
        while not is_ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
