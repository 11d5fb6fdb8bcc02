"""Environments for processes that tests start."""

import os

MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
"""Variables that make a process measure coverage. It makes a start longer, so only some runs get them."""


def environment_without(*prefixes: str, **variables: str) -> dict[str, str]:
    """This environment without the server's settings, coverage and variables with these prefixes; and with
    `variables`."""
    removed = ("AUDIENCE_MOCK_", "COVERAGE_", *prefixes)
    return {name: value for name, value in os.environ.items() if not name.startswith(removed)} | variables
