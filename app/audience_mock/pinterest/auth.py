"""Who may call: anyone with a bearer token. Scopes, expiry and known tokens are not reproduced yet."""

import re

from audience_mock.transport.calls import Call
from audience_mock.transport.errors import NotAuthenticated

_BEARER = re.compile(r"Bearer +[A-Za-z0-9._~+/-]+=*", re.IGNORECASE)
"""RFC 6750. Pinterest's own tokens begin with `pina_` or `pinc_`; a test may call with any."""

SECURITY = {"pinterest_oauth2": {"type": "http", "scheme": "bearer"}}


def admit(call: Call) -> None:
    """Raises NotAuthenticated."""
    if not _BEARER.fullmatch(call.headers.get("authorization", "")):
        raise NotAuthenticated
