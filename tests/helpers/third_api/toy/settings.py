"""What can be set for it."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

GROUP = "Toy"


class ToySettings(BaseModel):
    model_config = ConfigDict(defer_build=True)

    toy_greeting: str = Field(
        default="hello", description="What it says.", json_schema_extra={"group": GROUP, "metavar": "TEXT"}
    )


@dataclass(frozen=True, kw_only=True)
class ToyOptions:
    greeting: str


SETTINGS = ToySettings


def options(settings: ToySettings) -> ToyOptions:
    return ToyOptions(greeting=settings.toy_greeting)
