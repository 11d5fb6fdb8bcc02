"""Digests of 32 bytes by the million: collected in any order, read back sorted and distinct.

Large numbers are sorted by numpy, which is imported when the first large file needs it and never at start:
ten million took 13 seconds as Python's own bytes, and other requests waited 90 ms at a time. numpy is the
extra `fast`, since it is 66 of 163 MB installed; without it, Python sorts as many at a time.
"""

import asyncio
import logging
import mmap
import tempfile
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from functools import cache, partial
from io import FileIO
from typing import Any, NamedTuple

from audience_mock.core.errors import StorageFullError
from audience_mock.core.steps import beside

log = logging.getLogger("audience_mock")

DIGEST_BYTES = 32
LINK_BYTES = 2 * DIGEST_BYTES
"""A link: a digest, and the digest of the same person that replaces it."""

HELD_BYTES = 4 << 20
"""Digests held in memory before they are sorted, and go to a temporary file unless most are the same. Sorting
them takes 10 to 40 ms."""

FEW_HELD_BYTES = 1 << 16
"""Up to here the buffer grows with what comes. Chosen: a small upload takes kilobytes."""

ROOM_BYTES = 1 << 17
"""What is left of them free for the next piece when they are sorted beside the event loop. Chosen: more than
almost any piece has; one that has more is sorted at once."""

BESIDE_BYTES = 1 << 17
"""More than this is sorted beside the event loop. Chosen: numpy takes 0.2 ms for it, and a thread 0.1."""

FEW_BYTES = 1 << 20
"""Up to here Python's own sort is as fast as importing numpy."""

VERY_FEW_BYTES = 1 << 11
"""Up to here Python's own sort is faster than numpy's, measured."""

FEW_WANTED = 16
"""Up to here, looking for digests one by one takes as long as asking numpy for all."""

SORTED_BYTES = 2 << 20
"""What is read from a temporary file and sorted at a time, and up to BLOCK_BYTES more of each run in it: a
file of 1 GiB has 130 runs at most. It takes 20 to 40 ms."""

BLOCK_BYTES = 1 << 14
"""The first entry of each block of a run is kept in memory: a quarter of a percent of the file."""


@cache
def import_numpy() -> Any:
    """numpy, or None if it is not installed, which the first call logs. Its import takes 100 ms and more: do
    it in a thread, before numpy is needed."""
    try:
        import numpy
    except ImportError:
        log.info(
            "numpy is not installed: large uploads work, but take longer and delay other requests"
            " (pip install 'audience-mock[fast]')"
        )
        return None
    return numpy


def has_numpy() -> bool:
    """Whether numpy is imported already: then it is faster for a few digests, too."""
    return import_numpy.cache_info().currsize > 0 and import_numpy() is not None


async def prepare_for(file_bytes: int) -> None:
    """Import what a file of about this size needs, while other requests are answered."""
    # A digest is longer than most lines: 131,072 distinct ones of four bytes fill HELD_BYTES.
    if file_bytes > HELD_BYTES // 8:
        await asyncio.to_thread(import_numpy)


def each(digests: bytes, width: int = DIGEST_BYTES) -> Iterator[bytes]:
    return (digests[at : at + width] for at in range(0, len(digests), width))


