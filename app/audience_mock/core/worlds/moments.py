"""The time that a request sees.

A request takes a while, and all that it writes and answers has one time all the same: that of its last
transaction or, until there is one, the time since which it has not waited. If each part read the clock for
itself, a second could end between the row that a request makes and its answer; and a recording, which has one
time for each request, could not be replayed to the byte.
"""

from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from types import coroutine
from typing import Any

_current: ContextVar["Moment | None"] = ContextVar("moment", default=None)


class Moment:
    """The time of one request, in milliseconds of the clock that its world follows."""

    at_ms: int | None = None
    """None until it is read, which a frozen clock does not do."""
    _has_waited = _has_transaction = _is_over = False

    def read(self, now_ms: Callable[[], int]) -> int:
        if self._is_over:  # what the request has started goes on
            return now_ms()
        if self.at_ms is None or (self._has_waited and not self._has_transaction):
            self.at_ms = now_ms()
            self._has_waited = False
        return self.at_ms

    def begin_transaction(self) -> None:
        if self._has_waited:
            self.at_ms = None
            self._has_waited = False
        self._has_transaction = True

    @coroutine
    def during(self, request: Awaitable[None]) -> Generator[Any, Any, None]:
        """Await the handling of the request, and notice each time that it waits."""
        steps = request.__await__()
        before = _current.get()
        _current.set(self)
        try:
            waited_for = steps.send(None)
            while True:
                try:
                    result = yield waited_for
                except BaseException as error:  # noqa: BLE001 - passed on
                    self._has_waited = True
                    waited_for = steps.throw(error)
                else:
                    self._has_waited = True
                    waited_for = steps.send(result)
        except StopIteration:
            return
        finally:
            self._is_over = True
            _current.set(before)


def time_of_request(now_ms: Callable[[], int]) -> int:
    """What `now_ms` said at the moment of the request that is handled; what it says now, outside of one."""
    moment = _current.get()
    return now_ms() if moment is None else moment.read(now_ms)


def begin_transaction() -> None:
    """A transaction begins: if the request has waited since it read the time, it is later now."""
    moment = _current.get()
    if moment is not None:
        moment.begin_transaction()
