"""Shares of the event loop: what a tenant that floods leaves to others, and what a lone one gets."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from audience_mock.web import turns as module
from audience_mock.web.turns import ACTIVE_S, SHARE, WINDOW_S, Turns

LIMIT_S = 60
T = TypeVar("T")


class Clock:
    """What `perf_counter` says to the turns."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        patch.setattr(module, "perf_counter", lambda: self.now_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def run(served: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(served, LIMIT_S))


def begins_at_once(turns: Turns, tenant: str) -> bool:
    """Whether a request of the tenant has its turn without waiting; else it gives up."""
    waiting = turns.wait(tenant)
    try:
        waiting.send(None)
    except StopIteration:
        return True
    waiting.close()
    return False


async def use(turns: Turns, clock: Clock, tenant: str, seconds: float) -> None:
    """A request of the tenant that takes so long."""
    await turns.wait(tenant)
    clock.now_s += seconds


async def iterations(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_lone_tenant_has_all_of_the_time(clock: Clock) -> None:
    """However much it takes, also once the others have been silent for a while."""

    async def served() -> None:
        turns = Turns()
        await use(turns, clock, "other", 0.0)
        clock.now_s += ACTIVE_S
        for _ in range(100):
            await use(turns, clock, "busy", WINDOW_S)
            assert len(turns) == 0

    run(served())


def test_a_tenant_rests_after_its_share_while_others_are_active(clock: Clock) -> None:
    """It waits for the next window, and others begin at once meanwhile."""

    async def served() -> None:
        turns = Turns()
        await use(turns, clock, "quiet", 0.0)
        await iterations()
        await use(turns, clock, "noisy", 1.01 * SHARE * WINDOW_S)
        await iterations()
        waiting = asyncio.create_task(turns.wait("noisy"))
        await iterations()
        assert (len(turns), waiting.done()) == (1, False)
        for _ in range(3):
            assert begins_at_once(turns, "quiet")
            await iterations()
        clock.now_s += WINDOW_S
        await waiting
        assert len(turns) == 0

    run(served())


def test_who_rests_is_woken_though_nothing_else_comes(clock: Clock) -> None:
    """Nobody waits when its share is used up, and its next request is the only one from then on."""

    async def served() -> None:
        turns = Turns()
        await use(turns, clock, "quiet", 0.0)
        await use(turns, clock, "noisy", 3 * WINDOW_S)
        await iterations()
        waiting = asyncio.create_task(turns.wait("noisy"))
        await iterations()
        clock.now_s += 7 * WINDOW_S
        await waiting

    run(served())


@pytest.mark.parametrize("steps", [1, 4, 16])
def test_a_tenant_has_its_share_however_long_its_steps_are(clock: Clock, steps: int) -> None:
    """A step that takes several windows is made up for afterwards."""
    busy_s = 16 * WINDOW_S

    async def served() -> float:
        turns = Turns()

        async def others() -> None:
            while True:
                await turns.wait("quiet")
                await asyncio.sleep(0.0005)  # the turns have timers of the event loop's own clock
                clock.now_s += WINDOW_S / 8

        quiet = asyncio.create_task(others())
        await iterations()
        began_s = clock.now_s
        for _ in range(steps):
            await use(turns, clock, "noisy", busy_s / steps)
        await turns.wait("noisy")
        quiet.cancel()
        return clock.now_s - began_s

    assert run(served()) == pytest.approx(busy_s / SHARE, rel=0.35)


def test_one_that_had_no_turn_begins_in_the_same_iteration(clock: Clock) -> None:
    """It does not wait for those that flood; a second one in the same iteration does, as do many tenants that
    come at once."""

    async def served() -> list[bool]:
        turns = Turns()
        flood = [asyncio.create_task(turns.wait("noisy")) for _ in range(5)]
        await asyncio.sleep(0)
        begun = [begins_at_once(turns, f"tenant-{number}") for number in range(5)]
        await asyncio.gather(*flood)
        return begun

    assert run(served()) == [True, False, False, False, False]


def test_tenants_that_nobody_knows_take_no_memory(clock: Clock) -> None:
    """Names of tenants are made up by callers: what is kept of one ends with the window."""

    async def served() -> int:
        turns = Turns()
        for number in range(1000):
            await use(turns, clock, f"tenant-{number}", WINDOW_S / 8)
        clock.now_s += WINDOW_S
        await use(turns, clock, "last", 0.0)
        await iterations()
        return len(turns._used_s) + len(turns._waiting)

    assert run(served()) <= 2


def test_the_time_of_a_request_that_waited_is_its_own_tenants(clock: Clock) -> None:
    """Not that of the tenant whose turn comes next: it would rest for what others used."""

    async def served() -> None:
        turns = Turns()
        for tenant in ("first", "noisy", "quiet"):
            await use(turns, clock, tenant, 0.0)
        await iterations()
        busy = (use(turns, clock, "noisy", 1.01 * SHARE * WINDOW_S), use(turns, clock, "quiet", 0.0))
        await asyncio.gather(use(turns, clock, "first", 0.0), *busy)
        await iterations()
        assert begins_at_once(turns, "quiet")
        await iterations()
        assert not begins_at_once(turns, "noisy")

    run(served())
