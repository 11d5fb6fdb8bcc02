"""Suggestions for a misspelled name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience_mock.core.suggestions import closest, did_you_mean, may_be_similar, similarity


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


_WORDS = st.text("abcde_1", min_size=1, max_size=12)


@given(_WORDS, _WORDS, st.sampled_from([0.3, 0.6, 0.9]))
def test_words_that_are_similar_may_be(first: str, second: str, above: float) -> None:
    """The quick look at two words rules out none that are similar."""
    assert may_be_similar(first, second, above) or similarity(first, second) <= above


@pytest.mark.parametrize("word", ["audience", "segments", "x"])
def test_most_words_are_told_apart_by_their_letters(word: str) -> None:
    """Without a comparison of their order."""
    assert not may_be_similar(word, "customer_lists", 0.6)
