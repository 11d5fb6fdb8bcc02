"""Policies: what decides when an audience is built. Imports nothing: the command names them in its help."""

AFTER_DELAY = "after_delay"
AT_ONCE = "at_once"
AFTER_READS = "after_reads"
BY_HAND = "by_hand"
FAILS = "failed"

POLICY = r"^(after_delay|at_once|after_reads:[1-9][0-9]{0,5}|by_hand|failed)$"
"""What decides when an audience is built: see `built`."""

BUILT_OTHERWISE = r"^(after_reads:[1-9][0-9]{0,5}|by_hand|failed)$"
"""The policies by which an audience is built otherwise than by the clock."""

NEVER_MS = 1 << 52
"""When something is ready that waits for reads or for a hand: 140,000 years from now."""


def built(policy: str, now_ms: int, delay_ms: int) -> tuple[int, str | None]:
    """When an audience is ready that begins to be built now, and what its row says of the policy.

    `after_reads:N` is built by the N-th read, `by_hand` by a test. `failed` ends TOO_SMALL with nobody in it
    (chosen: neither API has a status for a build that failed).
    """
    if policy == AT_ONCE:
        return now_ms, None
    if policy == BY_HAND:
        return NEVER_MS, None
    if policy.startswith(AFTER_READS):
        return NEVER_MS, policy
    return now_ms + delay_ms, FAILS if policy == FAILS else None
