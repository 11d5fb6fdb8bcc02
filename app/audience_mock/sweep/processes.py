"""Runs of a command, each in a process group of its own, so that nothing of it outlives its run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from threading import Lock
from typing import IO

from audience_mock.sweep.engine import StoppedError
from audience_mock.sweep.results import SHOWN_BYTES, Finished
from audience_mock.sweep.worlds import World

KEPT_BYTES, LOOK_S = 64 << 20, 0.25
"""Of a run's output in a temporary file: a command may print gigabytes. It is cut when it is found to have
more, looked at this often. Chosen."""
SIGNAL_BASE = 128
"""The exit status of a process that a signal ended is this and the signal's number, as in a shell."""


class Processes:
    """Runs commands, as `Runner`."""

    what = "the command"
    how_to_call = (
        "it finds the server in AUDIENCE_MOCK_URL, and the base URLs of the APIs in"
        " AUDIENCE_MOCK_PINTEREST_URL and AUDIENCE_MOCK_PITCHTARGET_URL"
    )
    again = "--only {}"

    def __init__(self, command: Sequence[str], environment: Callable[[str], Mapping[str, str]]) -> None:
        """`environment` is that of the command, for the URL of its world."""
        self._command, self._environment = command, environment
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()
        self._stopped = False

    def run(self, world: World, variables: Mapping[str, str], limit_s: float | None) -> Finished:
        """Raises OSError if the command cannot be started, and StoppedError after `stop`."""
        environment = os.environ | dict(self._environment(world.url)) | dict(variables)
        with TemporaryFile() as file:
            output = _Output(file)
            started = time.monotonic()
            with self._lock:
                if self._stopped:
                    raise StoppedError
                process = subprocess.Popen(  # noqa: S603 - the user's own command
                    self._command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
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
            how = "killed" if status is None else f"exit status {status}"
            text = output.end()
            reason = _last_line(text) if status else ""
            return Finished(exit_status=status, how=how, seconds=seconds, reason=reason, output=text)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill_group(process)

    def unended(self) -> int:
        return 0


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":  # which has no process groups to be killed
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


class _Output:
    """What a run writes. Of a file that was cut, the end before is kept here: the run goes on writing."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._before = file, b""
        # All writers append, wherever the end is by then: so the file can be cut.
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415 - Windows has none

            fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)

    def cut(self) -> None:
        """Give back what takes too much room on the disk. What is written at this very moment may be lost."""
        if sys.platform != "win32" and os.fstat(self._file.fileno()).st_size > KEPT_BYTES:
            _, self._before = self._last()
            self._file.truncate(0)

    def end(self) -> str:
        """The last of it, from a whole line on, if there is one."""
        size, last = self._last()
        text = (self._before + last)[-SHOWN_BYTES:].decode(errors="replace")
        is_whole = size <= SHOWN_BYTES and not self._before
        return text if is_whole else text.partition("\n")[2] or text

    def _last(self) -> tuple[int, bytes]:
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - SHOWN_BYTES))
        return size, self._file.read()


def _status_of(process: subprocess.Popen[bytes], limit_s: float | None, output: _Output) -> int | None:
    """The exit status, or None after the limit. Of the output, the end alone takes room on the disk."""
    ends_at = None if limit_s is None else time.monotonic() + limit_s
    while True:
        left_s = LOOK_S if ends_at is None else min(LOOK_S, ends_at - time.monotonic())
        try:
            return process.wait(max(0, left_s))
        except subprocess.TimeoutExpired:
            if ends_at is not None and time.monotonic() >= ends_at:
                return None
        output.cut()


def _last_line(text: str) -> str:
    """Often the reason of a failure."""
    return next((line.strip() for line in reversed(text.split("\n")) if line.strip()), "")
