"""The starts of uploads, as they came: what was sent is not kept otherwise, and `lint` has to see it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from audience_mock.core.worlds.world import World

SAMPLES = 20
"""Uploads of a world whose starts are kept, the newest. Chosen: with 64 KiB each, not more than a megabyte
and a quarter."""


class Sample:
    """The first bytes of an upload, or its first rows."""

    def __init__(self, max_bytes: int) -> None:
        self.text = b""
        self.rows: list[Mapping[str, object]] = []
        self.is_whole = True
        """Whether it has all that was sent."""
        self._left_bytes = max_bytes

    def add_text(self, piece: bytes) -> None:
        if len(piece) > self._left_bytes:
            self.is_whole = False
        if self._left_bytes:
            self.text += piece[: self._left_bytes]
            self._left_bytes = max(0, self._left_bytes - len(piece))

    def add_rows(self, rows: Sequence[Mapping[str, object]]) -> None:
        for row in rows:
            size_bytes = sum(len(str(value)) for value in row.values())
            if size_bytes > self._left_bytes:
                self.is_whole, self._left_bytes = False, 0
                return
            self._left_bytes -= size_bytes
            self.rows.append(row)


class KeptSample(NamedTuple):
    """A sample, and what it was sent to: an audience as users of a type, or a customer list of a type."""

    received_at_ms: int
    audience: int | None
    customer_list: int | None
    type: str
    sample: Sample


def sample_of(world: World) -> Sample | None:
    """An empty sample for an upload to this world; None if it keeps none."""
    max_bytes = world.rules.lint_sample_bytes
    return Sample(max_bytes) if max_bytes else None


def keep(
    world: World,
    sample: Sample | None,
    *,
    type: str,
    audience: int | None = None,
    customer_list: int | None = None,
) -> None:
    """Keep the sample of an upload that was committed, in the place of the oldest if there are too many."""
    if sample is None:
        return
    kept = world.upload_samples
    kept.append(KeptSample(world.clock.now_ms(), audience, customer_list, type, sample))
    if len(kept) > SAMPLES:
        kept.popleft()
