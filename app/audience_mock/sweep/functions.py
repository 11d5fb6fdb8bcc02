"""Sweeps of Python functions, each run in a thread.

A thread cannot be killed, but a job that hangs mostly waits for the server: when its time is over, its world
is deleted, which breaks its connections. A process could be killed, but a job is often a function within a
test, which cannot be sent to a new process, and a fork of a process with threads (the server's, for one) may
lock itself up.
"""

import asyncio
import inspect
import sys
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from threading import Event, Lock, Thread
from typing import Any

from audience_mock.core.controls.fault_cases import KINDS
from audience_mock.sweep.engine import Plan, StoppedError, Sweep
from audience_mock.sweep.report import SweepReport
from audience_mock.sweep.results import SHOWN_BYTES, VERDICTS, Finished
from audience_mock.sweep.worlds import World

GRACE_S = 5.0
"""Seconds that threads have to end after their worlds are gone. Chosen: connections are broken at once."""

Job = Callable[[Any], object]


def sweep_function(
    job: Job,
    base: World,
    *,
    kinds: str | Sequence[str],
    only: str | Sequence[str],
    fail_on: str | Sequence[str],
    **limits: Any,
) -> SweepReport:
    """As `MockWorld.sweep`, which has the limits: those of `Plan`."""
    plan = Plan(
        command=[_name(job)],
        kinds=[kind for kind in KINDS if kind in (_known("kinds", kinds, KINDS) or KINDS)],
        only=_listed(only),
        fail_on=_known("fail_on", fail_on, VERDICTS),
        **limits,
    )
    sweep = Sweep(plan, base, Functions(job), forks=True)
    try:
        report = sweep.learn()
        with closing(sweep.run()) as results:
            deque(results, 0)
    finally:
        sweep.close()
    return report


class Functions:
    """Runs a function, as `Runner`."""

    what = "the job"
    how_to_call = "it has to call the world that it is given"
    again = 'only="{}"'

    def __init__(self, job: Job) -> None:
        self._job = job
        self._runs: set[_Run] = set()
        self._lock = Lock()
        self._stopped = False

    def run(self, world: World, variables: Mapping[str, str], limit_s: float | None) -> Finished:
        run = _Run(self._job, world)
        with self._lock:
            if self._stopped:
                raise StoppedError
            self._runs.add(run)
        started = time.monotonic()
        run.start()
        finished = run.wait(limit_s)
        seconds = time.monotonic() - started
        if self._stopped:
            raise StoppedError
        if not finished:
            return Finished(exit_status=None, how="not ended", seconds=seconds, output=run.stack)
        with self._lock:
            self._runs.discard(run)
        error = run.error
        if error is None:
            return Finished(exit_status=0, how="returned", seconds=seconds, output="")
        return Finished(
            exit_status=1,
            how=f"raised {type(error).__name__}",
            seconds=seconds,
            reason=str(error).strip().partition("\n")[0],
            output=_traceback(error),
        )

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for run in self._runs:
                run.end()

    def unended(self) -> int:
        deadline = time.monotonic() + GRACE_S
        return sum(not run.joined(deadline - time.monotonic()) for run in self._runs)


class _Run:
    """One run of a job."""

    def __init__(self, job: Job, world: World) -> None:
        self._job, self._world = job, world
        self.error: BaseException | None = None
        self.stack = ""
        """Where it was when its time was over."""
        self._finished, self._over = False, Event()
        self._cancel: Callable[[], object] = lambda: None
        # It may outlive the sweep, and must not keep the process alive.
        self._thread = Thread(target=self._call, name=f"job in {world.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self, limit_s: float | None) -> bool:
        """Whether the job finished in time; it is ended if not."""
        self._over.wait(limit_s)
        if self._finished:
            return True
        self.stack = _stack(self._thread)
        self.end()
        return False

    def end(self) -> None:
        """Wait no longer. A job of asyncio is cancelled."""
        self._over.set()
        with suppress(RuntimeError):  # its loop has ended meanwhile
            self._cancel()

    def joined(self, timeout_s: float) -> bool:
        """Whether the thread ended."""
        self._thread.join(max(0, timeout_s))
        return not self._thread.is_alive()

    def _call(self) -> None:
        try:
            result = self._job(self._world)
            if inspect.isawaitable(result):
                asyncio.run(self._awaited(result))
        except SystemExit as left:
            self.error = left if left.code else None
        except BaseException as error:  # noqa: BLE001 - `pytest.fail` raises none of Exception
            self.error = error
        self._finished = True
        self._over.set()

    async def _awaited(self, result: Awaitable[object]) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is not None:
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        await result


def _stack(thread: Thread) -> str:
    """Where a thread is, from the job on."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:  # it has just ended
        return ""
    stack = traceback.extract_stack(frame)
    first = max((at for at, one in enumerate(stack, 1) if one.filename == __file__), default=0)
    return _end_of("".join(traceback.format_list(stack[first:])))


def _traceback(error: BaseException) -> str:
    """Without the line of this module that called the job."""
    own = error.__traceback__
    lines = traceback.format_exception(type(error), error, own and own.tb_next)
    return _end_of("".join(lines))


def _end_of(text: str) -> str:
    return text.encode(errors="replace")[-SHOWN_BYTES:].decode(errors="replace")


def _name(job: Job) -> str:
    called = getattr(job, "func", job)  # of a functools.partial
    return f"{called.__module__}.{getattr(called, '__qualname__', type(called).__name__)}"


def _listed(words: str | Sequence[str]) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()] if isinstance(words, str) else [*words]


def _known(name: str, words: str | Sequence[str], known: Collection[str]) -> list[str]:
    """Raises ValueError for words that are unknown."""
    for word in (given := _listed(words)):
        if word not in known:
            raise ValueError(f"{name}: must be some of {', '.join(known)} (given: {word!r})")
    return given
