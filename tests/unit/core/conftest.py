"""A world for the tests of the core; databases that a test opens are closed after it."""

from collections.abc import Iterator
from typing import Any

import pytest

from audience_mock.core.rules import Rules
from audience_mock.core.store.database import Database
from audience_mock.core.worlds.world import World


@pytest.fixture(autouse=True)
def _close_databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[Database] = []
    open_database = Database.__init__

    def remember(database: Database, *args: Any, **more: Any) -> None:
        open_database(database, *args, **more)
        opened.append(database)

    monkeypatch.setattr(Database, "__init__", remember)
    yield
    for database in opened:
        database.close()


@pytest.fixture
def world() -> Iterator[World]:
    """Empty, its clock frozen, with a build delay of five seconds."""
    world = World(Database(), rules=Rules(build_delay_s=5))
    world.clock.freeze(1_000_000)
    yield world
    world.close()
