"""`audience-mock migrate`: files of earlier versions open in this one, and answer as they did."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock import __version__
from audience_mock.core.store import migrations, schema
from audience_mock.core.store.tables import SCHEMA_VERSION
from audience_mock.core.worlds import upgrade
from audience_mock.testing import MockServer
from helpers import old_files
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.serve_command import Run, Runner, command

__all__ = ["command"]

FLAGS = ("--database", "sqlite:///kept.db")
EARLIER = [version for version in old_files.schemas() if version < SCHEMA_VERSION]
ACCOUNT = "/v5/ad_accounts/549755885175"
PINTEREST_PATHS = (
    *("/v5/ad_accounts", ACCOUNT, "/v5/ad_accounts/42", "/v5/ad_accounts/1234", "/v5/ad_accounts/7"),
    *(f"{ACCOUNT}/audiences", f"{ACCOUNT}/audiences/2542620112336", f"{ACCOUNT}/customer_lists"),
    *(f"{ACCOUNT}/customer_segments", "/v5/ad_accounts/7/audiences"),
    *(f"{ACCOUNT}/customer_lists/5497558/uploads/{number}" for number in (2680059001, 2680059002)),
    f"{ACCOUNT}/audiences/shared/accounts?audience_id=2542620112336&account_type=AD_ACCOUNT",
    f"{ACCOUNT}/audiences/shared/accounts?audience_id=2542620112336&account_type=BUSINESS_ACCOUNT",
    *("/v5/ad_accounts/1234/audiences?ownership_type=RECEIVED", "/v5/businesses/900/audiences"),
    *("/__admin/state", "/__admin/ids", "/__admin/uploads"),
)
PITCHTARGET_PATHS = ("/custom_audiences?fb_ad_account_id=107", "/offsite_pixels?fb_ad_account_id=107")


def old_file(command: Runner, version: int = 3) -> Path:
    file = command.folder / "kept.db"
    old_files.make(file, version)
    return file


def files_of(folder: Path) -> dict[str, bytes]:
    """Names and contents of all database files, and of what is beside them."""
    found = (*folder.glob("kept*"), *folder.glob("kept.db.worlds/*"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.is_file()}


def refused(run: Run) -> str:
    assert run.status() == 2
    assert run.err.count("\n") == 1
    return run.err


def answers(url: str) -> dict[str, tuple[int, Any]]:
    """What a world says, by path."""
    found = {}
    for paths, token in ((PINTEREST_PATHS, PINTEREST_TOKEN), (PITCHTARGET_PATHS, PITCHTARGET_TOKEN)):
        for path in paths:
            answer = httpx.get(url + path, headers=token)
            found[path] = answer.status_code, answer.json()
    return found


def test_each_schema_has_a_file() -> None:
    """A file of every schema is kept that there was since the first migration, this one's too."""
    assert old_files.schemas() == [*migrations.MIGRATIONS, SCHEMA_VERSION]


@pytest.mark.parametrize("version", old_files.schemas())
def test_a_migrated_server_answers_as_an_import_does(
    command: Runner, start: Callable[..., MockServer], version: int
) -> None:
    """The default world, another one and a snapshot answer as worlds into which their state is imported."""
    old_file(command, version)
    assert command("migrate", "kept.db").status() == 0
    migrated = command.serve(*FLAGS)
    assert migrated.get("/__admin/worlds")["worlds"] == ["blue", "default"]
    blue = "/worlds/blue"
    assert len(migrated.get(f"{blue}/v5/ad_accounts/7/audiences")["items"]) == 2
    assert migrated.get("/__admin/worlds/blue")["settings"] == {"build_delay_s": 60}
    httpx.post(f"{migrated.url}{blue}/__admin/snapshots/one/restore").raise_for_status()
    # The clock of the snapshot runs; that of the state was stopped.
    httpx.put(f"{migrated.url}{blue}/__admin/clock", json={"now": 1770000000, "frozen": True})
    imported = start()
    for name, prefix in (("default", ""), ("blue", blue)):
        httpx.put(f"{imported.url}/__admin/worlds/blue", json={"settings": {"build_delay_s": 60}})
        seeded = httpx.post(
            f"{imported.url}{prefix}/__admin/seed", json=old_files.state_of(version, name), timeout=30
        )
        assert seeded.status_code in (200, 201), seeded.text
        found, expected = answers(migrated.url + prefix), answers(imported.url + prefix)
        for path in expected:
            assert found[path] == expected[path], path
        failed = [answer for answer in found.items() if answer[1][0] != 200]
        assert not failed or prefix, failed
    migrated.end()


