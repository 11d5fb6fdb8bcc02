"""Access control: this machine may call the control API, or any caller with the token.

A page of any site, in a browser on this machine, could call it too. So `Host` and `Origin` have to name this
machine. All of this is chosen.
"""

import re
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request


class AccessDeniedError(Exception):
    """This machine only; the text says what was wrong, and what to do."""


class AdminTokenError(Exception):
    """The token is missing or wrong."""


class ControlDisabledError(Exception):
    """The server was started with `--no-admin`."""


_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", re.IGNORECASE)
"""An origin of a page from a server, as browsers write it (RFC 6454, 6.1); others send `null`."""


@dataclass(frozen=True)
class Access:
    admin: bool = True
    token: str | None = None


def check(request: Request, access: Access) -> None:
    """Raises ControlDisabledError, AdminTokenError, AccessDeniedError."""
    if not access.admin:
        raise ControlDisabledError
    if access.token is not None:
        scheme, _, given = request.headers.get("authorization", "").strip(" \t").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(
            given.lstrip(" ").encode(), access.token.encode()
        ):
            raise AdminTokenError
        return
    client = request.client.host if request.client else ""
    if any(name.startswith("x-forwarded-") for name in request.headers):
        raise AccessDeniedError(
            "a proxy passed this request on, so anybody may have sent it: start the server with --admin-token"
        )
    if not _is_loopback(client):
        raise AccessDeniedError(
            f"{client} is another machine: start the server with --admin-token to open /__admin to it"
        )
    host = request.headers.get("host", "")
    if not _is_local_name(f"//{host}"):
        raise AccessDeniedError(
            f"Host {host!r} does not name this machine: call localhost or 127.0.0.1, or start the server with"
            " --admin-token"
        )
    origin = request.headers.get("origin")
    if origin is None:
        # A browser leaves it out of an image's request, say, and always says whose page wants it.
        if request.headers.get("sec-fetch-site") == "cross-site" and (
            request.headers.get("sec-fetch-mode") != "navigate"
        ):
            raise AccessDeniedError(
                "a page of another site may not call the control API: serve it from localhost, or start the"
                " server with --admin-token"
            )
    # What the origin is decides: to a browser, localhost and 127.0.0.1 are different sites.
    elif not is_local_origin(origin):
        raise AccessDeniedError(
            f"Origin {origin} may not call the control API: serve the page from localhost, or start"
            " the server with --admin-token"
        )


def is_local_origin(origin: str) -> bool:
    """Whether pages of this origin come from this machine, by any port."""
    return _ORIGIN.fullmatch(origin) is not None and _is_local_name(origin)


def _is_local_name(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or host.endswith(".localhost") or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
