"""The listening sockets: bound before anything else, so that a port in use is known at once."""

import errno
import socket

LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
"""A client cannot connect to a wildcard address."""

_LOCALHOST = ("127.0.0.1", "::1")
"""Clients try both (RFC 6761, 6.3), and not in the same order."""

_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""This machine does not have the address, or the family of addresses."""

_ATTEMPTS = 20
"""To find a port that is free on all addresses. Chosen: one attempt fails once in thousands."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets, one for each address of the host, all on one port; port 0 takes any free one.

    `::` includes IPv4 where the system can. Raises OSError, and UnicodeError for an invalid host name.
    """
    addresses = _addresses(host)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _listen_at(addresses, port)
        except OSError as error:
            # The free port of the first address is taken on another.
            if port or error.errno != errno.EADDRINUSE or attempt == _ATTEMPTS:
                raise
    raise AssertionError


def _addresses(host: str) -> list[str]:
    if host.lower().rstrip(".") == "localhost":
        return list(_LOCALHOST)
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _listen_at(addresses: list[str], port: int) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for address in addresses:
            try:
                listeners.append(_listener(address, port))
            except OSError as error:
                if error.errno not in _NO_SUCH_ADDRESS:
                    raise
                missing = error
                continue
            port = listeners[0].getsockname()[1]
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    if missing is not None and not listeners:
        raise missing
    return listeners


def _listener(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    both = address == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((address, port), family=family, backlog=2048, dualstack_ipv6=both)


def families(listener: socket.socket) -> str | None:
    """What `::` listens on, for the user; None for other addresses, which say so themselves."""
    host, port = listener.getsockname()[:2]
    if host != "::":
        return None
    if listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return f"listening on [::]:{port} for IPv6 only; --host 0.0.0.0 listens for IPv4"
    return f"listening on [::]:{port} for IPv6 and IPv4"


def base_url(listener: socket.socket) -> str:
    """Where a client on this machine finds it."""
    host, port = listener.getsockname()[:2]
    host = LOOPBACK_OF.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def why_not_listening(host: str, port: int, error: OSError | UnicodeError) -> str:
    """One line for the user."""
    host = f"[{host}]" if ":" in host else host
    # Python adds the address to the system's message for some of these errors.
    why = (getattr(error, "strerror", None) or "not the name of a host").partition(" (while")[0]
    hint = " (try --port 0)" if getattr(error, "errno", None) == errno.EADDRINUSE else ""
    return f"cannot listen on {host}:{port}: {why}{hint}"
