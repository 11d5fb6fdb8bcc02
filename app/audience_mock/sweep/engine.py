"""Runs a sweep: the job without a fault, then once for each case, each in a world of its own."""

import time
from collections import deque
from collections.abc import Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from audience_mock.client_errors import ControlError, SweepError
from audience_mock.core.controls.fault_cases import KINDS, SLOW_S, Case, cases
from audience_mock.sweep.calls import first_difference
from audience_mock.sweep.report import SweepReport
from audience_mock.sweep.results import FINDINGS, NOT_REACHED, Finished, Result, verdict_of
from audience_mock.sweep.worlds import SETTLE_S, RunWorlds, SweepWorlds, World

MIN_LIMIT_S, LIMIT_FACTOR = 30.0, 10.0
"""A run may take this many seconds at least, and this many times as long as without a fault. Chosen: a client
that has a time-out at all reaches it, most have 30 seconds or less."""

NO_ENTRIES: Sequence[Mapping[str, Any]] = ()

UNREPEATABLE = (
    "two runs without a fault leave different data, so data is not compared: names with the time or a random"
    " part in them?"
)


class Runner(Protocol):
    """Runs the job, from several threads."""

    what: str
    """The job, as messages name it."""
    how_to_call: str
    """How it finds its world."""
    again: str
    """How a case is run again, with a place for its name."""

    def run(self, world: World, variables: Mapping[str, str], limit_s: float | None) -> Finished:
        """Run it in a world. Raises StoppedError after `stop`."""

    def stop(self) -> None:
        """End all that runs, and let nothing begin."""

    def unended(self) -> int:
        """How many runs go on although they were ended, once those that may still end had time for it."""


class StoppedError(Exception):
    """The sweep was stopped while this run was under way."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sweep is to do."""

    command: Sequence[str]
    """A command with its arguments, or the name of a function."""
    kinds: Collection[str] = tuple(KINDS)
    only: Collection[str] = ()
    """Names of cases, as `3:reset`; empty for all."""
    jobs: int = 1
    max_runs: int | None = None
    max_seconds: float | None = None
    """After which no further run begins."""
    slow_s: float = SLOW_S
    limit_s: float | None = None
    """Of a run; by default, it follows from the run without a fault."""
    fail_on: Collection[str] = FINDINGS
    world_settings: Mapping[str, Any] = field(default_factory=dict)


