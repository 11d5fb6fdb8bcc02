"""A point in time, as a body gives it and an answer shows it."""

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from audience_mock.core.worlds.clock import LATEST_MS


def _to_ms(value: Any) -> int:
    moment = math.nan
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = value
    if not 0 <= moment < LATEST_MS / 1000:
        raise PydanticCustomError(
            "instant",
            "give Unix seconds or an ISO 8601 text such as 2026-07-01T12:00:00Z, from 1970 to 9998",
        )
    return round(moment * 1000)


Instant = Annotated[
    int,
    BeforeValidator(_to_ms),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
    Field(description="Unix seconds, or ISO 8601 text (UTC where it names no offset), from 1970 to 9998."),
]
"""Milliseconds since 1970."""


def iso(at_ms: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"


def unix(at_ms: int) -> float:
    """Unix seconds, with the milliseconds as a fraction."""
    return at_ms / 1000
