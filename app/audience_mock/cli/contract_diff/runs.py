"""A command run beside a server that records, and its calls replayed under both versions."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from starlette.types import ASGIApp

from audience_mock.app import create_app
from audience_mock.cli.exec import ChildProcess, run_beside
from audience_mock.core.worlds.clock import real_ms, system_time
from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from audience_mock.web.contract_diff.comparison import Comparison
from audience_mock.web.contract_diff.lockstep import applications, make_alike, replay
from audience_mock.web.exchanges import Exchange, Recorder


class Run(NamedTuple):
    """One run of the command."""

    exit_status: int
    exchanges: Sequence[Exchange]

    @property
    def calls(self) -> Sequence[Exchange]:
        """What it asked of the APIs, the control API aside."""
        return [exchange for exchange in self.exchanges if not exchange.is_control]


class _RecordedServer(MockServer):
    def _served(self) -> ASGIApp:
        self.recorder = Recorder(self.app)
        return self.recorder


def run(command: Sequence[str], settings: Mapping[str, Any], *, child: ChildProcess, started_ms: int) -> Run:
    """Run a command beside a server with these settings, whose clock starts at `started_ms`. What it prints
    goes to standard error."""
    server = _RecordedServer(**settings)
    with ExitStack() as opened:
        # Each start makes the same world, however long it takes.
        with system_time(lambda: started_ms):
            opened.enter_context(server)
        began_ms = real_ms()
        opened.enter_context(system_time(lambda: started_ms + real_ms() - began_ms))
        sys.stderr.flush()
        status = run_beside(server, command, child, stdout=_stderr())
    return Run(status, server.recorder.exchanges)


def compare(
    exchanges: Sequence[Exchange],
    *,
    api: str,
    versions: Sequence[tuple[str, Settings]],
    started_ms: int,
) -> dict[str, Any]:
    """What differs if the recorded requests are sent to servers of this process with these settings of two
    versions, at the times of the recording."""
    return asyncio.run(_compare(exchanges, api, versions, started_ms))


async def _compare(
    exchanges: Sequence[Exchange], api: str, versions: Sequence[tuple[str, Settings]], started_ms: int
) -> dict[str, Any]:
    now_ms = started_ms
    makes = [partial(create_app, settings, observed=False) for _, settings in versions]
    with system_time(lambda: now_ms):
        async with applications(*makes) as apps:
            worlds = [app.state.worlds for app in apps]

            def prepare(exchange: Exchange) -> None:
                nonlocal now_ms
                now_ms = exchange.at_ms
                if all(exchange.world in of_app for of_app in worlds):
                    make_alike(*(of_app.find(exchange.world) for of_app in worlds))

            comparison = Comparison(api, apps[0].state.providers, *(name for name, _ in versions))
            number = 0
            async for pair in replay(exchanges, apps, prepare=prepare):
                if not pair.call.is_control:
                    number += 1
                    comparison.see(number, pair)
            return comparison.report()


def _stderr() -> int | None:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError):  # not a file, in a test
        return subprocess.DEVNULL
