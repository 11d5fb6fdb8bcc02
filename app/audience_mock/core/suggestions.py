"""Suggestions for a misspelled name."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches

MAX_SUGGESTIONS = 3

MARGIN = 0.1
"""How much less alike than the closest word another one may be. Chosen."""


def similarity(first: str, second: str) -> float:
    """The similarity of two words: 0 where they share nothing, 1 where they are equal."""
    return SequenceMatcher(None, first, second).ratio()


def may_be_similar(first: str, second: str, above: float) -> bool:
    """Whether the similarity of two words can be above this, judged in a tenth of the time by their letters,
    in whichever order they are."""
    length = len(first) + len(second)
    return 2 * min(len(first), len(second)) > above * length and (
        2 * sum(min(first.count(letter), second.count(letter)) for letter in {*first}) > above * length
    )


def closest(word: str, known: Iterable[str]) -> list[str]:
    """The known words that are spelled like `word`, closest first; three at most. One that differs in case
    alone is the only one."""
    candidates = list(known)
    same = [candidate for candidate in candidates if candidate.lower() == word.lower()]
    found = same[:1] or get_close_matches(word, candidates, n=MAX_SUGGESTIONS)
    if same or not found:
        return found
    enough = similarity(found[0], word) - MARGIN
    return [candidate for candidate in found if similarity(candidate, word) >= enough]


def did_you_mean(candidates: Sequence[str]) -> str:
    """The end of an error message: `, did you mean 'a', 'b' or 'c'?`; empty if there is no candidate."""
    *others, last = [f"'{candidate}'" for candidate in candidates] or [""]
    listed = f"{', '.join(others)} or {last}" if others else last
    return f", did you mean {listed}?" if listed else ""
