"""What can be set of this API, in each world."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class PitchTargetSettings:
    """`revision` is that of the documentation; the one of 2014-04-15 differs from those of April before it
    in one header alone."""

    revision: Literal["2014-05", "2014-04", "2014-04-15"] = "2014-05"

    @property
    def is_april(self) -> bool:
        """Whether reads and deletes on /custom_audiences answer in the shapes of 2014-04."""
        return self.revision != "2014-05"

    @property
    def sends_chrome_frame(self) -> bool:
        """Whether responses in the shapes of April have `X-UA-Compatible`, as all up to 2014-04-08 had."""
        return self.revision != "2014-04-15"
