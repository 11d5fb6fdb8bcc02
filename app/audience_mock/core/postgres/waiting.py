"""Waiting for the network beneath synchronous functions of the core, by greenlets.

A greenlet runs a function, and whatever that waits for is passed up to the coroutine that started it, whose
task waits as it does for anything else: the event loop goes on meanwhile. SQLAlchemy does the same.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")


class _Waiting(greenlet):  # type: ignore[misc]  # it has no types
    """One whose parent passes on what it waits for."""


class in_greenlet(Awaitable[T]):
    """Awaiting it runs a function, which may call `wait`."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function

    def __await__(self) -> Generator[Any, Any, T]:
        starter = getcurrent()
        running = _Waiting(self._function, starter)
        running.gr_context = starter.gr_context
        waited_for = running.switch()
        while not running.dead:
            try:
                result = yield waited_for
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is for who waits
                waited_for = running.throw(error)
            else:
                waited_for = running.switch(result)
        return waited_for  # type: ignore[no-any-return]  # of the last switch: what the function returned


def can_wait() -> bool:
    """Whether the caller runs in a greenlet of `in_greenlet`."""
    return isinstance(getcurrent(), _Waiting)


def wait(awaitable: Awaitable[T]) -> T:
    """The result of an awaitable, for a synchronous caller in a greenlet."""
    waiting = getcurrent()
    if not isinstance(waiting, _Waiting):
        if isinstance(awaitable, Coroutine):
            awaitable.close()
        raise RuntimeError("only what runs in a greenlet can wait for the database")
    parent = waiting.parent
    assert parent is not None
    steps: Any = awaitable.__await__()
    step = partial(steps.send, None)
    while True:
        try:
            waited_for = step()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            step = partial(steps.send, parent.switch(waited_for))
        except BaseException as error:  # noqa: BLE001 - passed on
            step = partial(steps.throw, error)
