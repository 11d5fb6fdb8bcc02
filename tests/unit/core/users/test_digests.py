"""Digests: sorted and distinct, in memory and in a temporary file."""

import asyncio
import hashlib
import random
import tracemalloc

import pytest

from audience_mock.core.steps import pausing
from audience_mock.core.users import digests, magic
from audience_mock.core.users.digests import DIGEST_BYTES, HELD_BYTES, Digests, sorted_distinct


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


@pytest.mark.parametrize("with_numpy", [True, False])
@pytest.mark.parametrize("spread", ["random", "one prefix", "zeros at the end"])
@pytest.mark.parametrize("wanted", [3, 200])
@pytest.mark.parametrize("entries", [0, 1, 50, 5_000])
def test_wanted_digests_are_found(
    monkeypatch: pytest.MonkeyPatch, with_numpy: bool, spread: str, wanted: int, entries: int
) -> None:
    """Exactly those that are there, wherever they are and however alike all are, in their order."""
    monkeypatch.setattr(digests, "has_numpy", lambda: with_numpy)
    digests.import_numpy()
    chance = random.Random(f"{spread} {wanted} {entries}")

    def some(count: int) -> list[bytes]:
        made = [chance.randbytes(32) for _ in range(count)]
        if spread == "one prefix":
            return [bytes(29) + each[:3] for each in made]
        return [each[:2] + bytes(30) for each in made] if spread == "zeros at the end" else made

    there = {*some(entries)}
    looked_for = {*some(wanted), *sorted(there)[:1], *sorted(there)[-1:], *sorted(there)[7:9]}
    found = digests.find_sorted(b"".join(sorted(there)), dict.fromkeys(sorted(looked_for)))
    assert found == sorted(there & looked_for)


@pytest.mark.parametrize("spilled", [False, True])
def test_watched_digests_are_noticed(monkeypatch: pytest.MonkeyPatch, spilled: bool) -> None:
    """Whether they are in memory or in the temporary file by now, once more is added, too."""
    monkeypatch.setattr(digests, "HELD_BYTES", 64 * 32)
    numbered = [number.to_bytes(32, "big") for number in range(1, 600 if spilled else 20)]
    watched = dict.fromkeys([numbered[2], numbered[-1], bytes(32)])
    bag = Digests(watched=dict.fromkeys(sorted(watched)))
    bag.add(b"".join(numbered[:-1]))
    assert bag.watched_found() == [numbered[2]]
    bag.add(numbered[-1])
    assert bag.watched_found() == [numbered[2], numbered[-1]]
    assert b"".join(bag.parts()) == b"".join(numbered)
    bag.close()


def test_others_run_while_magic_identities_take_effect_on_a_large_upload() -> None:
    """After each part of its digests, whatever the identities do."""
    invalid, half = (
        hashlib.sha256(magic.identities()[name].address.encode()).digest()
        for name in ("invalid", "fail-half-way")
    )
    people = [number.to_bytes(4) * 8 for number in range(3 * HELD_BYTES // DIGEST_BYTES)]

    async def left(*marked: bytes) -> tuple[int, int]:
        """How many people are left of the upload, and how often others ran."""
        pauses = 0

        async def pause() -> None:
            nonlocal pauses
            pauses += 1

        digests = Digests(watched=magic.by_digest())
        digests.add(b"".join([*people, *marked]))
        with pausing(pause):
            kept = await magic.without_invalid(digests, magic.effects_of(digests))
        count = sum(len(part) for part in kept.parts()) // DIGEST_BYTES
        kept.close()
        return count, pauses

    assert asyncio.run(left()) == (len(people), 0)
    count, pauses = asyncio.run(left(invalid))
    assert (count, pauses >= 3) == (len(people), True)
    count, pauses = asyncio.run(left(invalid, half))
    assert (count, pauses >= 4) == (len(people) // 2, True)
