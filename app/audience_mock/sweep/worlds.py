"""The worlds of a sweep: one for each run, and those that the job or the pytest fixture makes below it."""

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

from audience_mock.client_errors import ControlError, SweepError
from audience_mock.core.controls.fault_cases import Call
from audience_mock.sweep.calls import learn

DEFAULT_WORLD = "default"
"""The same as `audience_mock.client.DEFAULT_WORLD`, which is above."""
MAX_NAME = 100
"""Characters of a world's name."""

JOURNAL = {"journal_entries": 10_000, "journal_bytes": 256 << 20}
"""What the journal of a run's world keeps. Chosen: all calls of a run that is short enough to be repeated."""

RUN_VARIABLE = "AUDIENCE_MOCK_SWEEP_RUN"
"""The number of the run; the first one, without a fault, is 0. The pytest fixture then keeps its worlds."""
FAULT_VARIABLE = "AUDIENCE_MOCK_SWEEP_FAULT"
"""JSON of `world` and `fault`, for a world that the pytest fixture makes."""

SETTLE_S = 5.0
"""Seconds to wait for calls that are still being answered when a run has ended, beyond the slowest fault."""
POLL_S = 0.02

Journals = Sequence[tuple[str, Sequence[Mapping[str, Any]]]]


class World(Protocol):
    """What a sweep needs of `MockWorld`."""

    name: str
    url: str

    @property
    def faults(self) -> Any: ...
    @property
    def journal(self) -> Any: ...
    @property
    def configure(self) -> Callable[..., Any]: ...
    @property
    def replace_settings(self) -> Callable[..., Any]: ...
    def in_world(self, name: str) -> "World": ...
    def fork(self, name: str) -> "World": ...
    def delete(self) -> None: ...
    def control(self, method: str, path: str, body: Any = None) -> Any: ...


class SweepWorlds:
    """Where the runs of a sweep have their worlds: below `base`."""

    def __init__(self, base: World, sweep: str, *, forks: bool) -> None:
        """With `forks`, each run begins with a copy of `base`, and else with the server's seed."""
        self.base, self.forks = base, forks
        self.admin = base.in_world(DEFAULT_WORLD)
        above = "" if base.name == DEFAULT_WORLD else base.name
        longest = f".{sweep}-99999"
        kept = above[: MAX_NAME - len(longest)].rstrip("-._")
        self._prefix = f"{kept}.{sweep}-" if kept else f"{sweep}-"

    def of_run(self, run: int) -> "RunWorlds":
        return RunWorlds(self, run, f"{self._prefix}{run}")

    def delete(self) -> None:
        """Delete all that are left."""
        self.admin.control("DELETE", f"/worlds?match={quote(self._prefix)}*")


class RunWorlds:
    """The world of a run, and the worlds below it."""

    def __init__(self, sweep: SweepWorlds, run: int, name: str) -> None:
        self._sweep, self._admin = sweep, sweep.admin
        self.run = run
        self.world = sweep.base.in_world(name)

    def create(self, settings: Mapping[str, Any], case_world: str = "", fault: Any = None) -> dict[str, str]:
        """Create the run's world and plan a fault in it, or in a world below it; returns what the environment
        of a command needs for that."""
        own = {**JOURNAL, **settings}
        if self._sweep.forks:
            self._sweep.base.fork(self.world.name)
            self.world.configure(**own)
        else:
            self.world.replace_settings(**own)
        variables = {RUN_VARIABLE: str(self.run)}
        if case_world:
            variables[FAULT_VARIABLE] = json.dumps({"world": case_world, "fault": fault})
        elif fault is not None:
            self.world.faults.add(**fault)
        return variables

    def below(self) -> list[str]:
        """What follows the run's name in the names of the worlds below, in the order of their last use."""
        found = self._admin.control("GET", f"/worlds?details=true&match={quote(self.world.name)}.*")
        used = sorted(found["details"], key=lambda world: (world["last_used_at"], world["name"]))
        return [world["name"].removeprefix(self.world.name) for world in used]

    def of(self, below: str) -> World:
        return self.world.in_world(self.world.name + below)

    def calls(self, below: Sequence[str]) -> list[Call]:
        """The calls in all journals. Raises SweepError where one does not hold all of them."""
        plans = {each: self.of(each).control("GET", "/sweep?limit=0") for each in ("", *below)}
        if any(plan["dropped"] for plan in plans.values()):
            held = f"{JOURNAL['journal_entries']:,}"
            raise SweepError(f"more calls were made than the {held} that a journal holds")
        return learn((each, plan["calls"]) for each, plan in plans.items())

    def journals(self, below: Sequence[str]) -> Journals:
        return [(each, self.of(each).journal.entries(limit=10_000)) for each in ("", *below)]

    def faulted(self, below: str, wait_s: float) -> tuple[bool, Sequence[Mapping[str, Any]]]:
        """Whether the fault of a world met a call, and the world's requests, once all that met it are
        answered, or `wait_s` have passed: a client that gave up may have left a slow call behind, which has
        its effect later."""
        world = self.of(below)
        deadline = time.monotonic() + wait_s
        while True:
            met = sum(fault["fired"] for fault in world.faults.list())
            entries = world.journal.entries(limit=10_000)
            answered = sum(entry["fault"] is not None for entry in entries)
            if answered >= met or time.monotonic() > deadline:
                return answered > 0, entries
            time.sleep(POLL_S)

    def differences(self, faultless: "RunWorlds", below: Collection[str]) -> dict[str, Any]:
        """What these worlds hold otherwise than those of a run without a fault; `below` are the worlds that
        either has."""
        found = {}
        for each in ("", *below):
            one, other = faultless.of(each).name, self.of(each).name
            path = f"/worlds/{quote(one, safe='')}/diff/{quote(other, safe='')}?by=content"
            try:
                difference = self._admin.control("GET", path)
            except ControlError as error:
                if error.status != 404:
                    raise
                continue  # the test never began, or there was none
            if difference:
                found[each.lstrip(".")] = difference
        return found

    def delete(self) -> None:
        """Delete the worlds of the run, which end what still waits in them."""
        for each in ("", *self.below()):
            try:
                self.of(each).delete()
            except ControlError as error:
                if error.status != 404:
                    raise
