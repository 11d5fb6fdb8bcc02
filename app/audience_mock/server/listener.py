"""The listening socket: bound before anything else, so that a port in use is known at once."""

import errno
import socket

LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
"""A client cannot connect to a wildcard address."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises OSError, and UnicodeError for an invalid host
    name."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


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
