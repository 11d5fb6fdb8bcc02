"""The request journal of a world: newest last, bounded; the oldest entries are dropped first."""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from audience_mock.core.errors import NotFoundError

ENTRY_BYTES = 750
"""Memory of an entry besides the bytes of the request and its answer; measured with tracemalloc, rounded
up."""


class Entry(NamedTuple):
    """`number` counts from 1 in each world. `at_ms` is the world's time when the answer was known; the
    journal does not look into a `record`."""

    number: int
    at_ms: int
    held_bytes: int
    record: Any


class Held(NamedTuple):
    """What a journal holds, as of one moment."""

    last_number: int
    """Of the newest entry, dropped or not."""
    dropped: int
    """Entries that the bounds have dropped, since the start or since `clear`."""


class Journal:
    """Each request adds an entry, so an entry is a plain tuple of references, formatted only when read."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int, int, Any]] = deque()
        self._held_bytes = 0
        self._cleared_at = 0
        self.last_number = 0
        """The number of the newest entry, dropped or not."""

    def add(self, record: Any, held_bytes: int, at_ms: int, max_entries: int, max_bytes: int) -> None:
        """`held_bytes` are the bytes that `record` keeps in memory."""
        held_bytes += ENTRY_BYTES
        self.last_number += 1
        self._held_bytes += held_bytes
        entries = self._entries
        entries.append((self.last_number, at_ms, held_bytes, record))
        while len(entries) > max_entries or (self._held_bytes > max_bytes and entries):
            self._held_bytes -= entries.popleft()[2]

    def trim(self, max_entries: int, max_bytes: int) -> Held:
        """Drop the oldest entries until the rest is within the bounds. Returns what there is then."""
        entries = self._entries
        while len(entries) > max_entries or (self._held_bytes > max_bytes and entries):
            self._held_bytes -= entries.popleft()[2]
        return Held(self.last_number, self.dropped)

    def clear(self) -> None:
        """Drop all entries; numbers go on."""
        self._entries.clear()
        self._held_bytes = 0
        self._cleared_at = self.last_number

    @property
    def dropped(self) -> int:
        """How many entries were dropped because of the bounds, since the start or since `clear`."""
        return self.last_number - self._cleared_at - len(self._entries)

    @property
    def newest(self) -> Entry | None:
        return Entry._make(self._entries[-1]) if self._entries else None

    def find(self, number: int) -> Entry:
        """Raises NotFoundError."""
        # Numbers have no gaps, so the place of an entry follows from its number.
        place = number - (self.last_number - len(self._entries)) - 1
        if not 0 <= place < len(self._entries):
            raise NotFoundError("request", str(number))
        return Entry._make(self._entries[place])

    @property
    def held_bytes(self) -> int:
        """Memory that the entries take, by estimate."""
        return self._held_bytes

    def snapshot(
        self, *, after: int = 0, before: int | None = None, newest_first: bool = False
    ) -> Iterator[Entry]:
        """As iterating, over the entries of now whose numbers lie between the two: while it goes on, others
        may be added."""
        first = self.last_number - len(self._entries) + 1
        last = None if before is None else max(0, before - first)
        entries = list(islice(self._entries, max(0, after + 1 - first), last))
        return map(Entry._make, reversed(entries) if newest_first else entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Oldest first."""
        return map(Entry._make, self._entries)

    def __reversed__(self) -> Iterator[Entry]:
        return map(Entry._make, reversed(self._entries))