@pytest.mark.parametrize("version", EARLIER)
def test_a_migrated_file_has_the_tables_of_a_new_one(version: int) -> None:
    """Tables, columns and indexes are the same, so every statement runs on either."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as old:
        old.executescript(old_files.sql_of(version))
        migrations.upgrade(old)
        with closing(sqlite3.connect(":memory:")) as new:
            for statement in schema.create_main(False):
                new.execute(statement)
            assert shape(old) == shape(new)


def test_the_current_schema_has_its_number() -> None:
    """The tables are those of the file that is kept for their number: whoever changes one has to raise it."""
    with closing(sqlite3.connect(":memory:")) as kept, closing(sqlite3.connect(":memory:")) as new:
        kept.executescript(old_files.sql_of(SCHEMA_VERSION))
        for statement in schema.create_main(False):
            new.execute(statement)
        assert shape(kept) == shape(new)


def shape(driver: sqlite3.Connection) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for (table,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        indexes = driver.execute(f"PRAGMA index_list({table})").fetchall()
        found[table] = (
            driver.execute(f"PRAGMA table_info({table})").fetchall(),
            sorted(
                (unique, origin, partial, driver.execute(f"PRAGMA index_info({name})").fetchall())
                for _, name, unique, origin, partial in indexes
            ),
        )
    names = driver.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()
    return found | {"indexes": sorted(names)}


def test_an_old_file_is_not_served(command: Runner) -> None:
    """The start ends with 2 and one line, which names the command; the file stays as it was."""
    old_file(command)
    before = files_of(command.folder)
    said = refused(command("serve", "--port", "0", *FLAGS))
    assert f"kept.db has schema 3, and Audience Mock {__version__} reads schema {SCHEMA_VERSION}" in said
    assert "run audience-mock migrate kept.db" in said
    assert files_of(command.folder) == before


@pytest.mark.parametrize("verb", ["serve", "migrate"])
def test_a_newer_file_says_which_version_to_use(command: Runner, verb: str) -> None:
    """It names the version that used the file last, if it says so."""
    file = command.folder / "kept.db"
    command.serve(*FLAGS).end()
    arguments = ("serve", "--port", "0", *FLAGS) if verb == "serve" else ("migrate", "kept.db")

    def change(statement: str) -> None:
        with closing(sqlite3.connect(file)) as driver:
            driver.execute(statement)
            driver.commit()

    change("UPDATE world_metadata SET value = '\"7.1.0\"' WHERE name = 'version'")
    change("PRAGMA user_version = 99")
    assert "has schema 99" in (said := refused(command(*arguments)))
    assert "use version 7.1.0" in said
    change("DROP TABLE world_metadata")
    assert "use a later version" in refused(command(*arguments))


def test_a_dry_run_changes_nothing(command: Runner) -> None:
    """It lists the files, migrates copies of them, and leaves nothing behind."""
    old_file(command)
    before = files_of(command.folder)
    run = command("migrate", "--dry-run", "kept.db")
    assert run.status() == 0, run.err
    assert run.out.count("schema 3 to") == 3
    assert files_of(command.folder) == before


def test_each_file_is_kept_as_it_was(command: Runner) -> None:
    """A backup is beside each file and has what the file had; a second call does nothing."""
    file = old_file(command)
    assert command("migrate", "kept.db").status() == 0
    names = {"kept.db", "kept.db.worlds/blue.db", "kept.db.worlds/blue@one.db"}
    assert files_of(command.folder).keys() == names | {f"{name}.schema3" for name in names}
    for name in names:
        assert old_files.schema_of(command.folder / name) == SCHEMA_VERSION
        assert old_files.schema_of(command.folder / f"{name}.schema3") == 3
    with closing(sqlite3.connect(command.folder / "kept.db.schema3")) as kept:
        assert "\n".join(kept.iterdump()) == "\n".join(dump_of(old_files.sql_of(3)))
    after = files_of(command.folder)
    again = command("migrate", "kept.db")
    assert again.status() == 0
    assert "already" in again.out
    assert files_of(command.folder) == after
    # Nothing is lost by putting it back and migrating again, but the earlier backup stands in the way.
    os.replace(command.folder / "kept.db.worlds/blue.db.schema3", command.folder / "kept.db.worlds/blue.db")
    (command.folder / "kept.db.worlds/blue.db.schema3").write_text("something else")
    assert "blue.db.schema3 exists" in refused(command("migrate", "kept.db"))
    run = command("migrate", "--no-backup", "kept.db")
    assert run.status() == 0, run.err
    assert old_files.schema_of(file) == SCHEMA_VERSION


def dump_of(text: str) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as driver:
        driver.executescript(text)
        return list(driver.iterdump())


def test_without_backups_nothing_else_is_left(command: Runner) -> None:
    """With --no-backup the files are those that there were."""
    old_file(command)
    before = files_of(command.folder).keys()
    assert command("migrate", "--no-backup", "kept.db").status() == 0
    assert files_of(command.folder).keys() == before


def test_an_interrupted_migration_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it ends, each file is the old one or the new one, the default world's is the last, and the
    next call completes it."""
    file = tmp_path / "kept.db"
    old_files.make(file, 3)
    replace = Path.replace
    for ends_after in range(3):
        left = [ends_after]

        def replace_or_die(path: Path, to: Path, left: list[int] = left) -> Path:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return replace(path, to)

        monkeypatch.setattr(Path, "replace", replace_or_die)
        with pytest.raises(KeyboardInterrupt):
            list(upgrade.migrate(file))
        assert old_files.schema_of(file) == 3
        assert not [name for name in files_of(tmp_path) if name.endswith((".half", "-wal", "-journal"))]
        if ends_after:
            break
    monkeypatch.undo()
    assert [done.file.name for done in upgrade.migrate(file)] == ["blue@one.db", "kept.db"]


def test_a_served_file_is_not_migrated(command: Runner) -> None:
    """The command ends with 2 and one line while a server has the file."""
    command.serve(*FLAGS)
    assert "kept.db is in use by another process" in refused(command("migrate", "kept.db"))


@pytest.mark.parametrize("what", ["missing", "empty", "a text"])
def test_what_is_no_database_is_not_migrated(command: Runner, what: str) -> None:
    """The command ends with 2 and one line, and makes nothing."""
    file = command.folder / "kept.db"
    if what != "missing":
        file.write_text("dear diary\n" * 1000 if what == "a text" else "")
    refused(command("migrate", "kept.db"))
    assert file.exists() == (what != "missing")


def test_a_damaged_world_is_named(command: Runner) -> None:
    """A migration that cannot read a world names its file; the default world's stays old, so nothing is
    served half migrated."""
    file = old_file(command)
    world = command.folder / "kept.db.worlds/blue.db"
    world.write_bytes(world.read_bytes()[:4096] + b"\xff" * 8192)
    assert "blue.db" in refused(command("migrate", "kept.db"))
    assert old_files.schema_of(file) == 3
