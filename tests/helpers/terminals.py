"""Pseudo-terminals, which tests read to find what a program shows on a terminal."""

import os
import sys

import pytest

from helpers.waiting import until

needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")


def read_until(terminal: int, end: str) -> str:
    """What is written to the terminal until that, or until it is closed."""
    import select

    text = b""

    def is_read() -> bool:
        nonlocal text
        if select.select([terminal], [], [], 0)[0]:
            try:
                text += os.read(terminal, 1 << 16)
            except OSError:  # how Linux reports that the other end is closed
                return True
        return bool(end) and end.encode() in text

    until(is_read, f"{end!r} on the terminal")
    return text.decode().replace("\r\n", "\n")
