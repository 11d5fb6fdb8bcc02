"""Servers in processes of their own: on free ports, timed until they answer, always stopped at the end."""

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exchanges import Request

ROOT = Path(__file__).parents[2]
POLL_S = 0.005
READY_WITHIN_S = 90.0
ENDS_WITHIN_S = 3.0
ANSWERS_WITHIN_S = 60.0


class BenchError(Exception):
    """Something is missing or broken; the message is one line for the terminal."""


@dataclass(frozen=True)
class Running:
    pid: int
    port: int
    ready_ms: float
    """From the start of the process to its first 2xx answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """This environment without variables that would change a server; compiled bytecode is used and kept."""
    removed = (
        "AUDIENCE_MOCK_",
        "COVERAGE_",
        "COV_",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "NODE_OPTIONS",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(removed)}
    return {**kept, "PYTHONPATH": f"{ROOT / 'app'}{os.pathsep}{ROOT / 'tests'}", **more}


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    port: int,
    ready: Request,
    folder: Path,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """The server `name` from its first 2xx answer to the end of the block. Raises BenchError."""
    folder.mkdir(parents=True, exist_ok=True)
    errors = folder / f"{name.replace(' ', '-')}.err"
    process = None
    with errors.open("w") as stderr:
        try:
            with _signals_deferred():
                began = time.perf_counter()
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment(variables or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    start_new_session=True,  # to stop its children too
                )
            if not _answers(process, port, ready, began + READY_WITHIN_S):
                output = errors.read_text(errors="replace").strip().splitlines()
                state = "ended" if process.poll() is not None else f"no 2xx within {READY_WITHIN_S:.0f} s"
                raise BenchError(f"{name} did not start ({state}): {output[-1] if output else 'no output'}")
            yield Running(process.pid, port, (time.perf_counter() - began) * 1000)
        finally:
            if process is not None:
                with _signals_deferred():
                    _end(process)


@contextlib.contextmanager
def _signals_deferred() -> Iterator[None]:
    """Delays SIGINT, SIGTERM and SIGHUP to the end of the block: one that arrived before the new process is
    assigned to its variable would leave it running."""
    arrived: list[int] = []
    signums = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {signum: signal.signal(signum, lambda number, _: arrived.append(number)) for signum in signums}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if arrived:
        signal.raise_signal(arrived[0])


def _answers(process: subprocess.Popen[bytes], port: int, ready: Request, until: float) -> bool:
    while time.perf_counter() < until and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if 200 <= ask(port, ready)[0] < 300:
                return True
        time.sleep(POLL_S)
    return False


def ask(port: int, request: Request) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request(request.method, request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    for signum in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_WITHIN_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # children that are still running


def memory_bytes(pid: int, what: str) -> int:
    """`VmRSS` or `VmHWM` of a process and all its children, summed up; shared pages count in each."""
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/status").read_text().splitlines():
                if line.startswith(f"{what}:"):
                    total += int(line.split()[1]) * 1024
    return total


def family(pid: int) -> list[int]:
    """A process and all its children."""
    members = [pid]
    for member in members:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{member}/task").iterdir():
                members += [int(child) for child in (task / "children").read_text().split()]
    return members
