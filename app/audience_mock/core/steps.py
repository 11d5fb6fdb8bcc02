"""Long work in steps, between which other requests run."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Generic, TypeVar

Pause = Callable[[], Awaitable[None]]
T = TypeVar("T")

STEP_S, STEP_IN_TURN_S = 0.001, 0.00025
"""Seconds of work after which others run, and where they may be other tenants, whom a step makes wait. Chosen:
no longer than ten small requests, and no longer than two."""

_pause: ContextVar[Pause | None] = ContextVar("pause", default=None)


async def let_others_run() -> None:
    """Call it between two steps: what waits runs before the next one."""
    pause = _pause.get()
    if pause is None:
        await asyncio.sleep(0)
    else:
        await pause()


def step_s() -> float:
    """Seconds that a step is to take here."""
    return STEP_S if _pause.get() is None else STEP_IN_TURN_S


class in_steps(Generic[T]):  # noqa: N801 - used as a function
    """The same items, for `async for`: others run between two of them, whenever what is done with them has
    taken as long as a step."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._step_s = step_s()
        self._began_s = perf_counter()

    def __aiter__(self) -> "in_steps[T]":
        return self

    async def __anext__(self) -> T:
        if perf_counter() - self._began_s >= self._step_s:
            await let_others_run()
            self._began_s = perf_counter()
        for item in self._items:
            return item
        raise StopAsyncIteration


@contextmanager
def pausing(pause: Pause) -> Iterator[None]:
    """Within the block, work waits for `pause` between two steps: the next turn of its tenant, say."""
    token = _pause.set(pause)
    try:
        yield
    finally:
        _pause.reset(token)
