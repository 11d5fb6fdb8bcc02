"""What can be set, for the server and for each world: each field is also a flag and a variable."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

GROUP = "Acme"


class SETTINGS(BaseModel):
    model_config = ConfigDict(defer_build=True)

    acme_region: str = Field(
        default="eu",
        description="Region that Acme's audiences are in.",
        json_schema_extra={"group": GROUP, "metavar": "REGION"},
    )


@dataclass(frozen=True, kw_only=True)
class Options:
    region: str


def options(settings: SETTINGS) -> Options:
    """What the handlers see."""
    return Options(region=settings.acme_region)
