"""Status and size of an audience: worked out from its row and the clock, never run by a worker."""

from audience_mock.core.tables import Audience

INITIALIZING = "INITIALIZING"
READY = "READY"
TOO_SMALL = "TOO_SMALL"

READY_PEOPLE = 100
"""An audience with fewer matched people is TOO_SMALL (Pinterest's documentation)."""


def status_at(audience: Audience, now_ms: int) -> str:
    """The status that the audience has at `now_ms`; a status that a seed holds stays as it is."""
    if audience.held_status is not None:
        return audience.held_status
    if now_ms < audience.ready_at_ms:
        return INITIALIZING
    return READY if audience.people >= READY_PEOPLE else TOO_SMALL


def size_at(audience: Audience, now_ms: int) -> int:
    """People in the audience at `now_ms`: 0 until it was built (recorded from Pinterest, July 2026)."""
    if audience.held_status is None:
        return audience.people if now_ms >= audience.ready_at_ms else 0
    return 0 if audience.held_status.endswith(INITIALIZING) else audience.people
