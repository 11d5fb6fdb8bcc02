"""Files whose lines are distributed badly: equal, skewed, sorted. Compared with a plain set."""

import asyncio
import hashlib
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience_mock.core.users import digests as module
from audience_mock.core.users.digests import DIGEST_BYTES, LINK_BYTES, Digests, prepare_for, sorted_distinct
from audience_mock.core.users.records import LR_ID, Records
from audience_mock.core.users.user_lines import EMAIL_HASH, FBID, THIRD_PARTY_ID, UserLines

CHANCE = random.Random(5)
COUNT = 8_000


def _sequence(number: int) -> bytes:
    return number.to_bytes(DIGEST_BYTES, "big")


DISTRIBUTIONS: dict[str, Callable[[], Iterable[bytes]]] = {
    "random": lambda: (CHANCE.randbytes(32) for _ in range(COUNT)),
    "all equal": lambda: (b"\xab" * 32 for _ in range(COUNT)),
    "two values": lambda: (CHANCE.choice((bytes(32), b"\xff" * 32)) for _ in range(COUNT)),
    "few values": lambda: (_sequence(CHANCE.randrange(300)) for _ in range(COUNT)),
    "every value twice": lambda: (_sequence(number % (COUNT // 2)) for number in range(COUNT)),
    "one first byte": lambda: (b"\xab" + CHANCE.randbytes(31) for _ in range(COUNT)),
    "one long prefix": lambda: (b"\xab" * 30 + CHANCE.randbytes(2) for _ in range(COUNT)),
    "two prefixes": lambda: (
        bytes([CHANCE.choice((1, 255))]) * 16 + CHANCE.randbytes(16) for _ in range(COUNT)
    ),
    "differ in the first byte only": lambda: (CHANCE.randbytes(1) + bytes(31) for _ in range(COUNT)),
    "end in zeros": lambda: (CHANCE.randbytes(2) + bytes(30) for _ in range(COUNT)),
    "sorted": lambda: map(_sequence, range(COUNT)),
    "sorted downwards": lambda: map(_sequence, range(COUNT, 0, -1)),
}


@pytest.fixture
def _small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight thousand digests are what millions are otherwise: many runs of several blocks."""
    for name, value in {"HELD_BYTES": 1 << 14, "SORTED_BYTES": 1 << 13, "BLOCK_BYTES": 1 << 9}.items():
        monkeypatch.setattr(module, name, value)


@pytest.mark.usefixtures("_small_runs")
@pytest.mark.parametrize("width", [DIGEST_BYTES, LINK_BYTES])
@pytest.mark.parametrize("by", ["numpy", "Python", "Python without numpy"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_any_distribution_is_sorted_and_distinct_in_small_parts(
    monkeypatch: pytest.MonkeyPatch, distribution: str, by: str, width: int
) -> None:
    """The parts are those of a plain set in order, and none takes more than a block of each run beyond its
    size."""
    monkeypatch.setattr(module, "FEW_BYTES", module.FEW_BYTES if by == "Python" else 0)
    monkeypatch.setattr(module, "has_numpy", lambda: by == "numpy")
    if by == "Python without numpy":
        monkeypatch.setattr(module, "import_numpy", lambda: None)
    added = [digest * (width // DIGEST_BYTES) for digest in DISTRIBUTIONS[distribution]()]
    bag, sizes = Digests(width), list[int]()

    def sort(entries: bytes | memoryview, width: int = DIGEST_BYTES) -> bytes:
        sizes.append(len(entries))
        return sorted_distinct(entries, width)

    monkeypatch.setattr(module, "sorted_distinct", sort)
    try:
        for at in range(0, COUNT, 777):
            bag.add(b"".join(added[at : at + 777]))
        first, again = list(bag.parts()), list(bag.parts())
    finally:
        bag.close()
    assert b"".join(first) == b"".join(again) == b"".join(sorted(set(added)))
    assert all(first)
    runs = len(bag._runs)
    assert max(sizes) <= max(module.HELD_BYTES, module.SORTED_BYTES + (runs + 1) * module.BLOCK_BYTES)


@settings(deadline=None, max_examples=60)
@given(
    pieces=st.lists(
        st.lists(st.binary(min_size=1, max_size=2) | st.just(b"\xff\xff"), max_size=60), max_size=40
    ),
    held=st.sampled_from([32, 96, 1024]),
    block=st.sampled_from([1, 64, 4096]),
)
def test_digests_are_those_of_a_plain_set(pieces: list[list[bytes]], held: int, block: int) -> None:
    """Whatever is added in whatever pieces comes back once, in order."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"HELD_BYTES": held, "SORTED_BYTES": 4 * block, "BLOCK_BYTES": block}.items():
            patch.setattr(module, name, value)
        bag, plain = Digests(), set[bytes]()
        try:
            for piece in pieces:
                digests = [start.ljust(16, b"\0").rjust(32, b"\1") for start in piece]
                plain.update(digests)
                bag.add(b"".join(digests))
            assert b"".join(bag.parts()) == b"".join(sorted(plain))
        finally:
            bag.close()


@pytest.mark.usefixtures("_small_runs")
def test_what_repeats_is_not_written_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a few lines, a million times each, needs neither memory nor a temporary file."""
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    bag = Digests()
    for _ in range(100):
        bag.add(b"".join(_sequence(number % 250) for number in range(1000)))
    assert b"".join(bag.parts()) == b"".join(map(_sequence, range(250)))


def test_numpy_is_imported_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose short lines may fill what is held imports it beside the event loop; a small one never."""
    imported: list[str] = []
    monkeypatch.setattr(module, "import_numpy", lambda: imported.append("numpy"))
    asyncio.run(prepare_for(module.HELD_BYTES // 8))
    assert imported == []
    asyncio.run(prepare_for(module.HELD_BYTES // 8 + 1))
    assert imported == ["numpy"]


FILES = {
    "one character each": (FBID, [b"1"] * 5000),
    "all characters": (THIRD_PARTY_ID, [bytes([46 + number % 80]) for number in range(5000)]),
    "hashes in either case": (
        EMAIL_HASH,
        [
            form(_sequence(number).hex().encode())
            for number in range(450)
            for form in (bytes.lower, bytes.upper)
        ],
    ),
    "blank ones between": (FBID, [b"", b" 1 ", b"\t", b"2", b"1\r"] * 700),
    "invalid ones between": (FBID, [b"1", b"-x", b"2", b"-x", b"-y y", b""] * 500),
    "a long one between": (THIRD_PARTY_ID, [b"a", b"b" * 5000, b"c"] * 4),
}


@pytest.mark.parametrize("piece_bytes", [1 << 16, 7])
@pytest.mark.parametrize("file", FILES)
def test_lines_that_repeat_are_counted_one_by_one(file: str, piece_bytes: int) -> None:
    """The report counts each line and numbers the first invalid ones, as if none were the same."""
    user_type, lines = FILES[file]
    text = b"\n".join(lines)
    with UserLines(user_type) as users:
        for at in range(0, len(text), piece_bytes):
            users.feed(text[at : at + piece_bytes])
        users.finish()
        found = b"".join(users.digests.parts())
    stripped = [line.strip() for line in lines]
    valid = {line for line in stripped if line and not line.startswith(b"-") and len(line) < 5000}
    digest = bytes.fromhex if user_type == EMAIL_HASH else None
    expected = {digest(line.decode()) if digest else hashlib.sha256(line.lower()).digest() for line in valid}
    report = users.report
    assert found == b"".join(sorted(expected))
    assert report.lines == sum(1 for line in stripped if line)
    assert report.valid == sum(1 for line in stripped if line in valid)
    assert report.invalid == report.lines - report.valid
    numbers = [number for number, line in enumerate(stripped, 1) if line and line not in valid]
    assert [number for number, _ in report.invalid_lines] == numbers[:10]


def test_records_that_repeat_are_counted_one_by_one() -> None:
    """Each record counts, valid or not; the people are those of a plain set."""
    texts = [CHANCE.choice((b"a", b"B", b"c\x7f", b" ", b"d" * 5000)) for _ in range(2000)]
    with Records(LR_ID) as records:
        records.feed(b",".join(texts))
        records.finish()
        people = b"".join(records.people.parts())
    counted = Counter(texts)
    assert records.sent == 2000 - counted[b" "]
    assert records.invalid.total() == counted[b"c\x7f"] + counted[b"d" * 5000]
    assert people == b"".join(sorted(hashlib.sha256(text).digest() for text in (b"a", b"B")))
