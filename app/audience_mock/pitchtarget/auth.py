"""Who may call: anyone with a token. Known tokens and their owners are not reproduced yet."""

import re

from audience_mock.transport.calls import Call
from audience_mock.transport.errors import NotAuthenticated

_OAUTH = re.compile(r"OAuth +[A-Za-z0-9._~+/-]+=*", re.IGNORECASE)
"""OAuth 2.0 draft 10. Published tokens are 30 or 31 lower-case letters and digits; a test may use any."""

SECURITY = {
    "oauth_draft_10": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`OAuth <token>`",
    }
}


def admit(call: Call) -> None:
    """Raises NotAuthenticated."""
    if not _OAUTH.fullmatch(call.header(b"authorization") or ""):
        raise NotAuthenticated
