"""Worlds that are no longer used: those past their lifetime are deleted, and the files of idle ones closed.

A request does no more for it than note the time. The rest is a timer of the event loop.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from time import time

from audience_mock.core.errors import DomainError
from audience_mock.core.worlds.names import tenant_of
from audience_mock.core.worlds.world import DEFAULT
from audience_mock.core.worlds.worlds import Worlds

INTERVAL_S = 60.0
"""Between two sweeps. Chosen: looking at 10,000 worlds takes some 10 ms."""

MIN_INTERVAL_S = 0.25
"""The same where a quarter of the shortest time is less than INTERVAL_S."""

SLICE = 4
"""Steps of a sweep before other work gets its turn. Chosen: a step may wait for the disk."""

LOOKED_AT = 50
"""Worlds that are looked at in one step. Chosen: a tenth of a millisecond, for files that were not opened."""

log = logging.getLogger("audience_mock")

LifetimeOf = Callable[[str], int | None]
"""By tenant: the seconds that a world lives after its last use, None for ever."""


class Lifetimes:
    """`idle_s` are the seconds after which an unused file is closed; None: never."""

    def __init__(self, worlds: Worlds, *, lifetime_of: LifetimeOf, idle_s: int | None = None) -> None:
        self._worlds = worlds
        self._lifetime_of = lifetime_of
        self._idle_s = idle_s
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Sweep from now on, in the running event loop."""
        self._worlds.in_background(partial(self._go_on, iter(())))

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def sweep(self, now_s: float) -> Iterator[str | None]:
        """Delete and close what is due at a time, one world at each step, and yield its name; None after a
        step that only looked."""
        lifetimes = {tenant: self._lifetime_of(tenant) for tenant in map(tenant_of, self._worlds)}
        for number, name in enumerate(self._worlds, start=1):
            if number % LOOKED_AT == 0:
                yield None
            if name == DEFAULT or name not in self._worlds:
                continue
            unused_s, lifetime_s = now_s - self._worlds.last_use_s(name), lifetimes[tenant_of(name)]
            if lifetime_s is not None and unused_s > lifetime_s:
                self._delete(name, unused_s)
                yield name
            elif self._idle_s is not None and unused_s > self._idle_s and self._worlds.close_idle(name):
                yield name

    def _go_on(self, sweep: Iterator[str | None]) -> None:
        """Take some steps of a sweep, or wait for the next one."""
        more = len(list(islice(sweep, SLICE))) == SLICE
        loop = asyncio.get_running_loop()
        if more:
            self._timer = loop.call_later(0, self._worlds.in_background, partial(self._go_on, sweep))
        else:
            again = partial(self._worlds.in_background, lambda: self._go_on(self.sweep(time())))
            self._timer = loop.call_later(self._interval_s(), again)

    def _interval_s(self) -> float:
        times = [self._lifetime_of(tenant) for tenant in {*map(tenant_of, self._worlds)}]
        shortest_s = min((each for each in (*times, self._idle_s) if each is not None), default=INTERVAL_S)
        return max(MIN_INTERVAL_S, min(INTERVAL_S, shortest_s / 4))

    def _delete(self, name: str, unused_s: float) -> None:
        try:
            self._worlds.delete(name)
        except (DomainError, OSError) as error:
            log.warning("world %s is past its lifetime and cannot be deleted: %s", name, error)
        else:
            log.info("world %s was deleted: not used for %d s", name, unused_s)
