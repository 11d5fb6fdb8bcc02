"""Status and size follow from the row and the time."""

import pytest

from audience_mock.core.audiences.lifecycle import size_at, status_at
from audience_mock.core.worlds.world import World
from helpers.worlds import make


@pytest.mark.parametrize(("people", "built"), [(100, "READY"), (99, "TOO_SMALL")])
def test_status_follows_from_the_row_and_the_clock(world: World, people: int, built: str) -> None:
    """An audience is INITIALIZING without people, and after the build delay READY or TOO_SMALL."""
    audience = make(world, people=people)
    assert (status_at(audience, 1_004_999), size_at(audience, 1_004_999)) == ("INITIALIZING", 0)
    assert (status_at(audience, 1_005_000), size_at(audience, 1_005_000)) == (built, people)


@pytest.mark.parametrize(
    ("held", "size"), [("ELIGIBLE", 7), ("PERSONAS_INITIALIZING", 0), ("TOO_SMALL", 7), ("INITIALIZING", 0)]
)
def test_a_held_status_stays(world: World, held: str, size: int) -> None:
    """A status that a seed holds does not follow the clock, and an initializing audience shows no people."""
    audience = make(world, people=7, columns={"held_status": held})
    assert status_at(audience, 10**15) == held
    assert size_at(audience, 10**15) == size
