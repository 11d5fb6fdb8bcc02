"""Clocks."""

import pytest

from audience_mock.core.worlds.clock import Clock


def test_a_clock_stands_and_advances() -> None:
    """A frozen clock moves only when it is advanced, and no clock goes back."""
    clock = Clock()
    clock.freeze(1000)
    clock.advance(500)
    assert clock.now_ms() == 1500
    with pytest.raises(ValueError, match="0 ms or more"):
        clock.advance(-1)
    running = Clock()
    before = running.now_ms()
    running.advance(3_600_000)
    assert running.now_ms() >= before + 3_600_000
