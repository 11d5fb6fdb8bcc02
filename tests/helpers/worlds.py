"""Rows that tests of the core create in a world."""

from pathlib import Path
from typing import Any

from audience_mock.core.audiences import changes
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.api import NAME as PINTEREST


def make(world: World, **more: Any) -> AudienceRow:
    """An audience of Pinterest's, in the ad account 1."""
    given: dict[str, Any] = {"api": PINTEREST, "account": "1", "kind": "VISITOR", "name": "a", **more}
    return world.transact_now(changes.create, **given)


def seed_file(folder: Path, text: str) -> Path:
    file = folder / "seed.json"
    file.write_text(text)
    return file
