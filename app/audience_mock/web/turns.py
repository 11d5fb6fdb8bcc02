"""Turns: with several tenants on one event loop, each has its share of it.

In each iteration of the loop one request begins, or one step of an upload, of the tenant that has waited
longest. A tenant that had no turn in the last milliseconds does not wait: its request begins in the same
iteration.
"""

import asyncio
from collections import deque
from time import perf_counter

SHARE = 0.5
"""Of the event loop's time, which a tenant has at most while others are active. Chosen: a request that comes
in the other half begins at once."""

WINDOW_S = 0.004
"""Seconds in which a share is counted. Chosen: four ticks of the event loop's timers."""

TICK_S = 0.001
"""The resolution of the event loop's timers, in seconds."""

ACTIVE_S = 1.0
"""Seconds that a tenant counts as active after its last request. Chosen."""

MAX_DEBT_S = 0.1
"""Seconds over its share that a tenant has to make up for at most. Chosen: the rest of one long step."""


class Turns:
    """One at a time, by tenants in rotation. A tenant that has had its share of the loop's time rests until
    the next window if others are active."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Those of each tenant; the tenant whose turn comes next stands first."""
        self._taken = False
        """Whether a request has begun in this iteration of the loop."""
        self._jumped = False
        """Whether another one has, of a tenant that had none in this window."""
        self._used_s: dict[str, float] = {}
        """The loop's time that each tenant had in this window, and owes from earlier ones."""
        self._window_end_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._holder = ""
        self._since_s = 0.0
        self._last, self._last_s, self._other_s = "", -ACTIVE_S, -ACTIVE_S
        """The tenant of the last request, its time, and that of the last request of any other tenant."""

    def __len__(self) -> int:
        """Those that wait."""
        return sum(not turn.done() for queue in self._waiting.values() for turn in queue)

    async def wait(self, tenant: str) -> None:
        """Until it is the tenant's turn."""
        now_s = perf_counter()
        if not self._taken and now_s >= self._window_end_s:
            self._open_window(now_s)
        if tenant != self._last:
            self._last, self._other_s = tenant, self._last_s
        self._last_s = now_s
        if tenant not in self._waiting:
            if not self._taken and not self._rests(tenant, now_s):
                self._begin(tenant, now_s)
                return
            if not self._jumped and tenant not in self._used_s:
                self._jumped = True
                self._used_s[tenant] = 0.0
                return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        if not self._taken:
            self._wake_later(now_s)
        await turn

    def _begin(self, tenant: str, now_s: float) -> None:
        self._taken, self._holder, self._since_s = True, tenant, now_s
        self._used_s.setdefault(tenant, 0.0)
        asyncio.get_running_loop().call_soon(self._next)

    def _rests(self, tenant: str, now_s: float) -> bool:
        """Whether it had its share, and others are active."""
        others_s = self._other_s if tenant == self._last else self._last_s
        return self._used_s.get(tenant, 0.0) >= SHARE * WINDOW_S and now_s - others_s < ACTIVE_S

    def _next(self) -> None:
        now_s = perf_counter()
        if self._taken:
            self._used_s[self._holder] = self._used_s.get(self._holder, 0.0) + now_s - self._since_s
        self._taken = self._jumped = False
        if now_s >= self._window_end_s:
            self._open_window(now_s)
        for tenant in self._waiting:
            if not self._rests(tenant, now_s):
                break
        else:
            if self._waiting:
                self._wake_later(now_s)
            return
        queue = self._waiting.pop(tenant)
        turn = queue.popleft()
        if queue:
            self._waiting[tenant] = queue
        # A client that left has cancelled its own.
        if not turn.done():
            turn.set_result(None)
        # After what wakes the request, which then runs first: its time is its own tenant's.
        self._begin(tenant, now_s)

    def _wake_later(self, now_s: float) -> None:
        """Go on in the next window: all that wait have had their share of this one."""
        if self._timer is None:
            left_s = max(self._window_end_s - now_s, TICK_S)
            self._timer = asyncio.get_running_loop().call_later(left_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if not self._taken:
            self._next()

    def _open_window(self, now_s: float) -> None:
        """What a tenant had beyond its share is counted in the new window."""
        allowed_s = SHARE * (now_s - self._window_end_s + WINDOW_S)
        self._window_end_s = now_s + WINDOW_S
        self._used_s = {
            tenant: min(used_s - allowed_s, MAX_DEBT_S)
            for tenant, used_s in self._used_s.items()
            if used_s > allowed_s and self._rests(tenant, now_s)
        }
