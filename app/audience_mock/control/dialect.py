"""The control plane as a dialect, so that it is dispatched and described as the others are."""

from typing import Any

from audience_mock import __version__
from audience_mock.control import errors, reset, state, uploads, worlds
from audience_mock.transport.dialects import Dialect

SECURITY: dict[str, Any] = {
    "admin_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Asked for where the server has an `admin_token`; else only this machine may call.",
    }
}


def dialect() -> Dialect:
    return Dialect(
        name="control",
        title="Audience Mock's control plane",
        version=__version__,
        prefixes=("__admin",),
        routers=(worlds.router, reset.router, state.router, uploads.router),
        refuse=errors.refuse,
        about=(
            "The test's hand on the world. An operation acts on the world that the request names, by the path"
            " /worlds/{name}/ in front or the header X-Audience-Mock-World; else on the default one."
        ),
        servers=({"url": "/"},),
        security=SECURITY,
    )
