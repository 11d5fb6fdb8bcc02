"""Digests of 32 bytes by the million: collected in any order, read back sorted and distinct.

Large numbers are sorted by numpy, which is imported when the first large file needs it and never at start:
ten million took 13 seconds as Python's own bytes, and other requests waited 90 ms at a time.
"""

import os
import tempfile
from collections.abc import Iterator
from functools import cache
from io import FileIO
from typing import Any

DIGEST_BYTES = 32
LINK_BYTES = 2 * DIGEST_BYTES
"""A link: a digest, and the digest of the same person that replaces it."""

HELD_BYTES = 4 << 20
"""Digests held in memory before they go to a temporary file. Distributing them takes about 10 ms, for which
other requests wait."""

FEW_BYTES = 1 << 20
"""Up to here Python's own sort is as fast as importing numpy."""

VERY_FEW_BYTES = 1 << 11
"""Up to here Python's own sort is faster than numpy's, measured."""

SORTED_BYTES = 2 << 20
"""What is read from a temporary file and sorted at a time, or one bucket of a very large file. Other requests
wait 5 ms for it."""

_BUCKETS = 256


@cache
def import_numpy() -> Any:
    """numpy. Its import takes 100 ms and more: do it in a thread, before numpy is needed."""
    import numpy

    return numpy


def has_numpy() -> bool:
    """Whether numpy is imported already: then it is faster for a few digests, too."""
    return import_numpy.cache_info().currsize > 0


def each(digests: bytes, width: int = DIGEST_BYTES) -> Iterator[bytes]:
    return (digests[at : at + width] for at in range(0, len(digests), width))


def sorted_distinct(digests: bytes | memoryview, width: int = DIGEST_BYTES) -> bytes:
    """The digests, or links if that is their `width`, sorted and without duplicates."""
    if len(digests) <= FEW_BYTES and not (has_numpy() and len(digests) > VERY_FEW_BYTES):
        # A dictionary keeps the order of insertion, which sorts in half the time of a set's order.
        return b"".join(sorted(dict.fromkeys(each(bytes(digests), width))))
    np = import_numpy()
    words = np.frombuffer(digests, dtype=">u8").reshape(-1, width // 8)
    first = words[:, 0].astype("u8")
    order = np.argsort(first)
    # Moving whole entries is ten times as fast as moving their words.
    rows = np.frombuffer(digests, dtype=f"V{width}").take(order)
    first = first.take(order)
    equal = np.flatnonzero(first[1:] == first[:-1])
    if not len(equal):
        return bytes(rows.tobytes())
    ordered = rows.view(">u8").reshape(-1, width // 8)
    if (ordered[equal] != ordered[equal + 1]).any():
        # Some differ only after the first eight bytes: compare the rest, too.
        rows = rows.take(np.lexsort(ordered.T[::-1]))
        ordered = rows.view(">u8").reshape(-1, width // 8)
        equal = np.flatnonzero((ordered[1:] == ordered[:-1]).all(axis=1))
    return bytes(np.delete(rows, equal).tobytes())


class Digests:
    """Takes digests (or links, by their `width`) in any order and number. Beyond HELD_BYTES they go to a
    temporary file, in 256 buckets by their first byte."""

    def __init__(self, width: int = DIGEST_BYTES) -> None:
        self._width = width
        self._limit = HELD_BYTES // width * width
        # Grows with what comes: a small upload takes kilobytes.
        self._held = memoryview(bytearray())
        self._held_bytes = 0
        self._sorted: Any = None
        self._spill: FileIO | None = None
        self._ends: list[list[int]] = []

    @property
    def size_bytes(self) -> int:
        """Bytes of all that was added, duplicates included."""
        return self._held_bytes + (self._ends[-1][-1] if self._ends else 0)

    def add(self, digests: bytes) -> None:
        """`digests` is any number of them, one after the other."""
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
                self._write_out()

    def _grow(self, size: int) -> None:
        """Grow the buffer to `size` bytes, or more if it has grown before."""
        grown = memoryview(bytearray(min(max(size, 2 * len(self._held)), self._limit)))
        grown[: self._held_bytes] = self._held[: self._held_bytes]
        self._held = grown

    def parts(self) -> Iterator[bytes]:
        """The digests in parts that are sorted and distinct, each and all together; one part is in memory at
        a time."""
        if self._spill is None:
            if self._held_bytes:
                yield sorted_distinct(self._held[: self._held_bytes], self._width)
            return
        if self._held_bytes:
            self._write_out()
        first, buffer = 0, self._held
        for last in self._cuts():
            size = sum(ends[last] - ends[first] for ends in self._ends)
            if size > len(buffer):
                buffer = memoryview(bytearray(size))
            at = 0
            for ends in self._ends:
                more = ends[last] - ends[first]
                _read_all(self._spill, buffer[at : at + more], ends[first])
                at += more
            first = last
            if size:
                yield sorted_distinct(buffer[:size], self._width)

    def _cuts(self) -> Iterator[int]:
        """The number of the bucket after each part: neighbouring buckets are one part up to SORTED_BYTES."""
        size = 0
        for bucket in range(_BUCKETS):
            more = sum(ends[bucket + 1] - ends[bucket] for ends in self._ends)
            if size and size + more > SORTED_BYTES:
                yield bucket
                size = 0
            size += more
        yield _BUCKETS

    def _write_out(self) -> None:
        """Write what is in memory to the file, bucket by bucket; `_ends` has the offsets between them."""
        np = import_numpy()
        if self._spill is None:
            self._spill = tempfile.TemporaryFile(buffering=0)
            self._sorted = np.empty(self._limit // self._width, dtype=f"V{self._width}")
        rows = np.frombuffer(self._held[: self._held_bytes], dtype=f"V{self._width}")
        first = rows.view("u1")[:: self._width].copy()
        start = self._ends[-1][-1] if self._ends else 0
        counts = np.bincount(first, minlength=_BUCKETS).cumsum()
        self._ends.append([start, *(start + counts * self._width).tolist()])
        ordered = self._sorted[: len(rows)]
        # "clip" writes to `out` directly; the default mode makes a copy first.
        rows.take(np.argsort(first, kind="stable"), out=ordered, mode="clip")
        _write_all(self._spill, ordered.view("u1").data)
        self._held_bytes = 0

    def close(self) -> None:
        if self._spill is not None:
            self._spill.close()


def _write_all(file: FileIO, piece: memoryview) -> None:
    """Write all bytes: an unbuffered file may write fewer than it is given."""
    file.seek(0, os.SEEK_END)
    while piece:
        piece = piece[file.write(piece) :]


def _read_all(file: FileIO, buffer: memoryview, at: int) -> None:
    file.seek(at)
    while buffer:
        read = file.readinto(buffer)
        if not read:
            raise EOFError("a temporary file is shorter than it was")
        buffer = buffer[read:]
