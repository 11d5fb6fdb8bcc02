"""Durations as an operator writes them: 90s, 30m, 12h, 14d."""

PATTERN = r"^[1-9][0-9]{0,5}[smhd]$"
PATTERN_OR_NEVER = r"^([1-9][0-9]{0,5}[smhd]|never)$"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """The seconds of a text that matches PATTERN."""
    return int(text[:-1]) * _SECONDS[text[-1]]


def seconds_or_none(text: str | None) -> int | None:
    """The same of a text that matches PATTERN_OR_NEVER; None for never, and for None."""
    return None if text is None or text == "never" else seconds(text)
