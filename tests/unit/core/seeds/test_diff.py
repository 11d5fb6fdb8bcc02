"""The difference of two worlds, and the state of one."""

import asyncio
import json
from typing import Any

import pytest

from audience_mock.core.audiences import changes
from audience_mock.core.errors import InvalidStateError
from audience_mock.core.seeds.apply import apply_seed
from audience_mock.core.seeds.diff import diff_worlds
from audience_mock.core.seeds.export import export_state
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.store.database import Database
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.api import NAME as PINTEREST
from audience_mock.providers.pitchtarget.api import NAME as PITCHTARGET
from helpers.worlds import make


def state(world: World) -> bytes:
    return asyncio.run(export_state(world))


def test_a_world_seeded_with_a_state_has_no_difference(world: World) -> None:
    """An empty world that gets the state of another exports the same text and differs in nothing."""
    make(world, columns={"definition": '{"a":2,"b":1}'})
    make(world, facebook=True, api=PITCHTARGET, kind="WEBSITE", columns={"definition": '{"b": 1,"a":2}'})
    copy = World(Database())
    apply_seed(copy, Seed.model_validate_json(state(world)))
    assert asyncio.run(diff_worlds(world, copy)) == {}
    assert state(copy) == state(world)


def test_rows_are_added_changed_and_removed(world: World) -> None:
    """Each row is named by what identifies it; a changed one shows the fields that differ."""
    kept, deleted = make(world), make(world)
    after = World(Database())
    apply_seed(after, Seed.model_validate_json(state(world)))
    which: dict[str, Any] = {"api": PINTEREST, "account": "1"}
    after.transact_now(changes.update, **which, number=kept.number, values={"name": "b"})
    after.transact_now(changes.delete, **which, number=deleted.number)
    added = make(after)
    found = asyncio.run(diff_worlds(world, after))["audiences"]
    assert found["counts"] == {"added": 1, "changed": 1, "removed": 1}
    assert [row["id"] for row in found["added"]] == [str(added.number)]
    assert [row["id"] for row in found["removed"]] == [str(deleted.number)]
    (changed,) = found["changed"]
    assert (changed["id"], changed["fields"]) == (str(kept.number), {"name": {"from": "a", "to": "b"}})


def test_a_state_has_a_line_for_each_row(world: World) -> None:
    """The text is a seed that a person can read and a line-based tool can compare."""
    make(world)
    make(world)
    text = state(world).decode()
    assert len([line for line in text.splitlines() if '"kind":"VISITOR"' in line]) == 2
    assert len(json.loads(text)["audiences"]) == 2


def test_a_world_with_too_many_users_is_not_exported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do instead."""
    monkeypatch.setattr("audience_mock.core.seeds.export.MAX_BYTES", -1)
    with pytest.raises(InvalidStateError, match="take a snapshot, or fork the world"):
        state(world)
