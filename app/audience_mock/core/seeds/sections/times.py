"""Times of a seed, in seconds, as columns in milliseconds."""

from typing import Any

from audience_mock.core.seeds.schemas import SeedAudience, SeedCustomerList
from audience_mock.core.store.transaction import Transaction


def to_ms(seconds: float) -> int:
    return round(seconds * 1000)


def to_ms_or_none(seconds: float | None) -> int | None:
    return None if seconds is None else to_ms(seconds)


def time_columns(tx: Transaction, given: SeedAudience | SeedCustomerList) -> dict[str, Any]:
    """The columns that the status follows from."""
    created_at_ms = tx.now_ms if given.created_at is None else to_ms(given.created_at)
    ready_at_ms = tx.now_ms + to_ms(given.ready_in_s) if given.ready_at is None else to_ms(given.ready_at)
    return {
        "held_status": given.status,
        "created_at_ms": created_at_ms,
        "updated_at_ms": created_at_ms if given.updated_at is None else to_ms(given.updated_at),
        "ready_at_ms": ready_at_ms,
    }
