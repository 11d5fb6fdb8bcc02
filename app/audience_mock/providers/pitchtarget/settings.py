"""The settings of this API, server-wide or for one world."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

GROUP = "PitchTarget"
"""The heading of these settings in help and documents."""

Revision = Literal[
    "2014-05", "2014-04",
    "2014-04-03", "2014-04-04", "2014-04-08", "2014-04-15", "2014-05-02", "2014-05-12",
]  # fmt: skip
"""By the dates of the documentation; "2014-04" is its first date, "2014-05" its last. They sort as text."""


class PitchTargetSettings(BaseModel):
    """The settings of this API, which become fields of the server's and of each world's."""

    model_config = ConfigDict(defer_build=True)

    pitchtarget_revision: Revision = Field(
        default="2014-05",
        description=(
            "Revision of PitchTarget's documentation that reads, deletes and tokens answer as: a date, or"
            " 2014-04 for the first of April and 2014-05 for the last of May."
        ),
        json_schema_extra={"group": GROUP},
    )


@dataclass(frozen=True, kw_only=True)
class PitchTargetOptions:
    """The same as handlers see it, in `request.options`."""

    revision: Revision = "2014-05"

    @property
    def is_april(self) -> bool:
        """Whether reads and deletes on /custom_audiences answer in the shapes of 2014-04."""
        return self.revision < "2014-05"

    @property
    def april_revision(self) -> Revision:
        """The revision in which paths and forms of 2014-04 answer: the one that is set, or the first."""
        return self.revision if self.is_april else "2014-04"


SETTINGS = PitchTargetSettings


def options(settings: PitchTargetSettings) -> PitchTargetOptions:
    return PitchTargetOptions(revision=settings.pitchtarget_revision)
