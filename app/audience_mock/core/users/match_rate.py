"""Which users a provider knows, and estimated sizes: invented, but always the same for the same input."""

import hashlib


def estimate(low: int, high: int, *inputs: str) -> int:
    """A number from `low` to `high`, both inclusive, that depends on `inputs` alone."""
    digest = hashlib.sha256("\x1f".join(inputs).encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


def is_matched(digest: bytes, match_rate: float) -> bool:
    """Whether the provider knows a user: the last four bytes of the 32-byte digest, as a big-endian number,
    are less than `match_rate` times 2**32. A rate of 1 matches all users, 0 none."""
    return int.from_bytes(digest[-4:], "big") < round(match_rate * (1 << 32))
