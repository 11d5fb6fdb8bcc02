"""Database files of an earlier schema brought to this one: that of the default world, and those beside it.

Each is copied, the copy is migrated and replaces it, so that a kill leaves the old file or the new one. The
default world's is the last: until it is done no server starts, and the same call goes on where it ended.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from audience_mock.core.errors import StoreError
from audience_mock.core.store import files, migrations, tables
from audience_mock.core.worlds.database_files import DatabaseFiles


class Migrated(NamedTuple):
    """A file, the schema that it had, and where it is kept as it was."""

    file: Path
    schema: int
    backup: Path | None


class _DryRunError(Exception):
    """Ends the block that would replace a file."""


def migrate(
    file: Path, *, keep_backup: bool = True, dry_run: bool = False, lock: bool = True
) -> Iterator[Migrated]:
    """Migrate a file and those beside it, if no server has it open; yields what was migrated. A dry run
    migrates copies, and deletes them. Raises StoreError; what was yielded by then is migrated."""
    if not file.is_file():
        raise StoreError(f"there is no file {file}")
    with closing(_connect(file, lock)) as main:
        old = list(_old_files(main, file, lock))
        if keep_backup:
            for path, schema in old:
                _check_backup(path, _backup_of(path, schema))
        for path, schema in old:
            backup = _backup_of(path, schema) if keep_backup else None
            if path == file:
                _migrate(main, path, backup, dry_run=dry_run)
            else:
                with closing(_connect(path, lock)) as driver:
                    _migrate(driver, path, backup, dry_run=dry_run)
            yield Migrated(path, schema, backup)


def _connect(file: Path, lock: bool) -> sqlite3.Connection:
    """A connection that has the file alone. Raises StoreError."""
    try:
        driver = files.connect(file, lock=lock)
        try:
            if files.claim(driver, file):
                raise StoreError(f"{file} is empty: there is nothing to migrate")
        except BaseException:
            driver.close()
            raise
    except sqlite3.Error as error:
        raise StoreError(f"cannot open {file}: {error} (is it an SQLite file that you may write?)") from None
    return driver


def _old_files(main: sqlite3.Connection, file: Path, lock: bool) -> Iterator[tuple[Path, int]]:
    """Those that have an earlier schema. Raises StoreError if one has a later one."""
    for _, path in DatabaseFiles(file).all_files():
        if path == file:
            schema = _schema_of(main, path)
        else:
            with closing(_connect(path, lock)) as driver:
                schema = _schema_of(driver, path)
        if schema < tables.SCHEMA_VERSION:
            yield path, schema


def _schema_of(driver: sqlite3.Connection, path: Path) -> int:
    migrations.check_not_newer(driver, path)
    return migrations.schema_of(driver)


def _migrate(driver: sqlite3.Connection, file: Path, backup: Path | None, *, dry_run: bool) -> None:
    """Raises StoreError."""
    with suppress(_DryRunError), files.replacing(file) as half:
        with closing(sqlite3.connect(half, isolation_level=None)) as copy:
            driver.backup(copy)
            migrations.upgrade(copy)
            # One file, with nothing beside it; the server sets its own mode.
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise StoreError(f"{file} is damaged: {found}")
        if dry_run:
            raise _DryRunError
        # What is in the log goes into the file, which stays locked. With an exclusive lock SQLite keeps its
        # empty journal; the second mode only closes it.
        for mode in ("DELETE", "MEMORY"):
            driver.execute(f"PRAGMA journal_mode = {mode}")
        files.delete_logs(file)
        if backup is not None:
            _keep(driver, file, backup)


def _keep(driver: sqlite3.Connection, file: Path, backup: Path) -> None:
    """Keep a file under a second name."""
    if backup.exists():
        return  # from a call that was killed
    try:
        os.link(file, backup)
    except OSError:
        # A file system without links.
        with closing(sqlite3.connect(backup)) as copy:
            driver.backup(copy)
        files.sync(backup)


def _backup_of(file: Path, schema: int) -> Path:
    return file.with_name(f"{file.name}.schema{schema}")


def _check_backup(file: Path, backup: Path) -> None:
    """Raises StoreError if something else has its name."""
    if backup.exists() and not backup.samefile(file):
        raise StoreError(f"{backup} exists: move it away, or give --no-backup")
