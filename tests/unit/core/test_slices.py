"""Streams that are processed in slices."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest

from audience_mock.core import steps


@pytest.mark.parametrize("seconds_a_slice", [0.0, 1.0])
def test_others_get_their_turn_while_a_piece_takes_long(
    monkeypatch: pytest.MonkeyPatch, seconds_a_slice: float
) -> None:
    """Slices that take long become short, and others have a turn after each; those that do not become long,
    and others have none. The bytes stay the same."""
    piece = bytes(range(256)) * (4 * steps.SLICE_BYTES // 256)
    clock = count()
    monkeypatch.setattr(steps, "perf_counter", lambda: next(clock) * seconds_a_slice)

    async def pieces() -> AsyncIterator[bytes]:
        yield piece

    async def run() -> tuple[list[bytes], int]:
        others = 0

        async def other() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        slices = [one async for one in steps.in_slices(pieces())]
        task.cancel()
        return slices, others

    slices, others = asyncio.run(run())
    assert b"".join(slices) == piece
    sizes = [len(one) for one in slices]
    if seconds_a_slice:
        assert sizes == sorted(sizes, reverse=True)
        assert {*sizes[4:]} == {steps.SHORT_SLICE_BYTES}
        assert others == len(slices)
    else:
        assert sizes[:-1] == sorted(sizes[:-1])
        assert max(sizes) == steps.SLICE_BYTES
        assert others == 0
