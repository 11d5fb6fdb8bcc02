"""Points in time, as clients of the control API send them and as responses show them."""

import math
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from audience_mock.core.worlds.clock import LATEST_MS


def _to_ms(value: Any) -> int:
    seconds = math.nan
    if isinstance(value, str):
        with suppress(ValueError):
            seconds = parse_iso_8601(value).timestamp()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    if not 0 <= seconds < LATEST_MS / 1000:
        raise PydanticCustomError(
            "timestamp",
            "give Unix seconds or an ISO 8601 text such as 2026-07-01T12:00:00Z, from 1970 to 9998",
        )
    return round(seconds * 1000)


Timestamp = Annotated[
    int,
    BeforeValidator(_to_ms),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
    Field(description="Unix seconds, or ISO 8601 text (UTC where it names no offset), from 1970 to 9998."),
]
"""Milliseconds since 1970."""


def parse_iso_8601(text: str) -> datetime:
    """In UTC where the text names no offset. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def iso_8601(at_ms: int) -> str:
    """In UTC, to the millisecond."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"


def http_date(at_ms: int) -> bytes:
    """The value of a `Date` header (RFC 9110, 5.6.7)."""
    return _http_date(at_ms // 1000)


@lru_cache(maxsize=16)
def _http_date(at_s: int) -> bytes:
    """Written once a second; the clocks of several worlds may differ."""
    return formatdate(at_s, usegmt=True).encode("ascii")


def unix_seconds(at_ms: int) -> float:
    """With the milliseconds as a fraction."""
    return at_ms / 1000
