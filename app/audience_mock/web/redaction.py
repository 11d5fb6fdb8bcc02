"""People in what the request journal and the log show: left out where the setting `redact_users` says so."""

import re
from typing import Any

_HIDDEN = "…"
_USER_NAMES = frozenset({"records", "records_v2", "users", "email", "emails", "phone", "phones"})
_RECORDS_IN_TEXT = re.compile(
    r'("(?:records|records_v2|users)"\s{0,20}:\s{0,20})(?:"(?:\\.|[^"\\])*|\[.*)', re.DOTALL
)
_ADDRESS = re.compile(r"[^\s\"'<>(),;:@=&?\\]{1,64}(?:@|%40)[^\s\"'<>(),;:@=&?\\]{1,255}")
"""An e-mail address: the longest parts are those of RFC 5321."""


def redact_users(value: Any) -> Any:
    """A JSON value without the people in it: records, what has the name of an address, and whatever looks
    like an e-mail address."""
    if isinstance(value, dict):
        return {
            name: _HIDDEN if each and name.lower() in _USER_NAMES else redact_users(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [redact_users(each) for each in value]
    return redact_users_in_text(value) if isinstance(value, str) else value


def redact_users_in_text(text: str) -> str:
    """As `redact_users`, for a body that is not parsed, and for messages."""
    return _ADDRESS.sub(_HIDDEN, _RECORDS_IN_TEXT.sub(rf"\1{_HIDDEN}", text))
