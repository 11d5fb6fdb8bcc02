"""The bounds of a journal."""

import pytest

from audience_mock.core.controls.journal import ENTRY_BYTES, Held, Journal


def fill(
    journal: Journal, count: int, *, held_bytes: int = 0, entries: int = 1000, size: int = 10**9
) -> None:
    for _ in range(count):
        journal.add("record", held_bytes, 0, entries, size)


def numbers(journal: Journal) -> list[int]:
    return [entry.number for entry in journal]


def test_the_oldest_go_beyond_so_many() -> None:
    """A journal keeps the newest entries, and tells how many had to go."""
    journal = Journal()
    fill(journal, 5, entries=3)
    assert numbers(journal) == [3, 4, 5]
    assert (journal.last_number, journal.dropped) == (5, 2)
    assert [entry.number for entry in reversed(journal)] == [5, 4, 3]


def test_the_oldest_go_beyond_so_many_bytes() -> None:
    """Each entry counts with what it holds and with itself; one larger than all the room is not kept."""
    journal = Journal()
    fill(journal, 4, held_bytes=100, size=2 * (ENTRY_BYTES + 100))
    assert numbers(journal) == [3, 4]
    fill(journal, 1, held_bytes=10**6, size=2 * (ENTRY_BYTES + 100))
    assert numbers(journal) == []
    assert journal.dropped == 5
    fill(journal, 2, held_bytes=100, size=2 * (ENTRY_BYTES + 100))
    assert numbers(journal) == [6, 7]


def test_narrower_bounds_apply_at_once() -> None:
    """Entries beyond new bounds are dropped when the journal is trimmed."""
    journal = Journal()
    fill(journal, 5)
    assert journal.trim(2, 10**9) == Held(last_number=5, dropped=3)
    assert numbers(journal) == [4, 5]
    journal.trim(2, ENTRY_BYTES)
    assert numbers(journal) == [5]
    assert journal.dropped == 4


def test_a_cleared_journal_goes_on_counting() -> None:
    """Numbers are given once, and what was emptied was not dropped."""
    journal = Journal()
    fill(journal, 5, entries=3)
    journal.clear()
    assert (numbers(journal), journal.dropped) == ([], 0)
    fill(journal, 1)
    assert numbers(journal) == [6]


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4, 6, 9])
@pytest.mark.parametrize("before", [None, 0, 1, 3, 4, 6, 9])
def test_a_snapshot_of_a_range(after: int, before: int | None) -> None:
    """It has the entries between two numbers, also where some of them were dropped or are yet to come."""
    journal = Journal()
    fill(journal, 6, entries=4)
    wanted = [number for number in numbers(journal) if after < number < (before or (before is None) * 10)]
    found = [entry.number for entry in journal.snapshot(after=after, before=before)]
    assert found == wanted
    newest_first = journal.snapshot(after=after, before=before, newest_first=True)
    assert [entry.number for entry in newest_first] == wanted[::-1]
