"""What can be set for this API, server-wide or for one world; `request.options` in its handlers."""

from dataclasses import dataclass
from typing import Literal

ApiVersion = Literal["5.18", "5.23", "5.28"] | None
"""The version of the API to emulate, without what it lacks. None is 5.28 and what earlier versions had
beside that."""

ValidationStrictness = Literal["documented", "schema"]
"""Whether requests are checked against the rules in the prose of Pinterest's description too, or against its
schemas alone."""

AuthMode = Literal["lenient", "strict"]

RateLimitMode = Literal["count", "standard", "trial", "off"]
"""`count` sends the headers and never 429; `standard` and `trial` enforce the limits of that access tier."""


@dataclass(frozen=True, kw_only=True)
class PinterestSettings:
    create_status: int = 201
    auth_mode: AuthMode = "lenient"
    rate_limits: RateLimitMode = "count"
    api_version: ApiVersion = None
    validation: ValidationStrictness = "documented"
