"""Digests of 32 bytes by the million: a bag of them that comes out sorted and distinct.

Many at a time go through numpy, which is imported when the first large file needs it and never at start:
ten million took 13 seconds as Python's own bytes, and other requests waited 90 ms at a time.
"""

import tempfile
from collections.abc import Iterator
from typing import IO

DIGEST_BYTES = 32
LINK_BYTES = 2 * DIGEST_BYTES
"""A link: a digest, and the digest of the same person that counts instead."""

HELD_BYTES = 4 << 20
"""Digests held in memory before they go to a temporary file. Sorting them out takes about 10 ms, for which
other requests wait."""

FEW_BYTES = 1 << 20
"""Up to here Python's own sort is as fast as importing numpy."""

_BUCKETS = 256


def import_numpy() -> None:
    """Have it imported before it is needed: it takes 100 ms and more, for which nobody need wait."""
    import numpy  # noqa: F401


def each(digests: bytes, width: int = DIGEST_BYTES) -> Iterator[bytes]:
    return (digests[at : at + width] for at in range(0, len(digests), width))


def sorted_distinct(digests: bytes, width: int = DIGEST_BYTES) -> bytes:
    """The same digests, or links by their `width`, in order, each once."""
    if len(digests) <= FEW_BYTES:
        return b"".join(sorted(set(each(digests, width))))
    import numpy as np

    rows = np.frombuffer(digests, dtype=">u8").reshape(-1, width // 8)
    first = rows[:, 0].astype("u8")
    order = np.argsort(first)
    first = first[order]
    if (first[1:] == first[:-1]).any():
        # The first eight bytes do not tell all of them apart: the others decide too.
        order = np.lexsort(rows.T[::-1])
        rows = rows[order]
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
        return bytes(rows[new].tobytes())
    return bytes(rows[order].tobytes())


class Digests:
    """Takes digests (or links, by their `width`) in any order and number; beyond HELD_BYTES they lie in a
    temporary file, in 256 buckets by their first byte."""

    def __init__(self, width: int = DIGEST_BYTES) -> None:
        self._width = width
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._spill: IO[bytes] | None = None
        self._ends: list[list[int]] = []

    def add(self, digests: bytes) -> None:
        """`digests` is any number of them, one after the other."""
        if not digests:
            return
        self._held.append(digests)
        self._held_bytes += len(digests)
        if self._held_bytes >= HELD_BYTES:
            self._write_out()

    def parts(self) -> Iterator[bytes]:
        """Parts that are sorted and distinct, each and all together; holds one at a time."""
        if self._spill is None:
            if self._held_bytes:
                yield sorted_distinct(b"".join(self._held), self._width)
            return
        if self._held:
            self._write_out()
        for bucket in range(_BUCKETS):
            pieces = []
            for ends in self._ends:
                self._spill.seek(ends[bucket])
                pieces.append(self._spill.read(ends[bucket + 1] - ends[bucket]))
            if any(pieces):
                yield sorted_distinct(b"".join(pieces), self._width)

    def _write_out(self) -> None:
        """Bucket after bucket; `ends` are the places in the file between them."""
        import numpy as np

        if self._spill is None:
            self._spill = tempfile.TemporaryFile()
        rows = np.frombuffer(b"".join(self._held), dtype=f"V{self._width}")
        first = rows.view("u1")[:: self._width]
        start = self._spill.seek(0, 2)
        counts = np.bincount(first, minlength=_BUCKETS).cumsum()
        self._ends.append([start, *(start + counts * self._width).tolist()])
        self._spill.write(rows[np.argsort(first, kind="stable")].tobytes())
        self._held.clear()
        self._held_bytes = 0

    def close(self) -> None:
        if self._spill is not None:
            self._spill.close()
