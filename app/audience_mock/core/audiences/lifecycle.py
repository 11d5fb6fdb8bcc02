"""Status and size of audiences, customer lists and uploads: computed from the row and the time, by no
background worker."""

from audience_mock.core.readiness import AFTER_DELAY, AFTER_READS, BY_HAND, FAILS, NEVER_MS
from audience_mock.core.store.rows import BuildState, CustomerListRow, ListUploadRow

INITIALIZING = "INITIALIZING"
READY = "READY"
TOO_SMALL = "TOO_SMALL"
PROCESSING = "PROCESSING"
NOT_STARTED = "NOT_STARTED"
RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"

UNPROCESSED = "unprocessed"
"""Among the counts of an upload's errors: records that were not reached."""

READY_PEOPLE = 100
"""An audience with fewer matched people is TOO_SMALL (Pinterest's documentation)."""


def reads_left(audience: BuildState) -> int | None:
    """How many reads complete the build; None: reads do not."""
    policy, _, reads = (audience.policy or "").partition(":")
    return int(reads) if policy == AFTER_READS else None


def policy_of(audience: BuildState) -> str:
    """The policy that decides from now on when the audience is built."""
    return audience.policy or (BY_HAND if audience.ready_at_ms >= NEVER_MS else AFTER_DELAY)


def status_and_size_at(audience: BuildState, now_ms: int) -> tuple[str, int]:
    """The status of an audience at `now_ms`, and its people: 0 until it is built (recorded from Pinterest,
    July 2026). A status that a seed or a test set does not change."""
    people, held = audience.people, audience.held_status
    if held is not None:
        return held, 0 if held.endswith(INITIALIZING) else people
    if now_ms < audience.ready_at_ms:
        return INITIALIZING, 0
    if audience.policy == FAILS:
        return TOO_SMALL, 0
    return READY if people >= READY_PEOPLE else TOO_SMALL, people


def status_at(audience: BuildState, now_ms: int) -> str:
    """As `status_and_size_at`, the status alone."""
    return status_and_size_at(audience, now_ms)[0]


def size_at(audience: BuildState, now_ms: int) -> int:
    """As `status_and_size_at`, the people alone."""
    return status_and_size_at(audience, now_ms)[1]


def list_status_at(customer_list: CustomerListRow, now_ms: int) -> str:
    """As `status_at`, for a customer list. Chosen: a later batch does not restart the build."""
    if customer_list.held_status is not None:
        return customer_list.held_status
    if now_ms < customer_list.ready_at_ms:
        return PROCESSING
    return READY if customer_list.people >= READY_PEOPLE else TOO_SMALL


def upload_state_at(upload: ListUploadRow, now_ms: int) -> str:
    """The state of an upload at `now_ms`. Chosen: it fails if none of its records is valid, or some were not
    processed."""
    if upload.started_at_ms is None:
        return NOT_STARTED
    if upload.valid is None or upload.ready_at_ms is None or now_ms < upload.ready_at_ms:
        return RUNNING
    return SUCCEEDED if upload.valid and UNPROCESSED not in (upload.errors or "") else FAILED
