"""Long work in steps, and beside the event loop."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from audience_mock.core import steps
from audience_mock.core.steps import STEP_IN_TURN_S, STEP_S, beside, in_slices, in_steps, pausing

LIMIT_S = 10


class Clock:
    """What `perf_counter` says to the steps."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(steps, "perf_counter", clock)
    return clock


@pytest.mark.parametrize(("in_turn", "step_s"), [(False, STEP_S), (True, STEP_IN_TURN_S)])
def test_others_run_after_each_step(clock: Clock, in_turn: bool, step_s: float) -> None:
    """As soon as the items have taken as long as a step, which is shorter where tenants take turns; the next
    step begins when they have run."""
    pauses: list[int] = []

    async def pause() -> None:
        pauses.append(len(seen))
        clock.now_s += 1.0

    async def run() -> None:
        async for item in in_steps(range(10)):
            seen.append(item)
            clock.now_s += step_s / 4

    async def run_in_turn() -> None:
        with pausing(pause):
            await run()

    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        if not in_turn:
            patch.setattr(steps, "let_others_run", pause)
        asyncio.run(run_in_turn() if in_turn else run())
    assert (seen, pauses) == ([*range(10)], [4, 8])


@pytest.mark.parametrize("in_turn", [False, True])
def test_slices_take_as_long_as_a_step(clock: Clock, in_turn: bool) -> None:
    """A stream of which each byte takes a microsecond is cut into slices of a step, or nearly."""

    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(100_000)

    async def pause() -> None:
        pass

    async def run() -> list[int]:
        sizes = []
        with pausing(pause):
            async for piece in in_slices(pieces()):
                sizes.append(len(piece))
                clock.now_s += len(piece) / 1_000_000
        return sizes

    with pytest.MonkeyPatch.context() as patch:
        if not in_turn:
            patch.setattr(steps, "STEP_IN_TURN_S", STEP_S)
        sizes = asyncio.run(run())
    assert sum(sizes) == 100_000
    longest = STEP_IN_TURN_S if in_turn else STEP_S
    assert max(sizes[5:]) <= max(steps.SHORT_SLICE_BYTES, longest * 1_000_000)


def test_what_runs_beside_has_ended_when_its_task_is_cancelled() -> None:
    """So nothing that it uses is closed under it. It is told to stop; what it raises is not passed on."""
    may_end, told = threading.Event(), list[str]()

    def work() -> None:
        may_end.wait(LIMIT_S)
        told.append("ended")
        raise ValueError

    def stop() -> None:
        told.append("stop")

    async def run() -> None:
        task = asyncio.create_task(beside(work, stop))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert told == ["stop"]
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        told.append("over")

    asyncio.run(asyncio.wait_for(run(), LIMIT_S))
    assert told == ["stop", "ended", "over"]
