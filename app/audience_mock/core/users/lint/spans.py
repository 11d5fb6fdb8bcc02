"""Where values stand in a block of lines, and the hashes among them, by numpy."""

from typing import Any, NamedTuple

_DIGEST_BYTES = (32, 16, 20, 64)
"""Of SHA-256, MD5, SHA-1 and SHA-512."""
_NO_DIGIT = 255


class Spans(NamedTuple):
    """Arrays: the value of line n is from `starts[n]` to `ends[n]`."""

    starts: Any
    ends: Any


def of_lines(np: Any, block: bytes) -> Spans:
    """The lines of a block that ends in a newline, without their line ends."""
    characters = np.frombuffer(block, dtype="u1")
    ends = np.flatnonzero(characters == ord("\n"))
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    # Before the first newline of a blank first line is the last one of the block, which is no return.
    return Spans(starts, ends - ((characters[ends - 1] == ord("\r")) & (ends > starts)))


def of_column(np: Any, block: bytes, lines: Spans, separator: bytes, number: int) -> Spans | None:
    """The fields of column `number`, from 0; None unless each line has the same number of columns."""
    at = np.flatnonzero(np.frombuffer(block, dtype="u1") == ord(separator))
    count, odd = divmod(len(at), len(lines.starts))
    if odd or number > count:
        return None
    if not count:
        return lines
    rows = at.reshape(-1, count)
    if (rows[:, 0] < lines.starts).any() or (rows[:, -1] >= lines.ends).any():
        return None
    starts = lines.starts if number == 0 else rows[:, number - 1] + 1
    ends = lines.ends if number == count else rows[:, number]
    return Spans(starts, ends)


class Hashes(NamedTuple):
    """Digests of `width` bytes, and the lines (an array of numbers from 0) where their hex digits stand."""

    digests: bytes
    lines: Any
    width: int
    is_upper: bool


def hashes(np: Any, block: bytes, spans: Spans) -> tuple[list[Hashes], Any]:
    """The hashes in hex, grouped by their length and case, and the numbers of the other lines."""
    characters = np.frombuffer(block, dtype="u1")
    lengths = spans.ends - spans.starts
    is_other = np.ones(len(lengths), dtype=bool)
    groups = []
    for width in _DIGEST_BYTES:
        lines = np.flatnonzero(lengths == 2 * width)
        if not len(lines):
            continue
        windows = np.lib.stride_tricks.sliding_window_view(characters, 2 * width)
        texts = windows[spans.starts[lines]]
        digits = _digits(np)[texts]
        is_hex = digits.max(axis=1) != _NO_DIGIT
        is_upper = ((texts >= ord("A")) & (texts <= ord("F"))).any(axis=1)
        # Of both cases: shown as it is, which digests do not tell.
        is_hex &= ~(is_upper & ((texts >= ord("a")) & (texts <= ord("f"))).any(axis=1))
        is_other[lines[is_hex]] = False
        for upper in (False, True):
            which = is_hex & (is_upper == upper)
            if which.any():
                some = digits if which.all() else digits[which]
                digests = ((some[:, ::2] << 4) | some[:, 1::2]).tobytes()
                groups.append(Hashes(digests, lines[which], width, upper))
    return groups, np.flatnonzero(is_other)


def _digits(np: Any) -> Any:
    """The value of each character as a hex digit."""
    table = np.full(256, _NO_DIGIT, dtype="u1")
    for value, digit in enumerate(b"0123456789abcdef"):
        table[digit] = value
    for value, digit in enumerate(b"ABCDEF", 10):
        table[digit] = value
    return table
