"""Whether the server is ready to be sent requests, for a load balancer or Kubernetes."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from audience_mock.core.store.files import identity


class NotReady(NamedTuple):
    """Why; `reason` is one of `REASONS`, `error` a sentence."""

    reason: str
    error: str


DRAINING, NO_STORE, DISK_FULL = REASONS = ("draining", "no_store", "disk_full")


@dataclass
class Probes:
    """`file` is the database file, as it is now; None: worlds are in memory or in a database of its own, and
    neither file nor disk is looked at. `min_free_bytes` of its disk have to be free; 0 does not look.
    `why_unavailable` says why the database cannot be used, if it cannot."""

    file: Path | None = None
    min_free_bytes: int = 0
    why_unavailable: Callable[[], str | None] = lambda: None
    is_draining: bool = False

    def __post_init__(self) -> None:
        self._identity = None if self.file is None else identity(self.file)

    def drain(self) -> None:
        """From now on the server is not ready: it is about to end."""
        self.is_draining = True

    def not_ready(self) -> NotReady | None:
        """None if it is ready. Takes some microseconds: the file is looked at, and not written to; a database
        is asked."""
        if self.is_draining:
            return NotReady(DRAINING, "the server is about to end")
        unavailable = self.why_unavailable()
        if unavailable is not None:
            return NotReady(NO_STORE, unavailable)
        if self.file is None:
            return None
        if self._identity is None or identity(self.file) != self._identity:
            return NotReady(
                NO_STORE, f"{self.file} was deleted or replaced: what is stored is lost at the end"
            )
        if not (os.access(self.file, os.W_OK) and os.access(self.file.parent, os.W_OK)):
            return NotReady(NO_STORE, f"{self.file} or its folder cannot be written to")
        if self.min_free_bytes:
            free_bytes = shutil.disk_usage(self.file.parent).free
            if free_bytes < self.min_free_bytes:
                return NotReady(
                    DISK_FULL,
                    f"{free_bytes} bytes are left in {self.file.parent}, fewer than {self.min_free_bytes}",
                )
        return None
