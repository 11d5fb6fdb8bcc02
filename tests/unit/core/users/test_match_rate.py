"""Estimated sizes."""

from audience_mock.core.users.match_rate import estimate


def test_estimates_depend_on_the_inputs_alone() -> None:
    """The same inputs give the same number, within the bounds; others give another."""
    assert estimate(10, 20, "a", "b") == estimate(10, 20, "a", "b")
    assert all(10 <= estimate(10, 20, str(fact)) <= 20 for fact in range(100))
    assert len({estimate(0, 10**9, str(fact)) for fact in range(100)}) == 100
