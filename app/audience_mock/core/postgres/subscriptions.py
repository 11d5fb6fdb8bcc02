"""Subscriptions to what happens in a world at any server: each looks into what all servers have written."""

import time
from typing import TYPE_CHECKING, Any

from audience_mock.core.controls.subscriptions import MAX_WAITING, Notice, Subscribers, Subscription
from audience_mock.core.postgres.journal import PostgresJournal
from audience_mock.core.postgres.schema import SCHEMA

if TYPE_CHECKING:
    from audience_mock.core.postgres.world import PostgresWorld

LOOK_EVERY_S = 0.25
"""How often a subscription looks. Chosen: what a person sees as at once."""

_ADD = f"INSERT INTO {SCHEMA}.notices (world, kind, about) VALUES ($1, $2, $3) RETURNING number"
_AFTER = f"""SELECT number, kind, about FROM {SCHEMA}.notices
    WHERE world IN ($1, '') AND number > $2 ORDER BY number LIMIT $3"""
_LAST = f"SELECT coalesce(max(number), 0) FROM {SCHEMA}.notices"


class PostgresSubscribers(Subscribers):
    def __init__(self, world: "PostgresWorld") -> None:
        super().__init__()
        self._world = world

    def __bool__(self) -> bool:
        """No server tells of a request: subscriptions find it in the journal."""
        return False

    def _new(self) -> Subscription:
        return _Following(self._world)

    def notify(self, kind: str, about: Any) -> None:
        """What is text is told at all servers, anything else at this one."""
        if isinstance(about, str):
            self._world.server.row(_ADD, self._world.name, kind, about)
        else:
            super().notify(kind, about)


class _Following(Subscription):
    def __init__(self, world: "PostgresWorld") -> None:
        super().__init__()
        self._world, self._image = world, world.image
        self._seen = world.journal.last_number
        self._seen_notice: int = world.server.row(_LAST)[0]
        self._next_s = 0.0

    def take(self) -> tuple[int, list[Notice]]:
        missed, notices = super().take()
        now_s = time.monotonic()
        if now_s < self._next_s:
            return missed, notices
        self._next_s = now_s + LOOK_EVERY_S
        world = self._world
        world.refresh()
        if world.image != self._image:
            self._image, self._seen = world.image, 0
        journal = world.journal
        assert isinstance(journal, PostgresJournal)
        last = journal.last_number
        missed += max(0, last - self._seen - MAX_WAITING)
        if last > self._seen:
            for entry in journal.after(max(self._seen, last - MAX_WAITING)):
                self._seen = entry.number
                notices.append(Notice("request", entry))
        for number, kind, about in world.server.rows(_AFTER, world.name, self._seen_notice, MAX_WAITING):
            self._seen_notice = number
            notices.append(Notice(kind, about))
        return missed, notices