class Sweep:
    """A sweep of a command against a server."""

    def __init__(self, plan: Plan, base: World, runner: Runner, *, forks: bool) -> None:
        """With `forks`, each run begins with a copy of `base`, and else with the seed of its server."""
        self._plan, self._runner = plan, runner
        self._worlds = SweepWorlds(base, f"sweep-{uuid4().hex[:6]}", forks=forks)
        self._started = time.monotonic()
        self._compares_data = True
        self._warnings: list[str] = []

    def learn(self) -> SweepReport:
        """Run the job without a fault, twice: what differs between the two is no finding later. Raises
        SweepError."""
        what = self._runner.what
        self._faultless = self._worlds.of_run(0)
        finished = self._run(self._faultless, None)
        if finished.exit_status is None:
            raise SweepError(f"{what} does not end within {self._plan.limit_s:g} s without a fault")
        if finished.exit_status:
            raise SweepError(f"{what} fails without a fault ({finished.how}):\n{finished.output}")
        self._below = self._faultless.below()
        self._calls = self._faultless.calls(self._below)
        if not self._calls:
            raise SweepError(f"{what} made no call: {self._runner.how_to_call}")
        self._limit_s = self._plan.limit_s or max(MIN_LIMIT_S, LIMIT_FACTOR * finished.seconds)
        every = cases(self._calls, self._plan.kinds)
        if unknown := set(self._plan.only) - {case.name for case in every}:
            raise SweepError(f"{what} has no such case: {', '.join(sorted(unknown))}")
        planned = [case for case in every if not self._plan.only or case.name in self._plan.only]
        self.report = SweepReport(
            command=self._plan.command,
            again=self._runner.again,
            kinds=self._plan.kinds,
            fail_on=self._plan.fail_on,
            calls=self._calls,
            faultless=finished,
            limit_s=self._limit_s,
            warnings=self._warnings,
            planned=planned,
        )
        self._repeat()
        return self.report

    def _repeat(self) -> None:
        """Run the job without a fault again, and warn of what was otherwise."""
        again = self._worlds.of_run(1)
        try:
            finished = self._run(again, None, limit_s=self._limit_s)
            if finished.exit_status != 0:
                self._warnings.append(f"a second run without a fault failed ({finished.how})")
            below = again.below()
            if again.differences(self._faultless, {*below, *self._below}):
                self._compares_data = False
                self._warnings.append(UNREPEATABLE)
            for world, entries in again.journals(below):
                learned = [call for call in self._calls if call.world == world]
                until = max((call.number for call in learned), default=0)
                if difference := first_difference(learned, entries, until):
                    self._warnings.append(f"a second run without a fault differs: {difference}")
        finally:
            again.delete()

    def run(self) -> Generator[Result]:
        """Make the runs that the budget allows, several at a time; gives each result when it is there.
        Closing the generator ends the runs that are under way."""
        budget = deque(self.report.planned[: self._plan.max_runs])
        numbers = iter(range(2, len(budget) + 2))
        pending: set[Future[Result]] = set()
        with ThreadPoolExecutor(self._plan.jobs, thread_name_prefix="sweep") as threads:
            try:
                while budget or pending:
                    while budget and len(pending) < self._plan.jobs and self._has_time():
                        pending.add(threads.submit(self._try, budget.popleft(), next(numbers)))
                    if not pending:
                        break
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        self.report.results.append(future.result())
                        yield self.report.results[-1]
            finally:
                # Also where the caller gives up, as at Ctrl-C.
                self._runner.stop()
                self.report.seconds = time.monotonic() - self._started

    def close(self) -> None:
        """Delete what is left on the server, which ends runs that wait for it."""
        self._delete_worlds()
        if unended := self._runner.unended():
            runs = "1 run" if unended == 1 else f"{unended} runs"
            self._warnings.append(f"{runs} did not end after the limit, and may still go on")
        # A call that came after the deletion has made its world again.
        self._delete_worlds()

    def _delete_worlds(self) -> None:
        with suppress(OSError, ControlError):
            self._worlds.delete()

    def _has_time(self) -> bool:
        limit_s = self._plan.max_seconds
        return limit_s is None or time.monotonic() - self._started < limit_s

    def _run(self, worlds: RunWorlds, case: Case | None, limit_s: float | None = None) -> Finished:
        """Run the job in new worlds."""
        planned = (case.call.world, case.fault(self._plan.slow_s)) if case is not None else ("", None)
        variables = worlds.create(self._plan.world_settings, *planned)
        return self._runner.run(worlds.world, variables, limit_s or self._plan.limit_s)

    def _try(self, case: Case, number: int) -> Result:
        worlds = self._worlds.of_run(number)
        try:
            finished = self._run(worlds, case, self._limit_s)
            return self._judge(worlds, case, finished)
        finally:
            with suppress(OSError, ControlError):
                worlds.delete()

    def _judge(self, worlds: RunWorlds, case: Case, finished: Finished) -> Result:
        call, hung = case.call, finished.exit_status is None
        below = worlds.below()
        fired, entries = False, NO_ENTRIES
        if not call.world or call.world in below:
            # What a hung job waits for is not answered, and not in the journal.
            fired, entries = worlds.faulted(call.world, 0 if hung else self._plan.slow_s + SETTLE_S)
        differences = (
            worlds.differences(self._faultless, sorted({*below, *self._below})) if self._compares_data else {}
        )
        learned = [one for one in self._calls if one.world == call.world]
        notes = []
        if difference := first_difference(learned, entries, call.number - hung):
            notes.append(f"other calls than learned: {difference}")
        verdict = verdict_of(finished, fired=fired, differences=differences)
        if verdict == NOT_REACHED and finished.exit_status:
            notes.append("the job failed before it")
        return Result(
            case=case, verdict=verdict, finished=finished, differences=differences, notes=tuple(notes)
        )
