"""What worlds start from is kept in the database as long as a server starts worlds from it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.postgres import sweeper
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.postgres import Cluster, Connection, connected
from helpers.replicas import AUDIENCES

pytestmark = pytest.mark.replicas

STARTS = f"SELECT image FROM {SCHEMA}.snapshots WHERE world = '' ORDER BY image"
HOLDS_ROWS = f"SELECT EXISTS (SELECT FROM {SCHEMA}.sequences WHERE image = $1)"


class Replicas:
    """Servers over one database. They sweep when they are told to, and `pass_time` is for all of them."""

    def __init__(self, start: Callable[..., MockServer], url: str, seeds: Path, at: Connection) -> None:
        self._start = start
        self._url = url
        self._seeds = seeds
        self.database = at

    def start(self, *names: str) -> MockServer:
        """One whose seed is audiences of these names, the last of them pending."""
        file = self._seeds / f"{'-'.join(names)}.json"
        kept = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "ENGAGEMENT", "definition": {}}
        rows: list[dict[str, Any]] = [{**kept, "name": name} for name in names]
        rows[-1]["ready_in_s"] = 3600
        file.write_text(json.dumps({"audiences": rows}))
        return self._start(database=self._url, seed=str(file))

    def pass_time(self, minutes: int) -> None:
        for table, column in (("snapshots", "used_at"), ("unused_images", "since")):
            self.database.run(
                f"UPDATE {SCHEMA}.{table} SET {column} = {column} - interval '{minutes} minutes'"
            )

    def starts(self) -> list[int]:
        return [image for (image,) in self.database.rows(STARTS)]

    def holds(self, image: int) -> bool:
        """Whether there are rows of an image."""
        ((found,),) = self.database.rows(HOLDS_ROWS, image)
        return bool(found)


@pytest.fixture
def replicas(
    postgresql: Cluster,
    database: str,
    start: Callable[..., MockServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Replicas]:
    monkeypatch.setattr(sweeper, "INTERVAL_S", 86_400)
    with connected(postgresql.url(database, "postgres")) as connection:
        yield Replicas(start, postgresql.url(database), tmp_path, connection)


def sweep(*servers: MockServer) -> None:
    for server in servers:
        server.app.state.worlds._sweeper.sweep()


def names(server: MockServer, world: str) -> list[str]:
    """The audiences of a world at a server, which makes it if there is none."""
    answer = httpx.get(f"{server.url}/worlds/{world}{AUDIENCES}", headers=PINTEREST_TOKEN)
    return sorted(item["name"] for item in answer.json()["items"])


def test_each_seed_stays_while_a_server_has_it(replicas: Replicas) -> None:
    """In a rolling restart with another seed, each server makes worlds from its own. The old starting image
    stays while one of the old servers runs, and is removed an hour after the last; the new one stays."""
    old = [replicas.start("a", "b") for _ in range(2)]
    (first,) = replicas.starts()
    new = replicas.start("c")
    assert names(new, "green") == ["c"]
    first_of_new = {*replicas.starts()} - {first}
    old[0].__exit__(None, None, None)
    for number in range(3):
        replicas.pass_time(50)
        sweep(old[1], new)
        assert {*replicas.starts()} == {first, *first_of_new}
        assert names(old[1], f"old-{number}") == ["a", "b"]
        assert names(new, f"new-{number}") == ["c"]
    old[1].__exit__(None, None, None)
    replicas.pass_time(50)
    sweep(new)
    assert first in replicas.starts()
    replicas.pass_time(20)
    sweep(new)
    assert {*replicas.starts()} == first_of_new
    assert replicas.holds(first), "who copies it may go on"
    replicas.pass_time(2)
    sweep(new)
    assert not replicas.holds(first)
    assert names(new, "last") == ["c"]
    assert names(new, "old-0") == ["a", "b"]


def test_a_server_that_was_away_makes_its_start_again(replicas: Replicas) -> None:
    """Two that hung for hours find it removed: worlds that they make and reset, at once, are as before."""
    away = [replicas.start("a", "b") for _ in range(2)]
    assert names(away[0], "kept") == ["a", "b"]
    other = replicas.start("c")
    (first, *_) = replicas.starts()
    replicas.pass_time(120)
    sweep(other)
    replicas.pass_time(2)
    sweep(other)
    assert replicas.starts() == []
    assert not replicas.holds(first)

    def made(number: int) -> list[str]:
        return names(away[number % 2], f"w{number}")

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(made, range(8))] == [["a", "b"]] * 8
    assert len(replicas.starts()) == 1
    reset = httpx.post(f"{away[0].url}/worlds/kept/__admin/reset", timeout=60)
    assert reset.is_success, reset.text
    assert names(away[1], "kept") == ["a", "b"]
    events = httpx.get(f"{away[1].url}/worlds/kept/__admin/clock/agenda").json()["events"]
    (built_in_s,) = (event["in_s"] for event in events if event["kind"] == "audience")
    assert 3000 < built_in_s <= 3600, "pending builds count from the start of the world"


def test_an_image_that_is_being_copied_is_not_dropped(
    replicas: Replicas, postgresql: Cluster, database: str
) -> None:
    """However long the copy takes; it is dropped afterwards."""
    server = replicas.start("a")
    (first,) = replicas.starts()
    server.__exit__(None, None, None)
    other = replicas.start("c")
    with connected(postgresql.url(database, "postgres")) as copying:
        copying.run(f"BEGIN; SELECT {SCHEMA}.copy_image({first})")
        for _ in range(2):
            replicas.pass_time(120)
            sweep(other)
        assert first not in replicas.starts()
        assert replicas.holds(first)
        copying.run("ROLLBACK")
    sweep(other)
    assert not replicas.holds(first)
