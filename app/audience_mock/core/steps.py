"""Long work in steps, between which other requests run."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Pause = Callable[[], Awaitable[None]]

_pause: ContextVar[Pause | None] = ContextVar("pause", default=None)


async def let_others_run() -> None:
    """Call it between two steps: what waits runs before the next one."""
    pause = _pause.get()
    if pause is None:
        await asyncio.sleep(0)
    else:
        await pause()


@contextmanager
def pausing(pause: Pause) -> Iterator[None]:
    """Within the block, work waits for `pause` between two steps: the next turn of its tenant, say."""
    token = _pause.set(pause)
    try:
        yield
    finally:
        _pause.reset(token)
