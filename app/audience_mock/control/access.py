"""Access control: this machine may call the control API, or any caller with a token.

A page of any site, in a browser on this machine, could call it too. So `Host` and `Origin` have to name this
machine. A reverse proxy on this machine makes every caller look local, so what shows that a request was
passed on is rejected. All of this is chosen.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request

from audience_mock.control.admin_tokens import AdminTokens, bearer_of
from audience_mock.core.errors import NotFoundError
from audience_mock.core.worlds.names import tenant_of

if TYPE_CHECKING:
    from audience_mock.core.worlds.tenants import Tenants

_FORWARDING_PREFIXES = (
    *("x-forward", "forwarded", "x-original-", "x-prox", "x-envoy-", "x-azure-", "x-arr-", "x-nginx-"),
    *("cf-", "fastly-", "tailscale-", "x-appengine-"),
)
_FORWARDING = frozenset(
    {"via", "cdn-loop", "x-real-ip", "x-real-port", "x-client-ip", "x-cluster-client-ip", "x-remote-ip"}
    | {
        "x-remote-addr",
        "true-client-ip",
        "client-ip",
        "do-connecting-ip",
        "x-rewrite-url",
        "x-host",
        "x-scheme",
    }
)
"""Headers by which proxies, load balancers and content networks show that they passed a request on: those of
RFC 9110, RFC 7239, nginx, Apache, Envoy, IIS, Azure, Google, Cloudflare, Akamai, Fastly and Tailscale. A
client has no reason to send one."""


class AccessDeniedError(Exception):
    """This machine only; the text says what was wrong, and what to do."""


class AdminTokenError(Exception):
    """The token is missing or unknown; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ReadOnlyTokenError(Exception):
    """The token reads, and the call would change something."""


class OperatorOnlyError(Exception):
    """The token is a tenant's, and the call is about the whole server."""


class ControlDisabledError(Exception):
    """The server was started with `--no-admin`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the control API: the operator, or someone with a token of `tenant`."""

    tenant: str | None = None
    may_change: bool = True

    def sees(self, world: str) -> bool:
        """Whether a world of this name would be the caller's, if it exists or not."""
        return self.tenant is None or tenant_of(world) == self.tenant

    def check_sees(self, world: str) -> None:
        """Raises NotFoundError, as for a world that does not exist."""
        if not self.sees(world):
            raise NotFoundError("world", world)


OPERATOR = Caller()


_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", re.IGNORECASE)
"""An origin of a page from a server, as browsers write it (RFC 6454, 6.1); others send `null`."""


@dataclass(frozen=True)
class Access:
    admin: bool = True
    tokens: AdminTokens = field(default_factory=AdminTokens)
    tenants: "Tenants | None" = None

    def holder_of(self, authorization: str) -> Caller | None:
        """Who has the token in a header; None if it is none of this server's."""
        if self.tokens.permit(authorization):
            return OPERATOR
        found = None if self.tenants is None else self.tenants.holder_of(bearer_of(authorization))
        return None if found is None else Caller(*found)

    def knows(self, authorization: str) -> bool:
        """Whether a header has a token of this server."""
        return self.holder_of(authorization) is not None


def check(request: Request, access: Access) -> Caller:
    """Who calls. Raises ControlDisabledError, AdminTokenError, AccessDeniedError."""
    if not access.admin:
        raise ControlDisabledError
    if access.tokens.are_required:
        authorization = request.headers.get("authorization")
        caller = access.holder_of(authorization or "")
        if caller is None:
            raise AdminTokenError("unknown admin token" if authorization else "no admin token")
        return caller
    _check_direct(request)
    client = request.client.host if request.client else ""
    if not _is_loopback(client):
        raise AccessDeniedError(
            f"{client} is another machine: start the server with --admin-token to open /__admin to it"
        )
    # A second one, which no client sends (RFC 9112, 3.2), may be the one that a program on the way reads.
    hosts = request.headers.getlist("host") or [""]
    host = next((each for each in hosts if not _is_local_name(f"//{each}")), None)
    if host is not None:
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
    return OPERATOR


def check_operator(request: Request, access: Access) -> None:
    """For what tells of all tenants. Raises OperatorOnlyError, and as `check`."""
    if check(request, access).tenant is not None:
        raise OperatorOnlyError


def is_local_origin(origin: str) -> bool:
    """Whether pages of this origin come from this machine, by any port."""
    return _ORIGIN.fullmatch(origin) is not None and _is_local_name(origin)


def _check_direct(request: Request) -> None:
    """Raises AccessDeniedError if a proxy passed the request on, as far as that can be seen."""
    sign = next((name for name in request.headers if _is_forwarding(name)), None)
    if sign is None and request.scope.get("http_version") == "1.0":
        # nginx speaks it to an upstream if nothing else is set, at least up to 1.28, and adds no header.
        # Clients of today speak 1.1. Chosen.
        sign = "HTTP/1.0"
    if sign is not None:
        raise AccessDeniedError(
            f"{sign} shows that a proxy passed this request on, so anybody may have sent it: start the server"
            " with --admin-token-file (or AUDIENCE_MOCK_ADMIN_TOKEN) and send the token, or call the server"
            " directly"
        )


def _is_forwarding(name: str) -> bool:
    plain = name.lower().replace("_", "-")
    return plain in _FORWARDING or plain.startswith(_FORWARDING_PREFIXES)


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