def sorted_distinct(digests: bytes | memoryview, width: int = DIGEST_BYTES) -> bytes:
    """The digests, or links if that is their `width`, sorted and without duplicates."""
    is_few = len(digests) <= FEW_BYTES and not (has_numpy() and len(digests) > VERY_FEW_BYTES)
    np = None if is_few else import_numpy()
    if np is None:
        # A dictionary keeps the order of insertion, which sorts in half the time of a set's order.
        return b"".join(sorted(dict.fromkeys(each(bytes(digests), width))))
    words = np.frombuffer(digests, dtype=">u8").reshape(-1, width // 8)
    # The first eight bytes decide, or the first eight that are not the same in all.
    key = next((column for column in words.T if (column != column[0]).any()), words[:, 0]).astype("u8")
    order = np.argsort(key)
    # Moving whole entries is ten times as fast as moving their words.
    rows = np.frombuffer(digests, dtype=f"V{width}").take(order)
    key = key.take(order)
    equal = np.flatnonzero(key[1:] == key[:-1])
    if not len(equal):
        return bytes(rows.tobytes())
    ordered = rows.view(">u8").reshape(-1, width // 8)
    if (ordered[equal] != ordered[equal + 1]).any():
        # Some differ only after these: compare whole entries. A stable sort merges what is sorted already.
        rows = np.sort(np.frombuffer(digests, dtype=f"S{width}"), kind="stable").view(f"V{width}")
        ordered = rows.view(">u8").reshape(-1, width // 8)
        equal = np.flatnonzero((ordered[1:] == ordered[:-1]).all(axis=1))
    return bytes(np.delete(rows, equal).tobytes())


def find_sorted(entries: bytes, wanted: Mapping[bytes, object]) -> list[bytes]:
    """Those of the `wanted` digests, sorted as the keys are, that are among sorted, distinct ones.

    For each block of an upload: 131,072 digests take 0.2 ms, and to be read and sorted fifty times as long.
    """
    count = len(entries) // DIGEST_BYTES
    if count <= len(wanted):
        return [digest for digest in each(entries) if digest in wanted]

    def at(number: int) -> bytes:
        return entries[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]

    places: Iterable[int]
    if len(wanted) > FEW_WANTED and has_numpy():
        np = import_numpy()
        # As text, of which numpy makes no copy; that it takes no notice of zeros at the end does not matter.
        kind = f"S{DIGEST_BYTES}"
        places = np.searchsorted(np.frombuffer(entries, kind), np.frombuffer(b"".join(wanted), kind)).tolist()
    else:
        places = (bisect_left(range(count), digest, key=at) for digest in wanted)
    return [digest for digest, place in zip(wanted, places, strict=True) if at(place) == digest]


def without(entries: bytes, dropped: Mapping[bytes, object]) -> bytes:
    """Sorted, distinct digests but for the `dropped` ones, which are sorted as the keys are."""
    found = set(find_sorted(entries, dropped))
    return b"".join(digest for digest in each(entries) if digest not in found) if found else entries


class _Run(NamedTuple):
    """Sorted, distinct entries in a file, and the first entry of each of its blocks."""

    start: int
    end: int
    firsts: list[bytes]


class Digests:
    """Takes digests (or links, by their `width`) in any order and number.

    Whenever there are HELD_BYTES of them they are sorted, and become a run in a temporary file unless most
    are the same. `parts` merges the runs. So neither memory nor steps depend on how the digests are
    distributed: all may be equal, or begin with the same bytes.
    """

    def __init__(self, width: int = DIGEST_BYTES, *, watched: Mapping[bytes, object] | None = None) -> None:
        self._width = width
        self._watched = watched
        """Digests to look out for, sorted; see `watched_found`."""
        self._found: set[bytes] = set()
        self._sorted: bytes | None = None
        """What is held, sorted and distinct, until more is added."""
        self._limit = HELD_BYTES // width * width
        # Grows with what comes: a small upload takes kilobytes.
        self._held = memoryview(bytearray())
        self._held_bytes = 0
        self._spill: FileIO | None = None
        self._runs: list[_Run] = []

    @property
    def size_bytes(self) -> int:
        """Bytes of what was added. Duplicates are counted, but for those that were dropped already."""
        return self._held_bytes + (self._runs[-1].end if self._runs else 0)

    def add(self, digests: bytes) -> None:
        """`digests` is any number of them, one after the other."""
        self._sorted = None
        at = 0
        while at < len(digests):
            some = digests[at : at + self._limit - self._held_bytes]
            end = self._held_bytes + len(some)
            if end > len(self._held):
                self._grow(end)
            self._held[self._held_bytes : end] = some
            self._held_bytes = end
            at += len(some)
            if end == self._limit:
                self._make_room()

    async def settle(self) -> None:
        """Call it between two pieces of what is added: once there is much it is sorted, beside the event
        loop."""
        if self._held_bytes > self._limit - min(ROOM_BYTES, self._limit // 4):
            await beside(self._make_room)

    async def sort(self) -> None:
        """Sort what is held, which `watched_found` and `parts` would do."""
        if self._held_bytes > BESIDE_BYTES:
            await beside(self._sort_held)

    def _grow(self, size: int) -> None:
        """Grow the buffer to `size` bytes, or more if it has grown before."""
        if size > FEW_HELD_BYTES:
            # All of it at once: copying takes milliseconds, and a page that is not used costs nothing.
            grown = memoryview(mmap.mmap(-1, self._limit))
        else:
            grown = memoryview(bytearray(min(max(size, 2 * len(self._held)), self._limit)))
        grown[: self._held_bytes] = self._held[: self._held_bytes]
        self._held = grown

    def watched_found(self) -> list[bytes]:
        """Those of the digests to look out for that were added so far, sorted."""
        if self._watched and self._held_bytes:
            self._sort_held()
        return sorted(self._found)

    def _sort_held(self) -> bytes:
        """What is held, sorted and distinct."""
        if self._sorted is None:
            self._sorted = sorted_distinct(self._held[: self._held_bytes], self._width)
            if self._watched:
                self._found.update(find_sorted(self._sorted, self._watched))
        return self._sorted

    def _make_room(self) -> None:
        """Drop duplicates, or write all to the file: either frees half of the buffer at least."""
        entries = self._sort_held()
        self._sorted = None
        self._held_bytes = 0
        if len(entries) > self._limit // 2:
            self._write_run(entries)
        else:
            self._held[: len(entries)] = entries
            self._held_bytes = len(entries)

    def _write_run(self, entries: bytes) -> None:
        start = self._runs[-1].end if self._runs else 0
        try:
            if self._spill is None:
                self._spill = tempfile.TemporaryFile(buffering=0)
            _write_all(self._spill, memoryview(entries), start)
        except OSError as error:
            raise StorageFullError(f"cannot write to {tempfile.gettempdir()}: {error.strerror}") from None
        firsts = [entries[at : at + self._width] for at in range(0, len(entries), self._block_bytes)]
        self._runs.append(_Run(start, start + len(entries), firsts))

    @property
    def _block_bytes(self) -> int:
        """Of whole entries."""
        return max(1, BLOCK_BYTES // self._width) * self._width

    def parts(self) -> Iterator[bytes]:
        """The digests in parts that are sorted and distinct, each and all together; one part is in memory at
        a time. Each takes some ten milliseconds: `parts_beside` does not take them from the event loop."""
        if self._spill is None:
            if self._held_bytes:
                yield self._sort_held()
            return
        if self._held_bytes:
            self._write_run(self._sort_held())
            self._sorted = None
            self._held_bytes = 0
        buffer, starts = self._held, [run.start for run in self._runs]
        for cut in [*self._cuts(), None]:
            ends = [self._find(run, cut) for run in self._runs]
            size = sum(ends) - sum(starts)
            if size > len(buffer):
                buffer = memoryview(bytearray(size))
            at = 0
            for start, end in zip(starts, ends, strict=True):
                _read_all(self._spill, buffer[at : at + end - start], start)
                at += end - start
            starts = ends
            if size:
                yield sorted_distinct(buffer[:size], self._width)

    async def parts_beside(self) -> AsyncIterator[bytes]:
        """As `parts`, where the event loop runs."""
        parts = self.parts()
        is_small = self.size_bytes <= BESIDE_BYTES
        while part := next(parts, b"") if is_small else await beside(partial(next, parts, b"")):
            yield part

    def _cuts(self) -> list[bytes]:
        """The entries before which a part ends: as many blocks begin between two as SORTED_BYTES has."""
        firsts = sorted(first for run in self._runs for first in run.firsts)
        blocks = max(1, SORTED_BYTES // self._block_bytes)
        return [*dict.fromkeys(firsts[blocks::blocks])]

    def _find(self, run: _Run, entry: bytes | None) -> int:
        """Where in the file the entries of a run begin that are not less than `entry`."""
        if entry is None:
            return run.end
        block = bisect_left(run.firsts, entry)
        if not block:
            return run.start
        # The block before begins with less; where it ends with more, the place is within it.
        start = run.start + (block - 1) * self._block_bytes
        held = memoryview(bytearray(min(self._block_bytes, run.end - start)))
        assert self._spill is not None
        _read_all(self._spill, held, start)
        count = len(held) // self._width

        def at(number: int) -> bytes:
            return bytes(held[number * self._width : (number + 1) * self._width])

        return start + bisect_left(range(count), entry, key=at) * self._width

    async def release(self) -> None:
        """As `close`, beside the event loop: to give back megabytes takes a millisecond."""
        if self._held_bytes > BESIDE_BYTES or self._spill is not None:
            await beside(self.close)

    def close(self) -> None:
        self._held = memoryview(b"")
        if self._spill is not None:
            self._spill.close()


def _write_all(file: FileIO, piece: memoryview, at: int) -> None:
    """Write all bytes: an unbuffered file may write fewer than it is given."""
    file.seek(at)
    while piece:
        piece = piece[file.write(piece) :]


def _read_all(file: FileIO, buffer: memoryview, at: int) -> None:
    file.seek(at)
    while buffer:
        read = file.readinto(buffer)
        if not read:
            raise EOFError("a temporary file is shorter than it was")
        buffer = buffer[read:]
