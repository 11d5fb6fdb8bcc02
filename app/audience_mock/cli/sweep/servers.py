"""The server whose worlds the runs are in: one that is started for the sweep, or one that runs already."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.exec import Api, apis_of
from audience_mock.cli.settings_command import flag_of, read_settings

if TYPE_CHECKING:
    from audience_mock.client import MockWorld

Apis = list[Api]


def start(settings: Mapping[str, Any], opened: ExitStack) -> tuple["MockWorld", Apis]:
    """A server of its own, stopped when `opened` is closed: its default world, and its APIs."""
    from audience_mock.core.errors import DomainError
    from audience_mock.server.listener import why_not_listening
    from audience_mock.server.run import log_to_stderr
    from audience_mock.settings import variable_of
    from audience_mock.testing import MockServer

    given = {**settings, "admin": True}
    if variable_of("log_level") not in os.environ:
        # Each run is made to have requests rejected.
        given.setdefault("log_level", "error")
    read_settings({"port": 0, **given})
    server = MockServer(**given)
    log_to_stderr(server.settings)
    try:
        opened.enter_context(server)
    except DomainError as error:
        exit_with_error(error)
    except (OSError, UnicodeError) as error:
        exit_with_error(why_not_listening(server.settings.host, server.settings.port, error))
    return server, [*apis_of(server)]


def connect(url: str) -> tuple["MockWorld", Apis]:
    """A running server, or a world of it: the world, and the APIs."""
    from http.client import HTTPException

    from audience_mock.cli.control.command import (
        NotAudienceMockError,
        check_server,
        connected,
        why_unreachable,
    )
    from audience_mock.client import ControlError

    base = connected(url)
    try:
        check_server(base)
        found = base.control("GET", "/overview")
    except ControlError as error:
        exit_with_error(error)
    except (HTTPException, NotAudienceMockError):
        exit_with_error(f"the server at {url} is not Audience Mock")
    except OSError as error:
        exit_with_error(why_unreachable(error, url))
    return base, [(api["name"], api["base_path"], api["client_variables"]) for api in found["apis"]]


def check_world_settings(settings: Mapping[str, Any]) -> None:
    """Worlds of a running server can have these; others exit with an error."""
    from audience_mock.settings import WorldSettings

    for name in settings:
        if name not in WorldSettings.model_fields:
            exit_with_error(f"{flag_of(name)}: a setting of a server, and --url names one that runs already")
