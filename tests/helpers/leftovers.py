"""A pytest plugin by which each test finds the process as every other test does, whatever ran before it.

A test that leaves its environment, folder, import path, signal handlers or open-file limit changed fails by
itself, and not a later one that happens to come next in its process.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

LOGGERS = ("", "audience_mock")
SET_BY_THE_COMMAND = "PYDANTIC_DISABLE_PLUGINS"
SIGNALS = [
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGCHLD")
    if (number := getattr(signal, name, None)) is not None
]


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fails the test otherwise. What a command sets for its process is taken back, where a test runs it in
    this one."""
    before = _state()
    levels = [(logger := logging.getLogger(name), logger.level) for name in LOGGERS]
    yield
    for logger, level in levels:
        logger.setLevel(level)
    if SET_BY_THE_COMMAND not in before:
        os.environ.pop(SET_BY_THE_COMMAND, None)
    after = _state()
    changed = {name: (before.get(name), after.get(name)) for name in before.keys() | after.keys()}
    changed = {name: values for name, values in changed.items() if values[0] != values[1]}
    assert not changed, f"the test leaves changes behind (before, after): {changed}"


def _state() -> dict[str, Any]:
    variables = os.environ.copy()
    variables.pop("PYTEST_CURRENT_TEST", None)  # it names the phase of the test
    return {
        **variables,
        "the folder": os.getcwd(),
        "sys.path": sys.path.copy(),
        "open files": _most_open_files(),
        **{number.name: signal.getsignal(number) for number in SIGNALS},
    }


def _most_open_files() -> object:
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)
