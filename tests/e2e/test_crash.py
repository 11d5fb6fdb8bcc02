"""Many kills in a row, under load: nothing that was confirmed is lost, and nothing is half done."""

import random
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from helpers.crash_clients import Client
from helpers.serve_command import LIMIT_S, Run, Runner, command
from helpers.waiting import until

__all__ = ["command"]

CLIENTS = 3
CALLS_BEFORE_A_KILL = (5, 60)
"""At least and at most, of all clients."""


def crash(command: Runner, kills: int) -> None:
    chance = random.Random(kills)
    clients = [Client(number) for number in range(CLIENTS)]

    def answered() -> int:
        return sum(client.answered for client in clients)

    for _ in range(kills):
        run = _checked(command, clients)
        enough = answered() + chance.randint(*CALLS_BEFORE_A_KILL)
        with ThreadPoolExecutor(CLIENTS) as pool:
            calling = [pool.submit(client.run_until_the_kill, run.url) for client in clients]

            def is_time(enough: int = enough, calling: Sequence[Future[None]] = calling) -> bool:
                return answered() >= enough or any(call.done() for call in calling)

            until(is_time, f"{enough} answered calls")
            run.process.kill()
            for call in calling:
                call.result(LIMIT_S)
        assert run.status() == -signal.SIGKILL
    _checked(command, clients).end()
    print(f"{kills} kills, {answered()} answered calls, none lost")


def _checked(command: Runner, clients: Sequence[Client]) -> Run:
    """The server, started again, which has what it should have."""
    run = command.serve("--database", "sqlite:///kept.db", "--log-level", "warning")
    for file in (command.folder / "kept.db.worlds").glob("*"):
        assert ".half" not in file.name
        assert file.with_name(file.name.removesuffix("-wal")).exists()
    for client in clients:
        client.check(run.url)
    return run


@pytest.mark.parametrize("kills", [2, pytest.param(6, marks=pytest.mark.ci)])
def test_a_few_kills_lose_nothing(command: Runner, kills: int) -> None:
    """Forks, snapshots, settings, clocks, uploads and audiences that were confirmed are there after each."""
    crash(command, kills)


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing(command: Runner) -> None:
    """As few, and each over what all before have left."""
    crash(command, 200)
