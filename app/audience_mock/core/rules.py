"""What the settings of a world decide: times, sizes and what a request may ask for."""

from dataclasses import dataclass

from audience_mock.core.readiness import AFTER_DELAY, AT_ONCE


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a world's settings say about time and size, and what its callers may ask for."""

    build_delay_s: float = 5.0
    """Seconds from the making of an audience to READY or TOO_SMALL. Not documented (Pinterest says up to
    24 hours); chosen so that a person sees INITIALIZING and does not wait."""
    audience_ready: str = AFTER_DELAY
    """What decides when an audience is built: one of `core.policies`."""
    match_rate: float = 1.0
    """Share of uploaded users whom the provider knows, 0 to 1; `core.matching` says which. Chosen: all, so
    that an audience has as many people as its file."""
    max_upload_bytes: int = 1 << 30
    """Bytes of one uploaded file. Not documented; chosen as more than any published list."""
    journal_entries: int = 1_000
    """Requests that the journal keeps; 0 keeps none. Chosen: more than a test makes."""
    journal_bytes: int = 10 << 20
    """Bytes that the journal holds. Chosen: a thousand requests of ordinary size with their answers."""

    @property
    def delay_ms(self) -> int:
        """Milliseconds that a build takes which goes by the clock."""
        return round(self.build_delay_s * 1000)

    @property
    def list_delay_ms(self) -> int:
        """As `delay_ms`, for customer lists and their uploads. Chosen: of the policies, they follow `at_once`
        alone."""
        return 0 if self.audience_ready == AT_ONCE else self.delay_ms

    request_faults: bool = True
    """Whether a request may ask for a fault of its own."""
