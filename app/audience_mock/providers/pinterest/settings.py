"""The settings of this API, server-wide or for one world."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

GROUP = "Pinterest"
"""The heading of these settings in help and documents."""

ApiVersion = Literal["5.18", "5.23", "5.28"] | None
"""The version of the API to emulate, without what it lacks. None is 5.28 and what earlier versions had
beside that."""

ValidationStrictness = Literal["documented", "schema"]
"""Whether requests are checked against the rules in the prose of Pinterest's description too, or against its
schemas alone."""

AuthMode = Literal["lenient", "strict"]

RateLimitMode = Literal["count", "standard", "trial", "off"]
"""`count` sends the headers and never 429; `standard` and `trial` enforce the limits of that access tier."""


def _to_int(value: Any) -> Any:
    """A flag or a variable is text, which a Literal of integers does not take."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class PinterestSettings(BaseModel):
    """The settings of this API, which become fields of the server's and of each world's."""

    model_config = ConfigDict(defer_build=True)

    pinterest_create_status: Annotated[Literal[201, 200], BeforeValidator(_to_int)] = Field(
        default=201,
        description="HTTP status of Pinterest's create operations.",
        json_schema_extra={"group": GROUP},
    )
    pinterest_contract: ApiVersion = Field(
        default=None,
        description=(
            "Pinterest API version to emulate: 5.18, 5.23 or 5.28; without it 5.28 plus audiences/custom,"
            " which 5.28 removed."
        ),
        json_schema_extra={"group": GROUP},
    )
    pinterest_validation: ValidationStrictness = Field(
        default="documented",
        description=(
            "Validation strictness: schema enforces the schemas of Pinterest's description, documented also"
            " the rules in its text."
        ),
        json_schema_extra={"group": GROUP},
    )
    auth_mode: AuthMode = Field(
        default="lenient",
        description="Pinterest tokens that are accepted: lenient, any; strict, only known ones.",
        json_schema_extra={"group": GROUP},
    )
    self_describing_tokens: bool = Field(
        default=True,
        description=(
            "Whether Pinterest tokens and codes that describe themselves, such as pina_mock.ads:read, are"
            " what they say. Anybody can write one, so turn them off where strict mode must keep strangers"
            " out."
        ),
        json_schema_extra={"group": GROUP},
    )
    rate_limits: RateLimitMode = Field(
        default="count",
        description=(
            "Pinterest's rate limits: count sends rate-limit headers, never 429; standard and trial enforce"
            " the limits of that access level; off sends neither."
        ),
        json_schema_extra={"group": GROUP},
    )


@dataclass(frozen=True, kw_only=True)
class PinterestOptions:
    """The same as handlers see it, in `request.options`."""

    create_status: int = 201
    auth_mode: AuthMode = "lenient"
    self_describing_tokens: bool = True
    rate_limits: RateLimitMode = "count"
    api_version: ApiVersion = None
    validation: ValidationStrictness = "documented"


SETTINGS = PinterestSettings


def options(settings: PinterestSettings) -> PinterestOptions:
    return PinterestOptions(
        create_status=settings.pinterest_create_status,
        auth_mode=settings.auth_mode,
        self_describing_tokens=settings.self_describing_tokens,
        rate_limits=settings.rate_limits,
        api_version=settings.pinterest_contract,
        validation=settings.pinterest_validation,
    )
