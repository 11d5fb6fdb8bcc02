"""`audience-mock exec`: runs a command beside a server, forwards signals to it, and stops both."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.settings_command import (
    SettingsCommand,
    exit_for_setting,
    given_flags,
    read_settings,
    without_collector,
)

if TYPE_CHECKING:
    from audience_mock.testing import MockServer

NOT_FOUND = 127
NOT_EXECUTABLE = 126
SIGNAL_BASE = 128
"""Exit statuses as POSIX has them for a shell; the number of the signal is added to the last."""

FORWARDED_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
"""Signals that end a process by default. Not every system has all of them."""

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

TERMINAL_SIGNALS = ("SIGINT", "SIGQUIT")
"""A terminal sends these to the whole foreground group: forwarded too, they would arrive twice."""


class ExecCommand(SettingsCommand):
    fixed_settings = ("port", "ready_file")


@click.command(
    "exec",
    cls=ExecCommand,
    context_settings={"allow_interspersed_args": False},
    short_help="Run a command beside a server of its own.",
    epilog="""
    \b
    Example:
      audience-mock exec --seed demo --build-delay-s 0 -- npm test
    """,
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def exec_(command: tuple[str, ...], **flags: Any) -> None:
    """Run COMMAND beside a server of its own on a free port, and exit with its exit status.

    COMMAND finds the server in its environment: AUDIENCE_MOCK_URL, AUDIENCE_MOCK_PINTEREST_URL,
    AUDIENCE_MOCK_PITCHTARGET_URL, AUDIENCE_MOCK_CONTROL_URL, and PINTEREST_API_URI, which Pinterest's own
    Python client reads. Signals are forwarded to COMMAND.
    """
    settings = given_flags(flags)
    with without_collector():
        # MockServer reads them again; here an invalid one is reported by the flag that it came with.
        read_settings({"port": 0, **settings})
        sys.exit(run(command, settings))


def run(command: Sequence[str], settings: Mapping[str, Any]) -> int:
    """Run a command while a server with these settings serves; returns the exit status of the command."""
    from audience_mock.core.errors import DomainError
    from audience_mock.server.listener import why_not_listening
    from audience_mock.server.run import log_to_stderr
    from audience_mock.testing import MockServer

    server = MockServer(**settings)
    log_to_stderr(server.settings)
    child = ChildProcess()
    child.forward_signals()
    try:
        with server:
            gc.enable()
            return run_beside(server, command, child)
    except DomainError as error:
        exit_for_setting(error, settings)
    except (OSError, UnicodeError) as error:
        exit_with_error(why_not_listening(server.settings.host, server.settings.port, error))


def run_beside(
    server: "MockServer", command: Sequence[str], child: "ChildProcess", *, stdout: int | None = None
) -> int:
    """Run a command that finds this server in its environment; returns its exit status."""
    from audience_mock.testing import client_token

    variables = environment(server)
    token = client_token(server.settings)
    if token is not None:
        variables["AUDIENCE_MOCK_ADMIN_TOKEN"] = token
    return child.run(command, os.environ | variables | without_proxy(os.environ, server.url), stdout=stdout)


def environment(server: "MockServer") -> dict[str, str]:
    """The variables from which a command learns the URLs of the server and of each API."""
    return environment_of(server.url, apis_of(server))


Api = tuple[str, str, Iterable[str]]
"""An API: its name, its base path, and the variables from which its clients read its base URL."""


def environment_of(url: str, apis: Iterable[Api]) -> dict[str, str]:
    """As `environment`, of a server or a world of it, anywhere."""
    variables = {"AUDIENCE_MOCK_URL": url, "AUDIENCE_MOCK_CONTROL_URL": f"{url}/__admin"}
    for name, base_path, of_clients in apis:
        variables |= dict.fromkeys((f"AUDIENCE_MOCK_{name.upper()}_URL", *of_clients), url + base_path)
    return variables


def apis_of(server: "MockServer") -> Iterator[Api]:
    for name, api in server.app.state.providers.items():
        yield name, api.base_path, api.provider.client_variables


def without_proxy(environment: Mapping[str, str], url: str) -> dict[str, str]:
    """NO_PROXY and no_proxy with this machine: a proxy of the environment cannot reach the server on it.

    Some clients read one of the names, some the other, and where there are both some read the lower case.
    """
    local = dict.fromkeys((*LOCAL_NAMES, urlsplit(url).hostname or ""))
    variables = {}
    for name, other in (("NO_PROXY", "no_proxy"), ("no_proxy", "NO_PROXY")):
        given = environment.get(name) or environment.get(other) or ""
        names = [part.strip() for part in given.split(",") if part.strip()]
        # Alone it means all; in a list it is a name like any other to some clients.
        variables[name] = "*" if "*" in names else ",".join(dict.fromkeys((*names, *local)))
    return variables


class ChildProcess:
    """A child process that receives the signals sent to this process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: list[int] = []
        """Signals that arrived before the child was started."""
        self.last_signal: int | None = None
        """The last signal that this process received."""

    def forward_signals(self) -> None:
        for name in FORWARDED_SIGNALS:
            if hasattr(signal, name):
                # A handler, not SIG_IGN, which the child would inherit.
                signal.signal(getattr(signal, name), self._forward)

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, stdout: int | None = None
    ) -> int:
        """Run the command to its end; returns its exit status, as a shell would report it. `stdout` is a file
        descriptor that takes the place of this process's standard output."""
        if self._pending:
            return SIGNAL_BASE + self._pending[0]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                command, env=environment, stdout=stdout
            )
        except FileNotFoundError:
            exit_with_error(f"{command[0]}: not found", NOT_FOUND)
        except OSError as error:
            exit_with_error(f"{command[0]}: {error.strerror or error}", NOT_EXECUTABLE)
        for signum in self._pending:
            self._process.send_signal(signum)
        status = self._process.wait()
        return SIGNAL_BASE - status if status < 0 else status

    def _forward(self, signum: int, frame: FrameType | None) -> None:
        self.last_signal = signum
        if signal.Signals(signum).name in TERMINAL_SIGNALS and _is_in_foreground():
            return
        if self._process is None:
            self._pending.append(signum)
        else:
            self._process.send_signal(signum)


def _is_in_foreground() -> bool:
    """Whether a terminal sends its signals to the group of this process, which the child shares."""
    if sys.platform == "win32":  # which has no process groups of a terminal
        return False
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
