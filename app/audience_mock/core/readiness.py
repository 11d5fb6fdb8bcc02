"""Policies that decide when an audience is built. Imports nothing: the command shows them in its help."""

AFTER_DELAY = "after_delay"
AT_ONCE = "at_once"
AFTER_READS = "after_reads"
BY_HAND = "by_hand"
FAILS = "failed"

POLICY_PATTERN = r"^(after_delay|at_once|after_reads:[1-9][0-9]{0,5}|by_hand|failed)$"
"""A setting; what each means: see `schedule_build`."""

SEED_POLICY_PATTERN = r"^(after_reads:[1-9][0-9]{0,5}|by_hand|failed)$"
"""The policies that a seed may name: for the others it gives a time."""

NEVER_MS = 1 << 52
"""The time of what is not built by the clock: 140,000 years from now."""


def schedule_build(policy: str, now_ms: int, delay_ms: int) -> tuple[int, str | None]:
    """For a build that starts now: when the audience is ready, and the policy to keep in its row.

    `after_reads:N` is built by the N-th read, `by_hand` by the control API. `failed` ends as TOO_SMALL with
    no people (chosen: neither API has a status for a build that failed).
    """
    if policy == AT_ONCE:
        return now_ms, None
    if policy == BY_HAND:
        return NEVER_MS, None
    if policy.startswith(AFTER_READS):
        return NEVER_MS, policy
    return now_ms + delay_ms, FAILS if policy == FAILS else None
