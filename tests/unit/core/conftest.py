"""Databases that a test of the core opens are closed behind it."""

from collections.abc import Iterator
from typing import Any

import pytest

from audience_mock.core.store.database import Database


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
