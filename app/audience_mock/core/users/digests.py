"""Digests of 32 bytes by the million: a bag of them that comes out sorted and distinct.

Many at a time go through numpy, which is imported when the first large file needs it and never at start:
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
"""A link: a digest, and the digest of the same person that counts instead."""

HELD_BYTES = 4 << 20
"""Digests held in memory before they go to a temporary file. Sorting them out takes about 10 ms, for which
other requests wait."""

FEW_BYTES = 1 << 20
"""Up to here Python's own sort is as fast as importing numpy."""

VERY_FEW_BYTES = 1 << 11
"""Up to here Python's own sort is faster than numpy's, measured."""

SORTED_BYTES = 2 << 20
"""What is sorted at a time of what lies in a temporary file; of a very large one, a bucket as it is. Others
wait 5 ms for it."""

_BUCKETS = 256


@cache
def import_numpy() -> Any:
    """numpy. It takes 100 ms and more, so it is imported before it is needed, while others go on."""
    import numpy

    return numpy


def has_numpy() -> bool:
    """Whether it was imported: then it is the faster way for a few, too."""
    return import_numpy.cache_info().currsize > 0


def each(digests: bytes, width: int = DIGEST_BYTES) -> Iterator[bytes]:
    return (digests[at : at + width] for at in range(0, len(digests), width))


def sorted_distinct(digests: bytes | memoryview, width: int = DIGEST_BYTES) -> bytes:
    """The same digests, or links by their `width`, in order, each once."""
    if len(digests) <= FEW_BYTES and not (has_numpy() and len(digests) > VERY_FEW_BYTES):
        # A dictionary keeps them as they came, which sorts in half the time that the order of a set takes.
        return b"".join(sorted(dict.fromkeys(each(bytes(digests), width))))
    np = import_numpy()
    words = np.frombuffer(digests, dtype=">u8").reshape(-1, width // 8)
    first = words[:, 0].astype("u8")
    order = np.argsort(first)
    # Whole entries are moved, ten times as fast as their words.
    rows = np.frombuffer(digests, dtype=f"V{width}").take(order)
    first = first.take(order)
    alike = np.flatnonzero(first[1:] == first[:-1])
    if not len(alike):
        return bytes(rows.tobytes())
    ordered = rows.view(">u8").reshape(-1, width // 8)
    if (ordered[alike] != ordered[alike + 1]).any():
        # The first eight bytes do not tell all of them apart: the others decide too.
        rows = rows.take(np.lexsort(ordered.T[::-1]))
        ordered = rows.view(">u8").reshape(-1, width // 8)
        alike = np.flatnonzero((ordered[1:] == ordered[:-1]).all(axis=1))
    return bytes(np.delete(rows, alike).tobytes())


class Digests:
    """Takes digests (or links, by their `width`) in any order and number; beyond HELD_BYTES they lie in a
    temporary file, in 256 buckets by their first byte."""

    def __init__(self, width: int = DIGEST_BYTES) -> None:
        self._width = width
        # One piece of memory for all that comes: its pages are the system's until they are written to.
        self._held = memoryview(bytearray(HELD_BYTES // width * width))
        self._held_bytes = 0
        self._sorted: Any = None
        self._spill: FileIO | None = None
        self._ends: list[list[int]] = []

    def add(self, digests: bytes) -> None:
        """`digests` is any number of them, one after the other."""
        at = 0
        while at < len(digests):
            some = digests[at : at + len(self._held) - self._held_bytes]
            self._held[self._held_bytes : self._held_bytes + len(some)] = some
            self._held_bytes += len(some)
            at += len(some)
            if self._held_bytes == len(self._held):
                self._write_out()

    def parts(self) -> Iterator[bytes]:
        """Parts that are sorted and distinct, each and all together; holds one at a time."""
        if self._spill is None:
            if self._held_bytes:
                yield sorted_distinct(self._held[: self._held_bytes], self._width)
            return
        if self._held_bytes:
            self._write_out()
        first, room = 0, self._held
        for last in self._cuts():
            size = sum(ends[last] - ends[first] for ends in self._ends)
            if size > len(room):
                room = memoryview(bytearray(size))
            at = 0
            for ends in self._ends:
                more = ends[last] - ends[first]
                _read_all(self._spill, room[at : at + more], ends[first])
                at += more
            first = last
            if size:
                yield sorted_distinct(room[:size], self._width)

    def _cuts(self) -> Iterator[int]:
        """Where a part ends, as the number of its buckets' next: those that lie side by side are one part as
        long as it is no more than SORTED_BYTES."""
        size = 0
        for bucket in range(_BUCKETS):
            more = sum(ends[bucket + 1] - ends[bucket] for ends in self._ends)
            if size and size + more > SORTED_BYTES:
                yield bucket
                size = 0
            size += more
        yield _BUCKETS

    def _write_out(self) -> None:
        """Bucket after bucket; `ends` are the places in the file between them."""
        np = import_numpy()
        if self._spill is None:
            self._spill = tempfile.TemporaryFile(buffering=0)
            self._sorted = np.empty(len(self._held) // self._width, dtype=f"V{self._width}")
        rows = np.frombuffer(self._held[: self._held_bytes], dtype=f"V{self._width}")
        first = rows.view("u1")[:: self._width].copy()
        start = self._ends[-1][-1] if self._ends else 0
        counts = np.bincount(first, minlength=_BUCKETS).cumsum()
        self._ends.append([start, *(start + counts * self._width).tolist()])
        ordered = self._sorted[: len(rows)]
        # "clip" writes where it shall; the default takes a copy of it first.
        rows.take(np.argsort(first, kind="stable"), out=ordered, mode="clip")
        _write_all(self._spill, ordered.view("u1").data)
        self._held_bytes = 0

    def close(self) -> None:
        if self._spill is not None:
            self._spill.close()


def _write_all(file: FileIO, piece: memoryview) -> None:
    """A file without a buffer may take less than it is given."""
    file.seek(0, os.SEEK_END)
    while piece:
        piece = piece[file.write(piece) :]


def _read_all(file: FileIO, room: memoryview, at: int) -> None:
    file.seek(at)
    while room:
        read = file.readinto(room)
        if not read:
            raise EOFError("a temporary file is shorter than it was")
        room = room[read:]
