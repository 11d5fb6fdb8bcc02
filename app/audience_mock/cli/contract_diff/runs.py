"""A command run beside a server that records, and its calls replayed under both versions."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from starlette.types import ASGIApp

from audience_mock.app import create_app
from audience_mock.cli.exec import ChildProcess, run_beside
from audience_mock.core.store import sequences
from audience_mock.core.worlds.clock import real_ms, system_time
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from audience_mock.web.exchanges import Answer, Exchange, Recorder, Replay

_log = logging.getLogger("audience_mock")


class Run(NamedTuple):
    """One run of the command."""

    exit_status: int
    exchanges: Sequence[Exchange]

    @property
    def calls(self) -> Sequence[Exchange]:
        """What it asked of the APIs, the control API aside."""
        return [exchange for exchange in self.exchanges if not exchange.is_control]


class Pair(NamedTuple):
    """A recorded call with the answers of both versions to it."""

    call: Exchange
    before: Answer
    after: Answer


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


def replay(
    exchanges: Sequence[Exchange], *, before: Settings, after: Settings, started_ms: int
) -> Sequence[Pair]:
    """Send the recorded requests to two servers of this process, at the times of the recording. Before each
    one, ids and random numbers of the second are set to those of the first: what differs then is not what an
    earlier difference has shifted."""
    level = _log.level
    _log.setLevel(logging.CRITICAL)  # the first run has logged the same
    try:
        return asyncio.run(_replay(exchanges, before, after, started_ms))
    finally:
        _log.setLevel(level)


async def _replay(
    exchanges: Sequence[Exchange], before: Settings, after: Settings, started_ms: int
) -> Sequence[Pair]:
    now_ms = started_ms
    pairs = []
    with system_time(lambda: now_ms):
        apps = [create_app(settings) for settings in (before, after)]
        replays = [Replay(app) for app in apps]
        try:
            for exchange in exchanges:
                now_ms = exchange.at_ms
                _make_alike(first=apps[0].state.worlds, second=apps[1].state.worlds, name=exchange.world)
                answers = [await each.answer(exchange) for each in replays]
                if not exchange.is_control:
                    pairs.append(Pair(exchange, *answers))
        finally:
            for app in apps:
                await app.state.worlds.until_all_free()
                app.state.worlds.close()
    return pairs


def _make_alike(*, first: Worlds, second: Worlds, name: str) -> None:
    if name not in first or name not in second:
        return
    model, world = first.find(name), second.find(name)
    world.random.setstate(model.random.getstate())
    wanted, has = (each.read_now(sequences.all_numbers) for each in (model, world))
    if numbers := {each: number for each, number in wanted.items() if has.get(each) != number}:
        world.transact_now(sequences.set_next, numbers)


def _stderr() -> int | None:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError):  # not a file, in a test
        return subprocess.DEVNULL
