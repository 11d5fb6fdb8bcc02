"""A command beside a server: `audience-mock exec` starts both, hands signals on, and ends both."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

from audience_mock.client import MockWorld
from audience_mock.core.errors import DomainError
from audience_mock.server.listener import why_not_listening
from audience_mock.server.run import log_to_stderr
from audience_mock.testing import MockServer

NOT_FOUND = 127
NOT_EXECUTABLE = 126
ENDED_BY_SIGNAL = 128
"""Exit statuses as POSIX has them for a shell; the signal's number is added to the last."""

HANDED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
"""Signals that end a process which has no other use for them; not every system has all."""

FROM_THE_TERMINAL = ("SIGINT", "SIGQUIT")
"""A terminal sends these to the command too; sent on, they would come twice."""


def run(command: Sequence[str], settings: Mapping[str, Any], fail: Callable[[object], NoReturn]) -> int:
    """The exit status of a command, run while a server with these settings serves."""
    server = MockServer(**settings)
    log_to_stderr(server.settings)
    child = _Child()
    child.take_signals()
    try:
        with server:
            gc.enable()  # the command line turned it off for the start
            more = environment(server)
            if server.settings.admin_token is not None:
                more["AUDIENCE_MOCK_ADMIN_TOKEN"] = server.settings.admin_token
            return child.run(command, os.environ | more)
    except DomainError as error:
        fail(error)
    except (OSError, UnicodeError) as error:
        fail(why_not_listening(server.settings.host, server.settings.port, error))


def environment(world: MockWorld) -> dict[str, str]:
    """Where a command finds a world."""
    return {
        "AUDIENCE_MOCK_URL": world.url,
        "AUDIENCE_MOCK_PINTEREST_URL": world.urls.pinterest,
        "AUDIENCE_MOCK_PITCHTARGET_URL": world.urls.pitchtarget,
        "AUDIENCE_MOCK_CONTROL_URL": world.urls.control,
        # pinterest-api-sdk, Pinterest's own client for Python, takes its base from here.
        "PINTEREST_API_URI": world.urls.pinterest,
    }


class _Child:
    """A process that gets the signals of this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []

    def take_signals(self) -> None:
        for name in HANDED_ON:
            if hasattr(signal, name):
                # A handler and not SIG_IGN, which the command would inherit.
                signal.signal(getattr(signal, name), self._hand_on)

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        if self._waiting:
            return ENDED_BY_SIGNAL + self._waiting[0]
        try:
            self._process = subprocess.Popen(command, env=environment)  # noqa: S603 - it was asked for
        except FileNotFoundError:
            return _not_run(NOT_FOUND, command[0], "not found")
        except OSError as error:
            return _not_run(NOT_EXECUTABLE, command[0], error.strerror or str(error))
        for signum in self._waiting:
            self._process.send_signal(signum)
        status = self._process.wait()
        return ENDED_BY_SIGNAL - status if status < 0 else status

    def _hand_on(self, signum: int, frame: FrameType | None) -> None:
        if signal.Signals(signum).name in FROM_THE_TERMINAL and _is_in_the_foreground():
            return
        if self._process is None:
            self._waiting.append(signum)
        else:
            self._process.send_signal(signum)


def _not_run(status: int, command: str, why: str) -> int:
    print(f"audience-mock: {command}: {why}", file=sys.stderr)  # noqa: T201
    return status


def _is_in_the_foreground() -> bool:
    """Whether a terminal sends its signals to this process, and so to the command."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
