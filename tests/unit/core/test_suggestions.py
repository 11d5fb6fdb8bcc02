"""Suggestions for a misspelled name."""

import pytest

from audience_mock.core.suggestions import closest, did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("statuss", ["id", "name", "status"], ["status"]),
        ("audience", ["audiences", "sequences"], ["audiences"]),
        ("pinterest_audienc", ["pitchtarget_audience", "pinterest_audience"], ["pinterest_audience"]),
        ("ab", ["abc", "abd", "abe", "abf"], ["abf", "abe", "abd"]),
        ("STATUS", ["stats", "status", "state"], ["status"]),
        ("status", ["people", "kind"], []),
        ("status", [], []),
        ("", ["status"], []),
    ],
)
def test_the_closest_words_are_suggested(word: str, known: list[str], found: list[str]) -> None:
    """Words that are spelled alike are found, three at most, and none much less alike than the closest."""
    assert closest(word, known) == found


@pytest.mark.parametrize(
    ("candidates", "text"),
    [
        ([], ""),
        (["a"], ", did you mean 'a'?"),
        (["a", "b"], ", did you mean 'a' or 'b'?"),
        (["a", "b", "c"], ", did you mean 'a', 'b' or 'c'?"),
    ],
)
def test_suggestions_end_an_error(candidates: list[str], text: str) -> None:
    """Suggestions are quoted and joined as a question; without one, nothing is added."""
    assert did_you_mean(candidates) == text
