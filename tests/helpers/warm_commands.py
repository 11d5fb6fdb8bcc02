"""`audience-mock`, `pytest` and `python` for shells that tests start, without the imports of each start.

A folder for `PATH` has the three as small programs. Each hands its arguments, environment, folder and
standard streams to a process that has imported what a start imports, lets it fork, passes on signals, and
ends with the status of the fork. `COLD_COMMANDS=1` does without: `.ci/run` runs the samples so, too.
"""

import atexit
import gc
import marshal
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("audience-mock", "pytest", "python")
IMPORTED = (
    "audience_mock.app",
    "audience_mock.cli.exec",
    "audience_mock.cli.main",
    "audience_mock.server.run",
    "audience_mock.testing",
    "httpx",
    "pytest",
)
START_S = 60
"""Seconds that the start may take; reached only where something is broken."""

PROGRAM = """\
#!{python} -IS
import _signal, _socket, marshal, os, struct, sys
link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
link.connect({socket!r})
for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM, _signal.SIGUSR1):
    if _signal.getsignal(number) is not _signal.SIG_IGN:
        _signal.signal(number, lambda number, frame: link.send(bytes([number])))
call = marshal.dumps(({program!r}, sys.argv[1:], os.getcwd(), dict(os.environ)))
streams = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("3i", 0, 1, 2))]
link.sendmsg([struct.pack("I", len(call))], streams)
link.sendall(call)
os._exit((link.recv(1) or b"\\1")[0])
"""
"""Without `site` and `socket`, which take longer than the rest."""


@contextmanager
def warm_commands(folder: Path) -> Iterator[Path | None]:
    """The programs, in the folder; None where they are not to be used."""
    if os.environ.get("COLD_COMMANDS") or not hasattr(socket, "recv_fds"):
        yield None
        return
    listening = folder / "s"
    for program in PROGRAMS:
        file = folder / program
        file.write_text(PROGRAM.format(python=sys.executable, socket=str(listening), program=program))
        file.chmod(0o755)
    measured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with subprocess.Popen(
        [sys.executable, __file__, str(listening)],
        stdin=subprocess.PIPE,  # its end is that of the server
        stdout=subprocess.DEVNULL,
        env=measured,
        start_new_session=True,
    ) as server:
        try:
            until_s = time.monotonic() + START_S
            while not listening.exists():
                assert server.poll() is None
                assert time.monotonic() < until_s
                time.sleep(0.005)
            yield folder
        finally:
            assert server.stdin is not None
            server.stdin.close()


@pytest.fixture(scope="session")
def programs() -> Iterator[Path | None]:
    """A folder with the programs that are imported already; None where all start from nothing."""
    with tempfile.TemporaryDirectory() as folder, warm_commands(Path(folder)) as programs:
        yield programs


class _Server:
    """Runs commands until standard input ends. It has no threads: a fork would have their locks."""

    def __init__(self, path: str) -> None:
        self._links: dict[int, socket.socket] = {}
        """To the program of each command that runs, by its process."""
        self._events = selectors.DefaultSelector()
        self._ended, self._wakes = socket.socketpair()
        for end in (self._ended, self._wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakes.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._events.register(self._ended, selectors.EVENT_READ, self._reap)
        self._events.register(0, selectors.EVENT_READ, lambda: os._exit(0))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path + "~")
        self._listener.listen()
        self._events.register(self._listener, selectors.EVENT_READ, self._accept)
        os.rename(path + "~", path)

    def run(self) -> None:
        while True:
            for key, _ in self._events.select():
                key.data()

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        head, streams, _, _ = socket.recv_fds(link, 4, 3)
        size, call = int.from_bytes(head, sys.byteorder), b""
        while len(call) < size:
            call += link.recv(size - len(call))
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._events.close()
            for each in (link, self._listener, self._ended, self._wakes, *self._links.values()):
                each.close()
            _run(streams, *marshal.loads(call))
        for stream in streams:
            os.close(stream)
        self._links[pid] = link
        self._events.register(link, selectors.EVENT_READ, partial(self._pass_on, pid))

    def _pass_on(self, pid: int) -> None:
        """A signal, to a command; its program was killed if there is none."""
        number = self._links[pid].recv(1)
        os.kill(pid, number[0] if number else signal.SIGKILL)
        if not number:
            self._events.unregister(self._links[pid])

    def _reap(self) -> None:
        self._ended.recv(1 << 10)
        while self._links:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            code = os.waitstatus_to_exitcode(status)
            with self._links.pop(pid) as link:
                if link.fileno() in self._events.get_map():
                    self._events.unregister(link)
                with suppress(BrokenPipeError):
                    link.send(bytes([code if code >= 0 else 128 - code]))


def _run(
    streams: list[int], program: str, arguments: list[str], folder: str, environment: dict[str, str]
) -> None:
    """Becomes the command. It ends as multiprocessing's forks do: without tidying up what was imported."""
    code = 1
    try:
        _become(streams, program, arguments, folder, environment)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    else:
        code = 0
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)


def _become(
    streams: list[int], program: str, arguments: list[str], folder: str, environment: dict[str, str]
) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [program, *arguments]
    sys.path[0] = environment.get("PYTHONPATH", "") or str(Path(sys.executable).parent)
    if program == "audience-mock":
        from audience_mock.cli.main import main

        sys.exit(main())
    if program == "pytest":
        import pytest

        sys.exit(pytest.main())
    _run_python(arguments)


def _run_python(arguments: list[str]) -> None:
    option, *rest = arguments
    sys.path[0] = ""
    if option == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif option == "-c":
        sys.argv = ["-c", *rest[1:]]
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(rest[0], "<string>", "exec"), names)
    else:
        assert not option.startswith("-"), f"python {option} is not done here"
        sys.argv = arguments
        sys.path[0] = str(Path(option).resolve().parent)
        runpy.run_path(option, run_name="__main__")


if __name__ == "__main__":
    for module in IMPORTED:
        __import__(module)
    import httpx

    # As conftest.py has it: 5 seconds are too few for a busy machine.
    for limit in ("connect", "read", "write", "pool"):
        setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, limit, START_S)
    gc.freeze()
    _Server(sys.argv[1]).run()
