"""What a reverse proxy says of a request: who sent it, and the URL that it was sent to.

A client can send the same headers, so only those of trusted proxies count. Read are X-Forwarded-For, -Proto,
-Host and -Prefix; `Forwarded` (RFC 7239) is not, since no proxy sends it unless it is told to. A proxy adds
its value to the end of a list or replaces the list, so what the outermost trusted proxy said stands as many
places from the end as there are trusted proxies.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

_NAMES = {
    b"x-forwarded-for": "for",
    b"x-forwarded-proto": "proto",
    b"x-forwarded-host": "host",
    b"x-forwarded-prefix": "prefix",
}
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+;=:@-]+)+")
_WITH_PORT = re.compile(r"(?:\[([^]]+)\]|([0-9.]+))(?::[0-9]+)?")


class TrustedProxies:
    """Middleware: gives a request the client, scheme, host and root path that a trusted proxy says.

    `networks` are addresses or networks of proxies. `public_url` is where clients find the server: its path
    is taken off the path of a request that still has it.
    """

    def __init__(self, app: ASGIApp, *, networks: Sequence[str], public_url: str | None) -> None:
        self.app = app
        self._networks = [ip_network(network) for network in networks]
        self._prefix = _path_of(public_url or "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            client = scope.get("client")
            if client is not None and self._trusts(client[0]):
                self._apply(scope)
            if self._prefix and not scope["root_path"] and _begins(scope["path"], self._prefix):
                _set_root(scope, self._prefix)
        await self.app(scope, receive, send)

    def _trusts(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)

    def _apply(self, scope: Scope) -> None:
        said = _said(scope)
        hops = 1
        addresses = said.get("for", ())
        while hops < len(addresses) and self._trusts(addresses[-hops]):
            hops += 1
        if addresses:
            # One that cannot be read is no machine's, so it never counts as this one.
            scope["client"] = (str(_address(addresses[-hops]) or addresses[-hops]), 0)
        scheme = _of_outermost(said, "proto", hops).lower()
        if scheme in ("http", "https"):
            scope["scheme"] = scheme
        host = _of_outermost(said, "host", hops)
        if _HOST.fullmatch(host):
            others = [header for header in scope["headers"] if header[0] != b"host"]
            scope["headers"] = [(b"host", host.encode("ascii")), *others]
        # Each proxy takes its own prefix off.
        prefix = "".join(part.rstrip("/") for part in said.get("prefix", ())[-hops:])
        if _PREFIX.fullmatch(prefix):
            _set_root(scope, prefix)


def _said(scope: Scope) -> Mapping[str, list[str]]:
    """The values of each header, in the order in which proxies added them."""
    said: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        if name in _NAMES:
            said.setdefault(_NAMES[name], []).extend(
                part.strip(' \t"') for part in value.decode("latin-1").split(",")
            )
    return said


def _of_outermost(said: Mapping[str, list[str]], name: str, hops: int) -> str:
    values = said.get(name)
    return values[-min(hops, len(values))] if values else ""


def _set_root(scope: Scope, prefix: str) -> None:
    """As ASGI has it, `root_path` is a part of `path`; a proxy may have taken it off."""
    path: str = scope["path"]
    scope["root_path"] = prefix
    if path == prefix:
        scope["path"] = f"{prefix}/"
    elif not _begins(path, prefix):
        scope["path"] = prefix + path


def _begins(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _path_of(url: str) -> str:
    """The path of a base URL, without a slash at its end."""
    return "".join(url.partition("://")[2].partition("/")[1:]).rstrip("/")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    with_port = _WITH_PORT.fullmatch(host)
    try:
        address = ip_address(host if with_port is None else with_port[1] or with_port[2])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
