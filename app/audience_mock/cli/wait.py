"""`audience-mock wait`: it imports nothing of the server, so it starts fast."""

import json
import re
import time
from urllib.parse import SplitResult, urlsplit

import click

from audience_mock.cli.errors import exit_with_error

POLL_INTERVAL_S = 0.02
MIN_ATTEMPT_S, MAX_ATTEMPT_S = 0.5, 1.0
"""Bounds of the time that one attempt may take. Chosen: a busy machine answers within the lower one, so even
the last attempt reports what answers there."""

NOT_READY = 1
HEALTH = "__admin/health"
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
    """Wait until the server at URL is ready. It may be https, and have the path of a proxy.

    The exit status is 0 once it is ready, and 1 if it is not ready in time.
    """
    if not timeout_s >= 0:
        exit_with_error(f"--timeout-s: must be a number, 0 or more (given: {timeout_s:g})")
    address = parse_url(url)
    if address is None:
        exit_with_error(f"not the URL of a server: {url!r} (try http://127.0.0.1:8000)")
    deadline = time.monotonic() + timeout_s
    while (reason := _not_ready_reason(address, deadline - time.monotonic())) is not None:
        if time.monotonic() >= deadline:
            exit_with_error(f"{url} is not ready after {timeout_s:g} s: {reason}", NOT_READY)
        time.sleep(POLL_INTERVAL_S)


def parse_url(url: str) -> SplitResult | None:
    """The parts of a base URL; None if it is none."""
    try:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
        if parts.scheme in ("http", "https") and host and port != 0 and not re.search(r"[\s\x00-\x20]", url):
            host.encode("idna")
            return parts
    except ValueError:
        pass
    return None


def _health_paths(path: str) -> list[str]:
    """Where the health page may be: the base URL of an API or a world works too, so each part of the path may
    be the server's prefix or not."""
    segments = [segment for segment in path.split("/") if segment]
    return [f"/{'/'.join((*segments[:end], HEALTH))}" for end in range(len(segments), -1, -1)]


def _not_ready_reason(url: SplitResult, remaining_s: float) -> str | None:
    """Why the server is not ready; None if it is."""
    import http.client

    timeout_s = max(MIN_ATTEMPT_S, min(remaining_s, MAX_ATTEMPT_S))
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout_s)
    try:
        for path in _health_paths(url.path):
            connection.request("GET", path)
            response = connection.getresponse()
            content = response.read(HEALTH_BYTES)
            if response.status == 200 and _is_ready(content):
                return None
            if response.read(1):
                connection.close()  # the next request opens it again
    except OSError as error:
        return getattr(error, "verify_message", None) or error.strerror or str(error) or type(error).__name__
    except http.client.HTTPException:
        pass
    finally:
        connection.close()
    return "the server there is not Audience Mock"


def _is_ready(content: bytes) -> bool:
    try:
        health = json.loads(content)
    except ValueError:
        return False
    return isinstance(health, dict) and health.get("status") == "ready"
