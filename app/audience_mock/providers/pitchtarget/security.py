"""Who may call: anyone with a token. Known tokens and their owners are not reproduced yet."""

import re

from audience_mock.web.errors import NotAuthenticatedError
from audience_mock.web.request import MockRequest

_OAUTH = re.compile(r"OAuth +[A-Za-z0-9._~+/-]+=*[ \t]*", re.IGNORECASE)
"""OAuth 2.0 draft 10. Published tokens are 30 or 31 lower-case letters and digits; a test may use any."""

SECURITY_SCHEMES = {
    "oauth_draft_10": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`OAuth <token>`",
    }
}


def authorize(request: MockRequest) -> None:
    """Raises NotAuthenticatedError."""
    authorization = request.header(b"authorization")
    if not _OAUTH.fullmatch(authorization or ""):
        raise NotAuthenticatedError("malformed token: not OAuth <token>" if authorization else "no token")
