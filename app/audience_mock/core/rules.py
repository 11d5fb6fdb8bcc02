"""What the settings of a world decide."""

from dataclasses import dataclass

from audience_mock.core.readiness import AFTER_DELAY, AT_ONCE


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Times, sizes, and what a request may ask for."""

    build_delay_s: float = 5.0
    """Seconds from the creation of an audience to READY or TOO_SMALL. Not documented (Pinterest says up to
    24 hours); chosen so that a person sees INITIALIZING and does not wait."""
    audience_ready: str = AFTER_DELAY
    """The policy that decides when an audience is built: see `core.readiness`."""
    match_rate: float = 1.0
    """Share of uploaded users whom the provider knows, 0 to 1; `users.match_rate` says which. Chosen: all, so
    that an audience has as many people as its file."""
    max_upload_bytes: int = 1 << 30
    """Bytes of one uploaded file. Not documented; chosen as more than any published list."""
    journal_entries: int = 1_000
    """Requests that the journal keeps; 0 keeps none. Chosen: more than a test makes."""
    journal_bytes: int = 10 << 20
    """Bytes that the journal keeps. Chosen: a thousand requests of ordinary size with their answers."""
    lint_sample_bytes: int = 64 << 10
    """Bytes from the start of each upload that are kept to be linted; 0 keeps none. Chosen: a thousand
    hashes. A job that hashes wrongly does so from the first line on."""
    redact_users: bool = False
    """Whether the journal and the log show no uploaded people."""
    record: bool = False
    """Whether the world keeps what a bundle of it needs: see `worlds.recording`."""
    request_faults: bool = True
    """Whether a request may ask for a fault of its own."""

    magic_identities: bool = True
    """Whether the addresses of `users.magic` have their effects. Chosen: no upload of real people has one."""

    strict_evidence: str | None = None
    """The evidence that each rule of a response has to have; None for any. Chosen: a mock answers."""

    @property
    def delay_ms(self) -> int:
        return round(self.build_delay_s * 1000)

    @property
    def list_delay_ms(self) -> int:
        """As `delay_ms`, for customer lists and their uploads. Chosen: only the policy `at_once` applies to
        them."""
        return 0 if self.audience_ready == AT_ONCE else self.delay_ms
