"""Database files: whose they are, who has them open, and how a new one gets its place."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from audience_mock.core.errors import StorageFullError, StoreError

APPLICATION_ID = 0x41754D6B
"""In the header of each of our files: "AuMk". Chosen, and not in SQLite's list of known ids (magic.txt)."""

_SQLITE = b"SQLite format 3\0"

LOCK_WAIT_S = 1.0
"""Seconds to wait for a file that another process has open: one that was told to stop has ended by then."""

BESIDE = ("-wal", "-shm", "-journal")
"""Endings of what SQLite keeps beside a file."""

HALF = ".half"
"""Ending of a file that is being made."""

COPIES = "backup-"
"""How the name of a folder begins in which copies are made; it ends as a file that is being made."""

_OUR_TABLES = {"audiences", "sequences", "user_blocks", "world_metadata"}
"""They tell a file from before there was an APPLICATION_ID."""


def is_special(file: Path) -> bool:
    """Whether a path leads to a device, a pipe or the like. A file must not replace it:
    the administrator of a machine could replace /dev/null."""
    return file.exists() and not (file.is_file() or file.is_dir())


def is_database(file: Path) -> bool:
    """Whether a file begins as those of SQLite do."""
    with suppress(OSError), file.open("rb") as opened:
        return opened.read(len(_SQLITE)) == _SQLITE
    return False


def claim(driver: sqlite3.Connection, file: Path) -> bool:
    """Lock a file that was just opened until it is closed, and return whether it is empty. Raises StoreError
    if it is not ours, or in use; then nothing was written.

    The lock is SQLite's own, on the file itself: it holds for any path that leads there, in this process
    too, and ends with the process, however that ends.
    """
    try:
        driver.execute("PRAGMA locking_mode = EXCLUSIVE")
        driver.execute("BEGIN EXCLUSIVE")
        (application,) = driver.execute("PRAGMA application_id").fetchone()
        tables = {name for (name,) in driver.execute("SELECT name FROM sqlite_master")}
        (version,) = driver.execute("PRAGMA user_version").fetchone()
        driver.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if _code(error) == "SQLITE_BUSY":
            raise StoreError(
                f"{file} is in use by another process: stop that one first, or give another file"
            ) from None
        if _code(error) == "SQLITE_NOTADB":
            raise _not_ours(file) from None
        raise
    if application == APPLICATION_ID:
        return False
    if application == 0 and version == 0 and not tables:
        return True
    if application == 0 and version > 0 and tables >= _OUR_TABLES:
        return False
    raise _not_ours(file)


def _not_ours(file: Path) -> StoreError:
    return StoreError(f"{file} is not a database of Audience Mock: give the name of a new file")


def url_without_lock(file: Path) -> str:
    """The URI by which SQLite opens a file without locking it, for file systems on which that fails. Nothing
    else keeps a second process away."""
    system = "win32-none" if sys.platform == "win32" else "unix-none"
    return f"{file.absolute().as_uri()}?vfs={system}"


def connect(file: Path, *, lock: bool = True) -> sqlite3.Connection:
    """A connection of the driver, without a transaction of its own. Raises sqlite3.Error."""
    name = str(file) if lock else url_without_lock(file)
    return sqlite3.connect(name, uri=not lock, timeout=LOCK_WAIT_S, isolation_level=None)


@contextmanager
def replacing(file: Path, *, lock: bool = True) -> Iterator[Path]:
    """Where to write what shall replace `file` at the end of the block: a reader, and the next start after a
    kill or a power failure, finds the old file or the new one. Raises StoreError."""
    half = file.with_name(file.name + HALF)
    try:
        file.parent.mkdir(exist_ok=True)
        delete(half)
        try:
            yield half
            # SQLite leaves an empty journal of the copying, whose name it no longer knows after the renaming.
            delete_logs(half)
            sync(half)
            settle(file, lock=lock)
            half.replace(file)
            sync(file.parent)
        except BaseException:
            delete(half)
            raise
    except (OSError, sqlite3.Error) as error:
        raise cannot_make(file, error) from None


def cannot_make(file: Path, error: Exception) -> StoreError:
    cause = error.strerror if isinstance(error, OSError) else error
    if is_of_the_disk(error):
        return StorageFullError(f"cannot make {file}: {cause} (is the disk full?)")
    return StoreError(f"cannot make {file}: {cause} (is its folder one that you may write?)")


def is_of_the_disk(error: BaseException | None) -> bool:
    """Whether an error of the system or of SQLite means that the disk is full, a quota or limit used up, or
    that it fails."""
    if isinstance(error, OSError):
        import errno  # noqa: PLC0415 - where something went wrong only

        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    return isinstance(error, sqlite3.Error) and _code(error) in ("SQLITE_FULL", "SQLITE_IOERR")


def size_bytes(file: Path) -> int:
    """Of a database file and what SQLite keeps beside it; 0 if there is none."""
    total = 0
    for each in (file, *(file.with_name(file.name + ending) for ending in BESIDE)):
        with suppress(OSError):
            total += each.stat().st_size
    return total


def identity(file: Path) -> tuple[int, int] | None:
    """What tells a file from another one that takes its name; None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def delete(file: Path) -> None:
    """Delete a database file and what SQLite keeps beside it. The file goes first: without it, nothing reads
    the rest, which the next start deletes."""
    file.unlink(missing_ok=True)
    delete_logs(file)


def delete_logs(file: Path) -> None:
    """Delete what SQLite keeps beside a file."""
    for ending in BESIDE:
        file.with_name(file.name + ending).unlink(missing_ok=True)


def delete_leftovers(folder: Path) -> None:
    """Delete what a killed process left in a folder: files that it was making, logs whose file is gone."""
    for half in folder.glob(f"*.db{HALF}"):
        delete(half)
    for copies in folder.glob(f"{COPIES}*{HALF}"):
        shutil.rmtree(copies, ignore_errors=True)
    for ending in BESIDE:
        for log in (*folder.glob(f"*.db{ending}"), *folder.glob(f"*.db{HALF}{ending}")):
            if not log.with_name(log.name.removesuffix(ending)).exists():
                log.unlink(missing_ok=True)


def settle(file: Path, *, lock: bool = True) -> None:
    """See to it that no log is beside `file`: SQLite would apply it to the file that replaces this one."""
    if file.exists() and any(file.with_name(file.name + ending).exists() for ending in BESIDE):
        # A process was killed while it wrote: reading the file moves the log into it.
        with closing(connect(file, lock=lock)) as driver:
            try:
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.DatabaseError as error:
                if _code(error) not in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
                    raise
    delete_logs(file)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Windows cannot open a folder."""
    if sys.platform == "win32" and path.is_dir():
        return
    opened = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _code(error: sqlite3.Error) -> str:
    """SQLite's name of an error, without what extends it: SQLITE_BUSY for SQLITE_BUSY_RECOVERY."""
    name = getattr(error, "sqlite_errorname", "")
    return "_".join(name.split("_")[:2])
