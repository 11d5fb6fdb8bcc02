"""Operations that take several transactions, and end when their world is replaced between two of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from audience_mock.core.errors import WorldReplacedError


@dataclass
class LongOperation:
    """`depth` counts nested operations of one task; `interrupted` once the world was replaced; `image` tells
    what the world was when it began, where that can be told."""

    depth: int = 0
    interrupted: bool = False
    image: int | None = None


class LongOperations:
    """Those that are running in a world, by task."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[Any], LongOperation] = {}

    def __len__(self) -> int:
        return len(self._running)

    def of_task(self, task: asyncio.Task[Any] | None) -> LongOperation | None:
        return None if task is None else self._running.get(task)

    @contextmanager
    def running(self) -> Iterator[LongOperation]:
        """Raises WorldReplacedError from where the body waits, if the world is replaced."""
        task = asyncio.current_task()
        assert task is not None
        operation = self._running.setdefault(task, LongOperation())
        operation.depth += 1
        try:
            yield operation
        except (asyncio.CancelledError, WorldReplacedError):
            if not operation.interrupted:
                raise
            task.uncancel()
            raise WorldReplacedError(
                "the world was reset, restored or deleted meanwhile; nothing was kept"
            ) from None
        finally:
            operation.depth -= 1
            if not operation.depth:
                del self._running[task]

    def interrupt_all(self, *, but: asyncio.Task[Any] | None = None) -> None:
        for task, operation in self._running.items():
            if task is but:
                continue
            operation.interrupted = True
            task.cancel()
