"""Calls of the control API over HTTP, with the standard library alone."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from audience_mock.client_errors import raise_error

CONTROL_PATH = "/__admin"

TIMEOUT_S = 60
"""Seconds for one call. Chosen: exporting the state of a hundred thousand audiences takes some."""


@contextmanager
def open_response(
    url: str, admin_token: str | None, method: str, path: str, body: Any = None
) -> Iterator[http.client.HTTPResponse]:
    """The response to a call of the control API of the world at `url`, while its connection is open. Raises
    ControlError, and OSError if the server cannot be reached."""
    __tracebackhide__ = True
    parts = urlsplit(url)
    connection_class = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    # Not urllib: it uses the proxy of the environment, even to reach this machine.
    connection = connection_class(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    headers = {"Connection": "close"}
    if admin_token is not None:
        headers["Authorization"] = f"Bearer {admin_token}"
    content = None if body is None else json.dumps(body).encode()
    if content is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, f"{parts.path}{CONTROL_PATH}{path}", content, headers)
        response = connection.getresponse()
        if response.status >= 400:
            raise_error(response.status, response.read())
        yield response
    finally:
        connection.close()


def split_world(url: str) -> tuple[str, str | None]:
    """The URL of a server, and the world that the URL names, if it does: a variable may hold either."""
    found = re.fullmatch(r"(?P<server>.*)/worlds/(?P<world>[^/]+)/?", url)
    return (found["server"], unquote(found["world"])) if found else (url, None)
