"""How many people a definition matches: invented, but the same for the same definition everywhere."""

import hashlib


def estimate(low: int, high: int, *facts: str) -> int:
    """A whole number from `low` to `high`, both included, that follows from `facts` alone."""
    digest = hashlib.sha256("\x1f".join(facts).encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)
