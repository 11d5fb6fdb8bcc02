"""Database files: whose they are, who has them open, and how one replaces another."""

import errno
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from audience_mock.core.audiences import queries
from audience_mock.core.errors import StorageFullError, StoreError
from audience_mock.core.store import files
from audience_mock.core.store.database import Database
from audience_mock.core.store.tables import SCHEMA_VERSION
from audience_mock.core.worlds.world import World
from helpers.worlds import make


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def as_sql(*statements: str) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        with closing(sqlite3.connect(file)) as theirs:
            for statement in statements:
                theirs.execute(statement)
            theirs.commit()

    return write


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a table": as_sql("CREATE TABLE notes (text)"),
    "a table of our name": as_sql("CREATE TABLE audiences (who)"),
    "a table and our version": as_sql("CREATE TABLE notes (text)", f"PRAGMA user_version = {SCHEMA_VERSION}"),
    "an id": as_sql("PRAGMA application_id = 1"),
    "a version": as_sql("PRAGMA user_version = 1"),
    "a log": as_sql("PRAGMA journal_mode = WAL", "CREATE TABLE notes (text)"),
    "a word": lambda file: file.write_text("hello"),
    "a text": lambda file: file.write_text("not a database, but long enough to be looked at" * 100),
    "a picture": lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_file_that_is_not_ours_is_left_as_it_was(tmp_path: Path, what: str) -> None:
    """A file of another program, SQLite's or not, is rejected in one line, with nothing written or left
    beside it."""
    file = tmp_path / "theirs.db"
    FOREIGN[what](file)
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"theirs\.db is not a database of Audience Mock") as caught:
        Database(url_of(file))
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("begun", [Path.touch, as_sql("PRAGMA journal_mode = WAL")])
def test_an_empty_file_is_taken(tmp_path: Path, begun: Callable[[Path], object]) -> None:
    """A file that a script created in advance (`mktemp`) becomes a database, and so does one whose first
    server was killed before it had tables."""
    file = tmp_path / "a.db"
    begun(file)
    Database(url_of(file)).close()
    Database(url_of(file)).close()


def test_a_file_of_ours_has_an_id(tmp_path: Path) -> None:
    """`file` and other programs can tell whose it is; a file from before there was an id is still ours and
    gets one."""
    file = tmp_path / "a.db"
    World(Database(url_of(file))).close()
    for _ in range(2):
        with closing(sqlite3.connect(file)) as reader:
            assert reader.execute("PRAGMA application_id").fetchone() == (files.APPLICATION_ID,)
            assert reader.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
            reader.execute("PRAGMA application_id = 0")
        Database(url_of(file)).close()


def test_an_open_file_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be opened a second time, by whatever path; once it is closed, it can."""
    monkeypatch.setattr(files, "LOCK_WAIT_S", 0)
    file, link = tmp_path / "a.db", tmp_path / "b.db"
    first = World(Database(url_of(file)))
    make(first)
    link.symlink_to(file)
    for path in (file, link):
        with pytest.raises(StoreError, match=rf"{path.name} is in use by another process") as caught:
            Database(url_of(path))
        assert "\n" not in str(caught.value)
    make(first)
    first.close()
    again = World(Database(url_of(link)))
    assert again.read_now(queries.count) == 2
    again.close()


def test_two_that_open_a_new_file_at_once_do_not_both_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is locked before anybody looks into it."""
    monkeypatch.setattr(files, "LOCK_WAIT_S", 0)
    url = url_of(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="in use"):
            Database(url)
    Database(url).close()


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    """What breaks off leaves the old file and nothing else; what is complete replaces it."""
    file = tmp_path / "a.db"
    file.write_text("old")

    def write(text: str, error: Exception | None = None) -> None:
        with files.replacing(file) as half:
            half.write_text(text)
            assert file.read_text() == "old"
            if error is not None:
                raise error

    with pytest.raises(
        StorageFullError, match=r"cannot make .*a\.db: No space left on device \(is the disk full"
    ):
        write("new", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(StoreError, match=r"cannot make .*a\.db: Permission denied \(is its folder one"):
        write("new", OSError(errno.EACCES, "Permission denied"))
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
    write("new")
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_no_log_of_the_old_file_is_applied_to_the_new_one(tmp_path: Path) -> None:
    """Where a process was killed, the log of a file may still be beside it when the file is replaced."""
    file, log = tmp_path / "a.db", tmp_path / "a.db-wal"
    killed = sqlite3.connect(file, isolation_level=None)
    killed.execute("PRAGMA journal_mode = WAL")
    killed.execute("CREATE TABLE old (x)")
    left = file.read_bytes(), log.read_bytes()
    killed.close()
    file.write_bytes(left[0])
    log.write_bytes(left[1])
    with files.replacing(file) as half, closing(sqlite3.connect(half)) as new:
        new.execute("CREATE TABLE new (x)")
    with closing(sqlite3.connect(file)) as reader:
        assert reader.execute("SELECT name FROM sqlite_master").fetchall() == [("new",)]
    assert list(tmp_path.iterdir()) == [file]


def test_leftovers_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    """Halves, and logs without their file; not what has a similar name."""
    kept = {"a.db", "a.db-wal", "b.db.half.db", "c.db-wal.db", "half", "d.txt"}
    left = {"e.db.half", "e.db.half-wal", "f.db-wal", "f.db-shm", "g.db-journal", "h.db.half-journal"}
    for name in kept | left:
        (tmp_path / name).touch()
    files.delete_leftovers(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == kept
