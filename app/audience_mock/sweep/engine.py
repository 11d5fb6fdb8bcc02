"""Runs a sweep: the command without a fault, then once for each case, each in a world of its own."""

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from audience_mock.client import ControlError, MockWorld
from audience_mock.sweep.calls import Call, first_difference, learn
from audience_mock.sweep.cases import KINDS, SLOW_S, Case, cases
from audience_mock.sweep.processes import Finished, Processes
from audience_mock.sweep.results import NOT_REACHED, Result, verdict_of
from audience_mock.sweep.worlds import RunWorlds

MIN_LIMIT_S, LIMIT_FACTOR = 30.0, 10.0
"""A run may take this many seconds at least, and this many times as long as without a fault. Chosen: a client
that has a time-out at all reaches it, most have 30 seconds or less."""

NO_ENTRIES: Sequence[Mapping[str, Any]] = ()

UNREPEATABLE = (
    "two runs without a fault leave different data, so data is not compared: names with the time or a random"
    " part in them?"
)


class SweepError(Exception):
    """The command cannot be swept; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sweep is to do."""

    command: Sequence[str]
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
    world_settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Report:
    """What a sweep found."""

    command: Sequence[str]
    kinds: Collection[str]
    calls: Sequence[Call]
    faultless: Finished
    limit_s: float
    warnings: list[str]
    planned: Sequence[Case]
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False

    @property
    def not_run(self) -> list[Case]:
        run = {result.case for result in self.results}
        return [case for case in self.planned if case not in run]

    def findings(self, verdicts: Collection[str]) -> list[Result]:
        """The results with one of these verdicts, in the order of the calls."""
        found = [result for result in self.results if result.verdict in verdicts]
        ranks = {kind: rank for rank, kind in enumerate(self.kinds)}
        return sorted(found, key=lambda one: (one.case.call.place, ranks[one.case.kind]))


class Sweep:
    """A sweep of a command against a server."""

    def __init__(self, plan: Plan, base: MockWorld, environment: Callable[[str], Mapping[str, str]]) -> None:
        """`environment` is that of the command, for the URL of its world."""
        self._plan, self._base, self._environment = plan, base, environment
        self._processes = Processes(plan.command)
        self._name = f"sweep-{uuid4().hex[:6]}"
        self._started = time.monotonic()
        self._compares_data = True

    def learn(self) -> Report:
        """Run the command without a fault, twice: what differs between the two is no finding later. Raises
        SweepError."""
        self._faultless = RunWorlds(self._base, self._name, 0)
        finished = self._run(self._faultless, None)
        if finished.exit_status is None:
            raise SweepError(f"the command does not end within {self._plan.limit_s:g} s without a fault")
        if finished.exit_status:
            raise SweepError(
                f"the command fails without a fault (exit status {finished.exit_status}):\n{finished.output}"
            )
        self._below = self._faultless.below()
        self._calls = learn(self._faultless.journals(self._below))
        if not self._calls:
            raise SweepError(
                "the command made no call: it finds the server in AUDIENCE_MOCK_URL, and the base URLs of the"
                " APIs in AUDIENCE_MOCK_PINTEREST_URL and AUDIENCE_MOCK_PITCHTARGET_URL"
            )
        self._limit_s = self._plan.limit_s or max(MIN_LIMIT_S, LIMIT_FACTOR * finished.seconds)
        every = cases(self._calls, self._plan.kinds)
        if unknown := set(self._plan.only) - {case.name for case in every}:
            raise SweepError(f"the command has no such case: {', '.join(sorted(unknown))}")
        planned = [case for case in every if not self._plan.only or case.name in self._plan.only]
        self.report = Report(
            command=self._plan.command,
            kinds=self._plan.kinds,
            calls=self._calls,
            faultless=finished,
            limit_s=self._limit_s,
            warnings=self._repeat(),
            planned=planned,
        )
        return self.report

    def _repeat(self) -> list[str]:
        """Run the command without a fault again; returns what was otherwise."""
        again = RunWorlds(self._base, self._name, 1)
        try:
            finished = self._run(again, None, limit_s=self._limit_s)
            warnings = []
            if finished.exit_status:
                warnings.append(f"a second run without a fault failed (exit status {finished.exit_status})")
            below = again.below()
            if again.differences(self._faultless, {*below, *self._below}):
                self._compares_data = False
                warnings.append(UNREPEATABLE)
            for world, entries in again.journals(below):
                learned = [call for call in self._calls if call.world == world]
                until = max((call.number for call in learned), default=0)
                if difference := first_difference(learned, entries, until):
                    warnings.append(f"a second run without a fault differs: {difference}")
        finally:
            again.delete()
        return warnings

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
                self._processes.stop()
                self.report.seconds = time.monotonic() - self._started

    def close(self) -> None:
        """Delete what is left on the server."""
        with suppress(OSError, ControlError, AttributeError):
            self._faultless.delete()

    def _has_time(self) -> bool:
        limit_s = self._plan.max_seconds
        return limit_s is None or time.monotonic() - self._started < limit_s

    def _run(self, worlds: RunWorlds, case: Case | None, limit_s: float | None = None) -> Finished:
        """Run the command in new worlds."""
        planned = (case.call.world, case.fault(self._plan.slow_s)) if case is not None else ("", None)
        variables = worlds.create(self._plan.world_settings, *planned)
        environment = os.environ | dict(self._environment(worlds.world.url)) | variables
        return self._processes.run(environment, limit_s or self._plan.limit_s)

    def _try(self, case: Case, number: int) -> Result:
        worlds = RunWorlds(self._base, self._name, number)
        try:
            finished = self._run(worlds, case, self._limit_s)
            return self._judge(worlds, case, finished)
        finally:
            with suppress(OSError, ControlError):
                worlds.delete()

    def _judge(self, worlds: RunWorlds, case: Case, finished: Finished) -> Result:
        call = case.call
        below = worlds.below()
        fired, entries = False, NO_ENTRIES
        if not call.world or call.world in below:
            fired, entries = worlds.faulted(call.world, self._plan.slow_s)
        differences = (
            worlds.differences(self._faultless, sorted({*below, *self._below})) if self._compares_data else {}
        )
        learned = [one for one in self._calls if one.world == call.world]
        notes = []
        if difference := first_difference(learned, entries, call.number):
            notes.append(f"other calls than learned: {difference}")
        verdict = verdict_of(finished, fired=fired, differences=differences)
        if verdict == NOT_REACHED and finished.exit_status:
            notes.append("the command failed before it")
        return Result(
            case=case, verdict=verdict, finished=finished, differences=differences, notes=tuple(notes)
        )
