"""Faults that a request asks for by its headers."""

import re
from typing import Any

from starlette.requests import Request

from audience_mock.core.controls.faults import Outcome
from audience_mock.core.errors import InvalidFaultError

HEADER = "X-Audience-Mock-Fault"

_PREFERRED_ERROR = re.compile(r"(?:^|[,;\s])code=([45]\d\d)(?:$|[,;\s])")
"""As in Prism, for errors only."""

_SYNTAX = (
    "status=503, latency_ms=200 or =100-300, reset=before|in|after, cut_after_bytes=10, stall=before|in,"
    " content_type=text/html, garbage, effect_lost, answer_lost"
)


def requested(request: Request) -> Outcome | None:
    """The outcome that the headers ask for. Raises InvalidFaultError."""
    header = request.headers.get(HEADER)
    if header is not None:
        return parse(header)
    found = _PREFERRED_ERROR.search(request.headers.get("prefer", ""))
    return Outcome(status=int(found[1])) if found else None


def parse(header: str) -> Outcome:
    """An outcome in the syntax of the header: effects, some with `=` and a value, separated by commas. Raises
    InvalidFaultError."""
    values: dict[str, Any] = {}
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        syntax = _VALUES.get(name)
        found = syntax.fullmatch(value) if syntax else None
        if found is None or name in values:
            raise InvalidFaultError(f"{HEADER}: {part.strip()[:100]!r} is not one of {_SYNTAX}")
        if name == "latency_ms":
            values[name] = (int(found[1]), int(found[2] or found[1]))
        elif name in ("status", "cut_after_bytes"):
            values[name] = int(value)
        else:
            values[name] = value or _DEFAULTS[name]
    try:
        return Outcome(**values)
    except InvalidFaultError as error:
        place = f"{error.field}: " if error.field else ""
        raise InvalidFaultError(f"{HEADER}: {place}{error}") from None


_DEFAULTS: dict[str, Any] = {
    "reset": "before",
    "stall": "before",
    "content_type": "text/html",
    **dict.fromkeys(("garbage", "effect_lost", "answer_lost"), True),
}
"""What an effect is without a value."""

_VALUES = {
    "status": re.compile(r"[0-9]{3}"),
    "latency_ms": re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?"),
    "reset": re.compile(r"(before|in|after)?"),
    "cut_after_bytes": re.compile(r"[0-9]{1,9}"),
    "stall": re.compile(r"(before|in)?"),
    "content_type": re.compile(r"[!-~][ -~]*|"),
    **dict.fromkeys(("garbage", "effect_lost", "answer_lost"), re.compile("")),
}
