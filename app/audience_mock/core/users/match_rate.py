"""Who is known to a provider: invented, but the same everywhere for the same digest or definition."""

import hashlib


def estimate(low: int, high: int, *facts: str) -> int:
    """A whole number from `low` to `high`, both included, that follows from `facts` alone."""
    digest = hashlib.sha256("\x1f".join(facts).encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


def is_matched(digest: bytes, match_rate: float) -> bool:
    """Whether a user is on Facebook or Pinterest: the last four bytes of the 32-byte digest, read as a
    big-endian number, are below `match_rate` times 2**32. A rate of 1 matches everyone, 0 nobody."""
    return int.from_bytes(digest[-4:], "big") < round(match_rate * (1 << 32))
