"""Which JSON values match which others."""

from typing import Any

import pytest

from audience_mock.core.controls.json_match import MISSING, Difference, differences, matches


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": {"b": [1, {"c": 2, "d": 3}]}}, {"a": {"b": [1, {"c": 2}]}}),
        ([], []),
        ({"a": None}, {"a": None}),
        ({"a": 1}, {}),
        ({"a": 1.0}, {"a": 1}),
    ],
)
def test_a_value_matches_its_parts(value: Any, wanted: Any) -> None:
    """Objects may have more keys; lists are as long."""
    assert matches(value, wanted)


@pytest.mark.parametrize(
    ("value", "wanted", "difference"),
    [
        ({"a": 1}, {"a": 2}, Difference("a", 2, 1)),
        ({"a": 1}, {"b": 1}, Difference("b", 1, MISSING)),
        ({"a": 1}, {"a": True}, Difference("a", True, 1)),
        ({"a": [1, 2]}, {"a": [1]}, Difference("a", [1], [1, 2])),
        ({"a": [1, 2]}, {"a": [1, 3]}, Difference("a.1", 3, 2)),
        ([{"b": {}}], [{"b": {"c": None}}], Difference("0.b.c", None, MISSING)),
        ("a", {"a": 1}, Difference("", {"a": 1}, "a")),
    ],
)
def test_what_is_missing_is_named(value: Any, wanted: Any, difference: Difference) -> None:
    """A difference says where it is, what was wanted and what was found."""
    assert list(differences(value, wanted)) == [difference]
    assert not matches(value, wanted)
