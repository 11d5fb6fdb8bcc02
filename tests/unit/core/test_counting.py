"""Numbers with what they count."""

import pytest

from audience_mock.core.counting import counted


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 tenants"), (1, "1 tenant"), (2, "2 tenants"), (1000, "1,000 tenants")],
)
def test_a_noun_is_singular_for_one_alone(count: int, said: str) -> None:
    """Thousands are set apart."""
    assert counted(count, "tenant") == said
