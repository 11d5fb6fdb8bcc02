"""Runs of a command, each in a process group of its own, so that nothing of it outlives its run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from threading import Lock
from typing import IO

SHOWN_BYTES = 8 << 10
"""Of the end of a run's output that are kept. Chosen."""
KEPT_BYTES, LOOK_S = 64 << 20, 0.25
"""Of a run's output in a temporary file: a command may print gigabytes. It is cut when it is found to have
more, looked at this often. Chosen."""
SIGNAL_BASE = 128
"""The exit status of a process that a signal ended is this and the signal's number, as in a shell."""


@dataclass(frozen=True)
class Finished:
    """A run that ended, or was ended after its limit (`exit_status` None)."""

    exit_status: int | None
    seconds: float
    output: str
    """The end of standard output and standard error, in the order in which they were written."""


class Processes:
    """Runs commands, from several threads. `stop` ends all that run, and lets none begin."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()
        self._stopped = False

    def run(self, environment: Mapping[str, str], limit_s: float | None) -> Finished:
        """Raises OSError if the command cannot be started, and StoppedError after `stop`."""
        with TemporaryFile() as output:
            _append_only(output)
            started = time.monotonic()
            with self._lock:
                if self._stopped:
                    raise StoppedError
                process = subprocess.Popen(  # noqa: S603 - the user's own command
                    self._command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running.add(process)
            status: int | None = None
            try:
                status = _status_of(process, limit_s, output)
            finally:
                # What it left behind in its group would go on calling the server.
                _kill_group(process)
                process.wait()
                with self._lock:
                    self._running.discard(process)
            if self._stopped:
                raise StoppedError
            seconds = time.monotonic() - started
            if status is not None and status < 0:
                status = SIGNAL_BASE - status
            return Finished(status, seconds, _end_of(output))

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill_group(process)


class StoppedError(Exception):
    """The sweep was stopped while this run was under way."""


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":  # which has no process groups to be killed
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _append_only(output: IO[bytes]) -> None:
    """Let whoever writes write at the end, wherever that is by then: so the file can be cut."""
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - Windows has none

        flags = fcntl.fcntl(output, fcntl.F_GETFL)
        fcntl.fcntl(output, fcntl.F_SETFL, flags | os.O_APPEND)


def _status_of(process: subprocess.Popen[bytes], limit_s: float | None, output: IO[bytes]) -> int | None:
    """The exit status, or None after the limit. Of the output, the end alone takes room on the disk."""
    ends_at = None if limit_s is None else time.monotonic() + limit_s
    while True:
        left_s = LOOK_S if ends_at is None else min(LOOK_S, ends_at - time.monotonic())
        try:
            return process.wait(max(0, left_s))
        except subprocess.TimeoutExpired:
            if ends_at is not None and time.monotonic() >= ends_at:
                return None
        if sys.platform != "win32" and os.fstat(output.fileno()).st_size > KEPT_BYTES:
            end = _end_of(output).encode(errors="surrogateescape")
            output.truncate(0)
            output.write(end)
            output.flush()


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - SHOWN_BYTES))
    text = output.read().decode(errors="replace")
    # From a whole line on, if there is one.
    return text if size <= SHOWN_BYTES else text.partition("\n")[2] or text
