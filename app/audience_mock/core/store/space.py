"""Space on disk for users and for parts of uploads: asked for before they are written, and given back.

SQLite cannot go on with an attached database that it failed to write. So what may not fit is rejected; if
its disk is full nevertheless, what it held in that database is lost, and the world goes on without.
"""

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from audience_mock.core.errors import StorageFullError
from audience_mock.core.store import schema
from audience_mock.core.store.database import CACHE_BYTES, Database
from audience_mock.core.store.files import is_of_the_disk

CHECKED_BYTES = 1 << 16
"""What is smaller is written without asking: that takes longer than writing it. Chosen."""

LEFT_BYTES = 8 << 20
"""What is left free of a disk: the log of a file grows to half of it before SQLite applies it. For a database
in memory it is the cache of what is attached, which may have to be written at any time."""

STEP_PAGES = 16
"""Pages given back at a time: 1 MiB at most."""


def require(database: Database, more_bytes: int) -> None:
    """Raises StorageFullError if so many bytes of users or parts may not fit."""
    if more_bytes < CHECKED_BYTES:
        return
    if database.file is not None:
        folder = database.file.parent
        # They are written to the log first.
        needed_bytes = 2 * more_bytes
    elif _attached_bytes(database) + more_bytes > CACHE_BYTES // 2:
        folder, needed_bytes = temporary_folder(), more_bytes
    else:
        return
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError:
        return
    if free_bytes < needed_bytes + LEFT_BYTES:
        raise StorageFullError(
            f"{free_bytes} bytes are left in {folder}: not enough for {more_bytes} bytes of users or of a"
            " part of an upload"
        )


def temporary_folder() -> Path:
    """Where SQLite has its temporary files, by its own rule."""
    given = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"))
    usual = ("/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108 - looked at, not written
    for folder in filter(None, (*given, *usual)):
        if os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    return Path()


def give_back(database: Database) -> bool:
    """Give some of the unused space of the temporary file back, or the log of a file, which is reused itself;
    returns whether there is more. Not within a transaction."""
    run = database.driver.execute
    if not database.layout.attach_large:
        # On a full disk it stays as it is.
        with suppress(sqlite3.Error):
            run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return False
    run(f"PRAGMA {schema.ATTACHED}.incremental_vacuum({STEP_PAGES})").fetchall()
    return bool(run(f"PRAGMA {schema.ATTACHED}.freelist_count").fetchone()[0])


def is_full(error: BaseException) -> bool:
    """Whether an error of the database is that of a disk that is full, or failed."""
    cause = getattr(error, "orig", error)
    # What a failed write left in the attached database is corrupt.
    is_corrupt = getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT
    return is_of_the_disk(cause) or is_corrupt


def repaired(database: Database) -> bool:
    """Whether the attached database was unusable and is empty now. Not within a transaction."""
    if not database.layout.attach_large:
        return False
    try:
        with database.transaction():
            # In its header: the cache may hold what the file has no longer.
            database.driver.execute(f"PRAGMA {schema.ATTACHED}.schema_version").fetchone()
    except sqlite3.Error:
        database.attach_anew()
        return True
    return False


def _attached_bytes(database: Database) -> int:
    run, name = database.driver.execute, schema.ATTACHED
    pages: int = run(f"PRAGMA {name}.page_count").fetchone()[0]
    page_bytes: int = run(f"PRAGMA {name}.page_size").fetchone()[0]
    return pages * page_bytes
