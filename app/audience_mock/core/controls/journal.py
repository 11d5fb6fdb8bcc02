"""What was asked of a world, newest last, within bounds: the oldest goes first."""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

ENTRY_BYTES = 750
"""What an entry takes beside the bytes that came and went, its objects; measured with tracemalloc, and
rounded up."""


class Entry(NamedTuple):
    """Numbers rise from 1 in each world. `at_ms` is the world's time when the answer was known; `what` is
    for those who note and who read."""

    number: int
    at_ms: int
    held_bytes: int
    what: Any


class Journal:
    """Each request notes an entry, so one is a tuple of references; whoever reads makes more of it."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int, int, Any]] = deque()
        self._held_bytes = 0
        self._emptied_at = 0
        self.last = 0
        """The number of the newest entry, be it still here or not."""

    def note(self, what: Any, held_bytes: int, at_ms: int, max_entries: int, max_bytes: int) -> None:
        """`held_bytes` are those that `what` holds on to."""
        held_bytes += ENTRY_BYTES
        self.last += 1
        self._held_bytes += held_bytes
        entries = self._entries
        entries.append((self.last, at_ms, held_bytes, what))
        while len(entries) > max_entries or (self._held_bytes > max_bytes and entries):
            self._held_bytes -= entries.popleft()[2]

    def trim(self, max_entries: int, max_bytes: int) -> None:
        """Let the oldest go until the rest is within the bounds."""
        entries = self._entries
        while len(entries) > max_entries or (self._held_bytes > max_bytes and entries):
            self._held_bytes -= entries.popleft()[2]

    def empty(self) -> None:
        """Forget all of it; numbers go on."""
        self._entries.clear()
        self._held_bytes = 0
        self._emptied_at = self.last

    @property
    def dropped(self) -> int:
        """How many had to go for want of room, since the start or since it was emptied."""
        return self.last - self._emptied_at - len(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """The oldest first."""
        return map(Entry._make, self._entries)

    def __reversed__(self) -> Iterator[Entry]:
        return map(Entry._make, reversed(self._entries))
