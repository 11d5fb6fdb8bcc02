"""`audience-mock wait`: it imports nothing of the server, so it starts fast."""

import json
import time

import click

from audience_mock.cli.errors import exit_with_error

POLL_INTERVAL_S = 0.02
MIN_ATTEMPT_S, MAX_ATTEMPT_S = 0.5, 1.0
"""Bounds of the time that one attempt may take. Chosen: a busy machine answers within the lower one, so even
the last attempt reports what answers there."""

NOT_READY = 1
HEALTH_BYTES = 1 << 16
"""More than the health page has."""


@click.command(
    epilog="""
    \b
    Example:
      audience-mock wait http://127.0.0.1:8000 --timeout-s 30
    """
)
@click.argument("url")
@click.option(
    "--timeout-s", metavar="SECONDS", type=float, default=10.0, show_default=True, help="Seconds to wait."
)
def wait(url: str, timeout_s: float) -> None:
    """Wait until the server at URL is ready.

    The exit status is 0 once it is ready, and 1 if it is not ready in time.
    """
    if not timeout_s >= 0:
        exit_with_error(f"--timeout-s: must be a number, 0 or more (given: {timeout_s:g})")
    address = _parse_url(url)
    if address is None:
        exit_with_error(f"not the URL of a server: {url!r} (try http://127.0.0.1:8000)")
    deadline = time.monotonic() + timeout_s
    while (reason := _not_ready_reason(*address, deadline - time.monotonic())) is not None:
        if time.monotonic() >= deadline:
            exit_with_error(f"{url} is not ready after {timeout_s:g} s: {reason}", NOT_READY)
        time.sleep(POLL_INTERVAL_S)


def _parse_url(url: str) -> tuple[str, int] | None:
    """Host and port. The path does not matter: the base URL of either API works."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        host, port = parts.hostname, 80 if parts.port is None else parts.port
        if parts.scheme == "http" and host and port and " " not in host and host.encode("idna"):
            return host, port
    except ValueError:
        pass
    return None


def _not_ready_reason(host: str, port: int, remaining_s: float) -> str | None:
    """Why the server is not ready; None if it is."""
    import http.client

    timeout_s = max(MIN_ATTEMPT_S, min(remaining_s, MAX_ATTEMPT_S))
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/__admin/health")
        response = connection.getresponse()
        health = json.loads(response.read(HEALTH_BYTES))
        if response.status == 200 and isinstance(health, dict) and health.get("status") == "ready":
            return None
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    except (http.client.HTTPException, ValueError):
        pass
    finally:
        connection.close()
    return "the server there is not Audience Mock"
