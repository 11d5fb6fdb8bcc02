"""The request journal of a world, shared by all servers: one order of numbers."""

from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from audience_mock.core.controls.journal import ENTRY_BYTES, Entry, Held, Journal
from audience_mock.core.errors import NotFoundError, StorageFullError, StoreUnavailableError
from audience_mock.core.postgres import pickled
from audience_mock.core.postgres.schema import SCHEMA

if TYPE_CHECKING:
    from audience_mock.core.postgres.world import PostgresWorld

STEP_ENTRIES = 200
"""Entries that are read in one trip, a few megabytes with long bodies. Chosen."""

ADD = f"SELECT {SCHEMA}.add_to_journal($1, $2, $3, $4, $5, $6)"
_COUNTS = f"SELECT last, cleared_at, entries, held_bytes FROM {SCHEMA}.journals WHERE image = $1"
_TRIM = f"SELECT {SCHEMA}.trim_journal($1, $2, $3)"
_CLEAR = f"SELECT {SCHEMA}.clear_journal($1)"
_FIND = f"SELECT number, at_ms, held_bytes, record FROM {SCHEMA}.journal WHERE image = $1 AND number = $2"
_AFTER = f"""SELECT number, at_ms, held_bytes, record FROM {SCHEMA}.journal
    WHERE image = $1 AND number > $2 ORDER BY number LIMIT $3"""
_BEFORE = f"""SELECT number, at_ms, held_bytes, record FROM {SCHEMA}.journal
    WHERE image = $1 AND number < $2 ORDER BY number DESC LIMIT $3"""


class PostgresJournal(Journal):
    def __init__(self, world: "PostgresWorld") -> None:
        self._world = world

    def add(self, record: Any, held_bytes: int, at_ms: int, max_entries: int, max_bytes: int) -> None:
        """An entry that cannot be written is left out: the response is what matters."""
        if self._world.server.availability.is_down:
            return
        raw = pickled.written(record)
        try:
            self._value(ADD, at_ms, held_bytes + ENTRY_BYTES, raw, max_entries, max_bytes)
        except (StoreUnavailableError, StorageFullError):
            return

    def trim(self, max_entries: int, max_bytes: int) -> Held:
        last, cleared_at, entries, held_bytes = self._counts()
        if entries > max_entries or (held_bytes > max_bytes and entries):
            self._value(_TRIM, max_entries, max_bytes)
            last, cleared_at, entries, _ = self._counts()
        return Held(last, last - cleared_at - entries)

    def clear(self) -> None:
        self._value(_CLEAR)

    @property
    def last_number(self) -> int:  # type: ignore[override]
        return self._counts()[0]

    @property
    def dropped(self) -> int:
        last, cleared_at, entries, _ = self._counts()
        return last - cleared_at - entries

    @property
    def newest(self) -> Entry | None:
        return next(reversed(self), None)

    def find(self, number: int) -> Entry:
        row = self._world.server.row(_FIND, self._world.image, number) if number < 1 << 63 else None
        if row is None:
            raise NotFoundError("request", str(number))
        return _entry(row)

    @property
    def held_bytes(self) -> int:
        return self._counts()[3]

    def __len__(self) -> int:
        return self._counts()[2]

    def __iter__(self) -> Iterator[Entry]:
        return self.after(0)

    def snapshot(
        self, *, after: int = 0, before: int | None = None, newest_first: bool = False
    ) -> Iterator[Entry]:
        """Read in steps, so of one that is emptied meanwhile the first ones."""
        end = self.last_number + 1 if before is None else before
        if newest_first:
            return takewhile(lambda entry: entry.number > after, self._in_steps(_BEFORE, end))
        return takewhile(lambda entry: entry.number < end, self.after(after))

    def after(self, number: int) -> Iterator[Entry]:
        """The entries after a number, oldest first."""
        return self._in_steps(_AFTER, number)

    def __reversed__(self) -> Iterator[Entry]:
        return self._in_steps(_BEFORE, (1 << 63) - 1)

    def _in_steps(self, text: str, number: int) -> Iterator[Entry]:
        image = self._world.image
        while rows := self._world.server.rows(text, image, number, STEP_ENTRIES):
            yield from map(_entry, rows)
            if len(rows) < STEP_ENTRIES:
                return
            number = rows[-1][0]

    def _counts(self) -> tuple[int, int, int, int]:
        row = self._world.server.row(_COUNTS, self._world.image)
        return (0, 0, 0, 0) if row is None else tuple(row)

    def _value(self, text: str, *values: Any) -> Any:
        return self._world.server.row(text, self._world.image, *values)[0]


def _entry(row: Any) -> Entry:
    return Entry(row[0], row[1], row[2], pickled.read(row[3]))
