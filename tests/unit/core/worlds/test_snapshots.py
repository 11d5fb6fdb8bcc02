"""Snapshots: created, restored, replaced and deleted, in memory and in files."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from audience_mock.core.audiences import queries
from audience_mock.core.errors import InvalidNameError, LimitExceededError, NotFoundError, StoreError
from audience_mock.core.worlds.database_files import DatabaseFiles
from audience_mock.core.worlds.worlds import Worlds
from helpers.worlds import make


@pytest.fixture(params=["memory", "file"])
def worlds(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worlds]:
    worlds = Worlds(f"sqlite:///{tmp_path / 'a.db'}") if request.param == "file" else Worlds()
    yield worlds
    worlds.close()


def test_a_world_is_restored_to_its_snapshot(worlds: Worlds) -> None:
    """A restored world has the rows and ids of the snapshot; a newer snapshot replaces it."""
    world = worlds.get_or_create("shop")
    first = make(world).number
    asyncio.run(worlds.create_snapshot(world, "one"))
    second = make(world).number
    asyncio.run(worlds.restore_snapshot(world, "one"))
    assert world.read_now(queries.count) == 1
    assert make(world).number == second == first + 1
    asyncio.run(worlds.create_snapshot(world, "one"))
    asyncio.run(worlds.restore_snapshot(world, "one"))
    assert world.read_now(queries.count) == 2
    assert worlds.snapshots(world) == ["one"]


def test_a_snapshot_that_does_not_exist_is_not_found(worlds: Worlds) -> None:
    """Neither before it is created nor after it is deleted; and a name has to be valid."""
    world = worlds.default
    with pytest.raises(NotFoundError):
        asyncio.run(worlds.restore_snapshot(world, "one"))
    with pytest.raises(NotFoundError):
        worlds.delete_snapshot(world, "one")
    asyncio.run(worlds.create_snapshot(world, "one"))
    worlds.delete_snapshot(world, "one")
    with pytest.raises(NotFoundError):
        asyncio.run(worlds.restore_snapshot(world, "one"))
    with pytest.raises(InvalidNameError):
        asyncio.run(worlds.create_snapshot(world, "../one"))


def test_a_world_has_so_many_snapshots(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is rejected; replacing one is not."""
    monkeypatch.setattr("audience_mock.core.worlds.snapshots.MAX_SNAPSHOTS", 1)
    asyncio.run(worlds.create_snapshot(worlds.default, "one"))
    asyncio.run(worlds.create_snapshot(worlds.default, "one"))
    with pytest.raises(LimitExceededError):
        asyncio.run(worlds.create_snapshot(worlds.default, "two"))


def test_files_are_found_again_and_go_with_their_world(tmp_path: Path) -> None:
    """A restart finds worlds and snapshots by their files; a deleted world leaves none behind."""
    url, folder = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "a.db.worlds"
    first = Worlds(url)
    asyncio.run(first.create_snapshot(first.get_or_create("shop"), "one"))
    first.close()
    assert DatabaseFiles(tmp_path / "a.db").names() == (["shop"], {"shop": ["one"]})
    again = Worlds(url)
    assert again.snapshots(again.find("shop")) == ["one"]
    (folder / "shop@one.db").unlink()
    with pytest.raises(NotFoundError):
        asyncio.run(again.restore_snapshot(again.find("shop"), "one"))
    again.delete("shop")
    assert list(folder.iterdir()) == []
    again.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error has the file's name and what to do."""
    worlds = Worlds(f"sqlite:///{tmp_path / 'a.db'}")
    (tmp_path / "a.db.worlds").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot make .*shop\.db.*is its folder one that you may write"):
        worlds.get_or_create("shop")
    worlds.close()
