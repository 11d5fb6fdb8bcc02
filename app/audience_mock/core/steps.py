"""Long work in steps, between which other requests run, and beside the event loop."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import perf_counter
from typing import Generic, TypeVar

Pause = Callable[[], Awaitable[None]]
T = TypeVar("T")

STEP_S, STEP_IN_TURN_S = 0.001, 0.00025
"""Seconds of work after which others run, and where they may be other tenants. Chosen: no longer than ten
small requests, and no longer than two."""

SLICE_BYTES, SHORT_SLICE_BYTES = 1 << 16, 1 << 10
"""Bytes of a stream that are processed at a time, and of one that takes long. Chosen."""

_pause: ContextVar[Pause | None] = ContextVar("pause", default=None)


async def let_others_run() -> None:
    """Call it between two steps: what waits runs before the next one."""
    pause = _pause.get()
    if pause is None:
        await asyncio.sleep(0)
    else:
        await pause()


def takes_turns() -> bool:
    """Whether others are other tenants."""
    return _pause.get() is not None


def step_s() -> float:
    """Seconds that a step is to take here."""
    return STEP_IN_TURN_S if takes_turns() else STEP_S


class in_steps(Generic[T]):
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


async def in_slices(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same bytes. If what is done with a slice takes long, other requests are answered before the next,
    which is shorter: a line may be two bytes, and a piece as large as the kernel's buffer."""
    size, longest_s = SLICE_BYTES // 8, step_s()
    async for piece in pieces:
        at, others_ran_s = 0, perf_counter()
        while at < len(piece):
            began_s = perf_counter()
            yield piece[at : at + size]
            at += size
            now_s = perf_counter()
            if now_s - began_s > longest_s:
                size = max(size // 2, SHORT_SLICE_BYTES)
            elif now_s - began_s < longest_s / 4:
                size = min(size * 2, SLICE_BYTES)
            if now_s - others_ran_s > longest_s:
                await let_others_run()
                others_ran_s = perf_counter()


async def beside(function: Callable[[], T], stop: Callable[[], object] | None = None) -> T:
    """Run a function in a thread, for what takes long without Python: sorting, SQLite, compression. If the
    task is cancelled, `stop` is called, and this returns when the function has ended: nothing that it uses
    is closed before."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if stop is not None:
            stop()
        # Cancelled again while it waits, as tasks of anyio are until they end, it waits on.
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        if not running.cancelled():
            running.exception()
        raise


@contextmanager
def pausing(pause: Pause) -> Iterator[None]:
    """Within the block, work waits for `pause` between two steps: the next turn of its tenant, say."""
    token = _pause.set(pause)
    try:
        yield
    finally:
        _pause.reset(token)
