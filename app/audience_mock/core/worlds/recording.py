"""What a world keeps to be replayed, where the setting `record` says so: what it held at first, what the
control API changed, and the whole bodies of requests and answers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from audience_mock.core.rules import Rules
from audience_mock.core.store.database import IN_MEMORY, Database
from audience_mock.core.store.transaction import SQLiteTransaction, Transaction
from audience_mock.core.worlds.clock import Clock

MAX_BODY_BYTES = 1 << 20
"""Of a body that is kept. Chosen: an ordinary batch of people."""
MAX_BYTES = 64 << 20
"""Of all that is kept of requests, and of changes. Beyond it nothing more is noted. Chosen."""
ITEM_BYTES = 300
"""Memory of an exchange or a change besides its bytes. Estimated."""


class Change(NamedTuple):
    """A call of the control API: `after` is the number of requests before it."""

    after: int
    at_ms: int
    method: str
    path: str
    body: bytes


class Exchange(NamedTuple):
    """What the journal does not keep of a request. A body is None where it was too large."""

    body: bytes | None
    answer: bytes | None


class Recording:
    """Begins with the world as it is."""

    def __init__(
        self, database: Database, clock: Clock, settings: Mapping[str, Any], last_number: int
    ) -> None:
        self.start = Database(IN_MEMORY, layout=database.layout, image=database)
        self.settings = dict(settings)
        self.began_at_ms = clock.now_ms()
        self.was_frozen = clock.frozen
        self.first_number = last_number + 1
        self.changes: list[Change] = []
        self.exchanges: dict[int, Exchange] = {}
        self.is_full = False
        self._left_bytes = MAX_BYTES

    def add_change(self, change: Change) -> None:
        if self._has_room(len(change.body)):
            self.changes.append(change)

    def add_exchange(self, number: int, exchange: Exchange) -> None:
        if self._has_room(len(exchange.body or b"") + len(exchange.answer or b"")):
            self.exchanges[number] = exchange

    def _has_room(self, more_bytes: int) -> bool:
        self._left_bytes -= more_bytes + ITEM_BYTES
        # A gap would make what follows worthless.
        self.is_full = self.is_full or self._left_bytes < 0
        return not self.is_full

    def held_at_first(self, rules: Rules) -> Transaction:
        """Reads what the world held when the recording began."""
        return SQLiteTransaction(self.start, self.began_at_ms, rules, {})

    def close(self) -> None:
        self.start.close_unsaved()
