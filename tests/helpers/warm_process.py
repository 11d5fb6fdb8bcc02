"""Processes that run the command without importing it again, which takes most of a start.

multiprocessing's fork server imports the command once for all tests of a worker; each run is a fork of it,
with its own folder, environment, outputs, signals and exit status. Tests of the start itself do not use this.
"""

import multiprocessing
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Protocol

COMMAND = (
    "audience_mock.cli.main",
    "audience_mock.cli.exec",
    "audience_mock.server.run",
    "audience_mock.app",
)

_context = multiprocessing.get_context("forkserver")
# multiprocessing imports the main module in each fork, which is pytest's.
_context.set_forkserver_preload([*COMMAND, "coverage", "pytest"])


class Running(Protocol):
    """The part of subprocess.Popen that tests use."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class WarmProcess:
    """`audience-mock` with these arguments."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str],
        out: Path,
        err: Path,
        session: bool = False,
    ) -> None:
        """With `session`, the process has a session of its own and so no terminal, as in CI."""
        _start_server()
        for file in (out, err):
            file.touch()
        self._process = _context.Process(
            target=_run,
            args=(arguments,),
            kwargs={"folder": folder, "env": dict(env), "out": out, "err": err, "session": session},
            daemon=True,
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired("audience-mock", timeout or 0)
        return status

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _start_server() -> None:
    """Starts the fork server without coverage; a fork starts measuring in `_measured`."""
    measured = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_")}
    try:
        resource_tracker.ensure_running()
        forkserver.ensure_running()
    finally:
        os.environ.update(measured)


def _run(
    arguments: Sequence[str], *, folder: Path, env: Mapping[str, str], out: Path, err: Path, session: bool
) -> None:
    """Runs in the fork: sets up the process as a shell would, then runs the command."""
    if session:
        os.setsid()
    os.chdir(folder)
    for stream, file in ((1, out), (2, err)):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(opened, stream)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    # As at the start of a process; multiprocessing reports an exception by a traceback and 1, as Python does.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from audience_mock.cli.main import main

    with _measured():
        main(list(arguments))


@contextmanager
def _measured() -> Iterator[None]:
    """Measures coverage if the environment says so, but not in child processes of the command."""
    if not any(name.startswith("COVERAGE_") for name in os.environ):
        yield
        return
    import coverage

    measuring = coverage.process_startup()
    assert measuring is not None
    for name in list(os.environ):
        if name.startswith("COVERAGE_"):
            del os.environ[name]
    try:
        yield
    finally:
        measuring.stop()
        measuring.save()
