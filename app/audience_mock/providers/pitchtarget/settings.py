"""The settings of this API, server-wide or for one world."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

GROUP = "PitchTarget"
"""The heading of these settings in help and documents."""

Revision = Literal["2014-05", "2014-04", "2014-04-15"]


class PitchTargetSettings(BaseModel):
    """The settings of this API, which become fields of the server's and of each world's."""

    model_config = ConfigDict(defer_build=True)

    pitchtarget_revision: Revision = Field(
        default="2014-05",
        description=(
            "Revision of PitchTarget's reads and deletes: 2014-05, 2014-04, or 2014-04-15, which is 2014-04"
            " without the header X-UA-Compatible."
        ),
        json_schema_extra={"group": GROUP},
    )


@dataclass(frozen=True, kw_only=True)
class PitchTargetOptions:
    """The same as handlers see it, in `request.options`.

    `revision` is that of the documentation; the one of 2014-04-15 differs from those of April before it in
    one header alone.
    """

    revision: Revision = "2014-05"

    @property
    def is_april(self) -> bool:
        """Whether reads and deletes on /custom_audiences answer in the shapes of 2014-04."""
        return self.revision != "2014-05"

    @property
    def sends_chrome_frame(self) -> bool:
        """Whether responses in the shapes of April have `X-UA-Compatible`, as all up to 2014-04-08 had."""
        return self.revision != "2014-04-15"


SETTINGS = PitchTargetSettings


def options(settings: PitchTargetSettings) -> PitchTargetOptions:
    return PitchTargetOptions(revision=settings.pitchtarget_revision)
