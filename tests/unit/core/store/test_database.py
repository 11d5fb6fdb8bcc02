"""Databases: files that are kept, rejected, cleaned."""

import os
from pathlib import Path

import pytest
from sqlalchemy import insert

from audience_mock.core.audiences import queries
from audience_mock.core.errors import StoreError
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.starting_seed import StartingSeed
from audience_mock.core.store.database import Database
from audience_mock.core.store.tables import SCHEMA_VERSION, UserBlock
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.api import NAME as PINTEREST
from helpers.worlds import make


def test_a_file_keeps_its_state(tmp_path: Path) -> None:
    """A store in a file has its audiences and goes on with its ids when it is opened again."""
    url = f"sqlite:///{tmp_path}/a.db"
    first = World(Database(url))
    number = make(first).number
    first.close()
    again = World(Database(url))
    assert again.transact_now(queries.find, api=PINTEREST, account="1", number=number).name == "a"
    assert make(again).number == number + 1
    assert not again.transact_now(StartingSeed(Seed()).may_start)
    again.close()


def test_users_of_an_unfinished_upload_are_deleted(tmp_path: Path) -> None:
    """Blocks without an owner are deleted when a file is opened."""
    url = f"sqlite:///{tmp_path}/a.db"
    database = Database(url)
    with database.transaction() as connection:
        connection.execute(insert(UserBlock), {"user_set": 9, "part": 0, "digests": b"x" * 32})
    database.close()
    again = Database(url)
    assert again.connection.exec_driver_sql("SELECT count(*) FROM user_blocks").scalar_one() == 0
    again.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not a database URL"),
        ("sqlite:///a.db?mode=ro", "no parameters"),
        ("sqlite:///a%00b.db", "no NUL"),
        ("postgresql+nodriver://h/d", "not a database URL"),
        ("sqlite:////nowhere/at/all/a.db", "cannot open"),
    ],
)
def test_a_database_that_cannot_be_used_says_why(url: str, says: str) -> None:
    """A bad URL or file is reported in one line."""
    with pytest.raises(StoreError, match=says) as caught:
        Database(url)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """A device or a pipe is no database, and stays: who may do anything could replace /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StoreError, match="is a device or a pipe"):
        Database(f"sqlite:///{pipe}")
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("schema", "what"), [(SCHEMA_VERSION + 1, "use version"), (1, "audience-mock migrate")]
)
def test_a_file_of_another_schema_is_rejected(tmp_path: Path, schema: int, what: str) -> None:
    """A store that another version made is left alone, and the error says what to do."""
    url = f"sqlite:///{tmp_path}/a.db"
    database = Database(url)
    database.connection.exec_driver_sql(f"PRAGMA user_version = {schema}")
    database.close()
    with pytest.raises(StoreError, match=what):
        Database(url)
