"""Digests: sorted and distinct, in memory and in a temporary file."""

import random
import tracemalloc

import pytest

from audience_mock.core.users.digests import Digests, sorted_distinct


def test_a_small_file_takes_little_memory() -> None:
    """What is held of a file grows with it, from nothing to HELD_BYTES, and is counted with repetitions."""
    one = bytes(32)
    bag = Digests()
    tracemalloc.start()
    try:
        for count in range(1, 1001):
            bag.add(one)
            assert bag.size_bytes == 32 * count
        assert tracemalloc.get_traced_memory()[0] < 100_000
        assert list(bag.parts()) == [one]
    finally:
        tracemalloc.stop()


def test_digests_with_the_same_prefix_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests of one prefix are sorted by the rest, and those that are the same are one."""
    monkeypatch.setattr("audience_mock.core.users.digests.FEW_BYTES", 0)
    alike = [b"\xff" * 8 + bytes([a, 255 - b]) * 12 for a in range(20) for b in range(20)]
    assert sorted_distinct(b"".join(alike[::-1] + alike)) == b"".join(sorted(alike))


def test_duplicates_among_many_digests_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests that come twice or three times are one each, those that come once stay."""
    monkeypatch.setattr("audience_mock.core.users.digests.FEW_BYTES", 0)
    chance = random.Random(11)
    once = [chance.randbytes(32) for _ in range(500)]
    assert sorted_distinct(b"".join(once + once[:100] + once[50:70])) == b"".join(sorted(once))
