"""Forks, snapshots and restores of large worlds are made in threads: others are answered, nothing is half."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from audience_mock.core.worlds import exclusive
from audience_mock.testing import ControlError, MockServer, MockWorld
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN

AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
SAVERS = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}


def create(world: MockWorld) -> str:
    made = httpx.post(f"{world.urls.pinterest}{AUDIENCES}", json=SAVERS, headers=PINTEREST_TOKEN)
    assert made.status_code == 201, made.text
    number: str = made.json()["id"]
    return number


def ids(world: MockWorld) -> list[str]:
    return [audience["id"] for audience in world.state().get("audiences", [])]


def outcome(forking: "Future[MockWorld]") -> int:
    """The status of a fork."""
    failed = forking.exception()
    assert failed is None or isinstance(failed, ControlError)
    return 201 if failed is None else failed.status


@pytest.fixture(params=["sqlite:///{}", "sqlite://"], ids=["file", "memory"])
def blue(
    request: pytest.FixtureRequest,
    start: Callable[..., MockServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> MockWorld:
    """A world in a file, or in memory, of which each copy is large."""
    monkeypatch.setattr(exclusive, "BESIDE_BYTES", 0)
    blue = start(database=request.param.format(tmp_path / "kept.db")).in_world("blue")
    create(blue)
    return blue


def test_copies_are_whole_while_the_world_is_written(blue: MockWorld) -> None:
    """Audiences that are created meanwhile are all kept, and those in a copy are the first of them; restored,
    the world goes on where its snapshot was."""
    with ThreadPoolExecutor(2) as threads:
        creating = [threads.submit(create, blue) for _ in range(40)]
        forks = [blue.fork(f"green-{number}") for number in range(3)]
        blue.snapshot("mid")
    made = ids(blue)
    assert set(made) >= {each.result() for each in creating}
    assert len(made) == len(set(made)) == 41
    for fork in forks:
        held = ids(fork)
        assert held == made[: len(held)]
        assert create(fork) not in held
    blue.restore("mid")
    kept = ids(blue)
    assert kept == made[: len(kept)]
    assert create(blue) not in kept


def test_two_forks_of_one_name(blue: MockWorld) -> None:
    """One is made, the other is told that there is one; whoever names the world meanwhile makes no other."""

    with ThreadPoolExecutor(4) as threads:
        forking = [threads.submit(blue.fork, "green") for _ in range(4)]
    assert sorted(map(outcome, forking)) == [201, 409, 409, 409]
    assert ids(blue.in_world("green")) == ids(blue)


def test_a_world_is_deleted_while_it_is_forked(blue: MockWorld) -> None:
    """The fork is whole, or there is none; one of the world that comes after the deleted one is empty."""
    with ThreadPoolExecutor(2) as threads:
        forking = threads.submit(blue.fork, "green")
        blue.delete()
    if outcome(forking) == 201:
        assert len(ids(forking.result())) <= 1
