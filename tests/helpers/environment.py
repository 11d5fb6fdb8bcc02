"""Environments for processes that tests start, and those that files of the repository set."""

import os
from collections.abc import Mapping

from audience_mock.settings import ENVIRONMENT_PREFIX, Settings

MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
"""Variables that make a process measure coverage. It makes a start longer, so only some runs get them."""


def environment_without(*prefixes: str, **variables: str) -> dict[str, str]:
    """This environment without the server's settings, coverage and variables with these prefixes; and with
    `variables`."""
    removed = ("AUDIENCE_MOCK_", "COVERAGE_", *prefixes)
    return {name: value for name, value in os.environ.items() if not name.startswith(removed)} | variables


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Fails for a variable that is of no setting, or for a value that it does not take."""
    given = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX)
    }
    assert given.keys() <= Settings.model_fields.keys()
    return Settings(**given)
