"""Durations as an operator writes them: 90s, 30m, 12h, 14d."""

PATTERN = r"^[1-9][0-9]{0,5}[smhd]$"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """The seconds of a text that matches PATTERN."""
    return int(text[:-1]) * _SECONDS[text[-1]]
