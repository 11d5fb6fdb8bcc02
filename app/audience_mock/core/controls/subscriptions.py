"""Subscriptions to what happens in a world: bounded queues, which cost nothing where there are none."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from audience_mock.core.errors import LimitExceededError

MAX_WAITING = 500
"""Notices that wait for a subscriber; beyond it, the oldest are dropped and counted. Chosen: what a server at
5,000 requests a second does between two deliveries."""

MAX_SUBSCRIBERS = 100
"""Of a world. Chosen: each is an open connection, and some work for each request."""


class Notice(NamedTuple):
    """Something that happened; `about` is what its kind says."""

    kind: str
    about: Any


class Subscription:
    """The notices that one subscriber has not taken yet. Threads may share it."""

    def __init__(self) -> None:
        self._waiting: deque[Notice] = deque()
        self._missed = 0
        self.ended: str | None = None
        """Why no more notices will come; None while they may."""

    def put(self, notice: Notice) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(notice)

    def take(self) -> tuple[int, list[Notice]]:
        """How many notices were dropped since the last time, and those that wait, the oldest first."""
        missed, self._missed = self._missed, 0
        return missed, [self._waiting.popleft() for _ in range(len(self._waiting))]


class Subscribers:
    """Those of a world. Falsy where there are none, so that no notice is made then."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    def __len__(self) -> int:
        return len(self._subscriptions)

    def check_room(self) -> None:
        """Raises LimitExceededError."""
        if len(self._subscriptions) >= MAX_SUBSCRIBERS:
            raise LimitExceededError(f"a world has {MAX_SUBSCRIBERS} subscribers at most: close one first")

    @contextmanager
    def subscribed(self) -> Iterator[Subscription]:
        subscription = self._new()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def _new(self) -> Subscription:
        return Subscription()

    def notify(self, kind: str, about: Any) -> None:
        notice = Notice(kind, about)
        for subscription in self._subscriptions:
            subscription.put(notice)

    def end(self, why: str) -> None:
        """Let every subscription end once its notices are taken."""
        for subscription in self._subscriptions:
            subscription.ended = why
