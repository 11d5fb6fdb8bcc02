"""SQLite databases, each on one connection, used from one thread: no pool, no lock, no interleaving."""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, Table, create_engine, delete
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from audience_mock.core.errors import StorageFullError, StoreError
from audience_mock.core.store import files, ids, memory, migrations, orphans, schema, tables
from audience_mock.core.store.transaction_block import TransactionBlock

IN_MEMORY = "sqlite://"


class _Opened(threading.local):
    """The connection that SQLAlchemy takes next: it calls `creator` while `connect` runs. Large copies are
    made in threads."""

    driver: sqlite3.Connection


_opened = _Opened()

_INSERT_SEQUENCE = "INSERT OR IGNORE INTO sequences (name, next) VALUES (?, ?)"
_INTERNAL_SEQUENCES = (ids.USER_SET, ids.UPLOADED_FILE)
_SEQUENCES_OF_WRITERS = "SELECT next, name FROM sequences WHERE name IN (?, ?)"


@cache
def _engine() -> Engine:
    """One for all databases: it is made once, and a statement is compiled once for all of them."""
    return create_engine(IN_MEMORY, poolclass=NullPool, creator=lambda: _opened.driver)


def without_password(url: str) -> str:
    """The URL of a database for a message or a log."""
    return re.sub(r"(://[^/@:]*:)[^@]*@", r"\1…@", url)


class Layout(NamedTuple):
    """How a database is stored; pages can be copied only between two of the same layout."""

    page_bytes: int
    attach_large: bool
    """Whether the large tables are in a second, attached database, which SQLite itself keeps in a temporary
    file once it outgrows the cache."""


_SMALL_PAGE_BYTES, _LARGE_PAGE_BYTES = 4096, 65536
"""Pages of the attached database: SQLite's default, and its maximum."""

CACHE_BYTES = 8 << 20
"""The cache of the attached database; what fits in it is written to no disk. Chosen."""

_COPIED_BYTES = 1 << 20
"""Up to here the attached database is copied into larger pages, which takes a millisecond. Chosen."""

# A world in memory may be one of a thousand, and has 40 tables and indexes of a page or more; 4096 bytes are
# SQLite's own default.
IN_MEMORY_LAYOUT, FILE_LAYOUT = Layout(1024, attach_large=True), Layout(4096, attach_large=False)


class Database:
    """An open database; `url` is an SQLAlchemy URL, `sqlite://` or `sqlite:///file.db`.

    What a 2xx answer confirmed survives a kill of the process: the write-ahead log of a file is written
    before the answer. (After a power failure the last moments may be missing.) A file is locked as long as it
    is open, unless `lock` is false. A new database becomes a copy of `image`, if there is one. Raises
    StoreError.
    """

    def __init__(
        self,
        url: str = IN_MEMORY,
        *,
        layout: Layout | None = None,
        image: "Database | None" = None,
        lock: bool = True,
    ) -> None:
        self.url = url
        try:
            parsed = make_url(url)
            # Without the parameters, about which SQLAlchemy warns.
            arguments, options = _engine().dialect.create_connect_args(parsed.set(query={}))
        except (ArgumentError, SQLAlchemyError, ImportError, TypeError, ValueError):
            raise StoreError(
                f"not a database URL: {without_password(url)!r} (try sqlite:///audiences.db)"
            ) from None
        if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
            raise StoreError(
                f"only SQLite is served, not {without_password(url)!r} (try sqlite:///audiences.db)"
            )
        if parsed.query or "\0" in (parsed.database or ""):
            raise StoreError(
                f"the URL of a file has no parameters and no NUL: {without_password(url)!r} (try"
                " sqlite:///audiences.db)"
            )
        in_memory = parsed.database in (None, "", ":memory:")
        self.file = None if in_memory else Path(parsed.database or "")
        if self.file is not None and files.is_special(self.file):
            raise StoreError(f"{self.file} is a device or a pipe: give the name of a file")
        self.layout = layout or (IN_MEMORY_LAYOUT if in_memory else FILE_LAYOUT)
        if self.file is not None and not lock:
            arguments, options = (files.url_without_lock(self.file),), {**options, "uri": True}
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect
        try:
            self.driver = connect(
                *arguments, **{"timeout": files.LOCK_WAIT_S, **options, "check_same_thread": False}
            )
        except (sqlite3.Error, TypeError) as error:
            raise self._cannot_open(error) from None
        self.cursor = self.driver.cursor()
        """For statements without rows: `driver.execute` makes a cursor each time, which takes as long as a
        small statement."""
        self.next_id_cache: dict[str, int] = {}
        """The expected next number of each sequence; `Transaction.new_id` checks it."""
        self.listed_accounts: set[str] = set()
        """Ad accounts that are known to be in the directory; a rollback forgets them."""
        _opened.driver = self.driver
        self.connection = _engine().connect().execution_options(isolation_level="AUTOCOMMIT")
        self._transaction = TransactionBlock(self.cursor, self.connection, self.listed_accounts)
        try:
            self._open(image)
        except (SQLAlchemyError, sqlite3.Error) as error:
            self.close()
            cause = getattr(error, "orig", error)
            if self.file is not None and files.is_of_the_disk(cause):
                raise files.cannot_make(self.file, cause) from None
            raise self._cannot_open(cause) from None
        except StoreError:
            self.close()
            raise

    def _cannot_open(self, error: Exception) -> StoreError:
        return StoreError(f"cannot open {self.url}: {error} (is it an SQLite file that you may write?)")

    def _open(self, image: "Database | None") -> None:
        """Create the tables if there are none; else delete what a killed process left unfinished."""
        run = self.driver.execute
        run(f"PRAGMA page_size = {self.layout.page_bytes}")
        is_new = self.file is None or files.claim(self.driver, self.file)
        if not is_new:
            migrations.check_schema(self.driver, self.file)
        # A copy that breaks off is deleted, and one that is complete is synced as a whole: `files.replacing`.
        run(f"PRAGMA synchronous = {'NORMAL' if image is None else 'OFF'}")
        # Debian's SQLite overwrites what is deleted: a second for ten million users.
        run("PRAGMA secure_delete = OFF")
        if self.layout.attach_large:
            self._attach(_SMALL_PAGE_BYTES)
        same_layout = image is not None and image.layout == self.layout
        if is_new and image is not None and same_layout:
            # Before the write-ahead log is turned on, which would take all pages first.
            self._copy_pages(image)
        run("PRAGMA journal_mode = WAL")
        if is_new and not same_layout:
            self._create_tables()
            if image is not None:
                self._copy_rows(image)
        elif not is_new:
            if run("PRAGMA application_id").fetchone() != (files.APPLICATION_ID,):
                # A file from before there was an id.
                run(f"PRAGMA application_id = {files.APPLICATION_ID}")
            # An API that this file does not know yet.
            self.driver.executemany(_INSERT_SEQUENCE, ids.first_ids().items())
            with self.transaction() as connection:
                migrations.record_version(self.driver)
                orphans.delete_from(connection)

    def _attach(self, page_bytes: int) -> None:
        run = self.driver.execute
        name = schema.ATTACHED
        run(f"ATTACH DATABASE '' AS {name}")
        run(f"PRAGMA {name}.page_size = {page_bytes}")
        run(f"PRAGMA {name}.cache_size = -{CACHE_BYTES >> 10}")
        # Lets `space.give_back` shorten the temporary file.
        run(f"PRAGMA {name}.auto_vacuum = INCREMENTAL")
        run(f"PRAGMA {name}.journal_mode = MEMORY")
        run(f"PRAGMA {name}.synchronous = OFF")
        run(f"PRAGMA {name}.secure_delete = OFF")
        for text in schema.create_attached():
            run(text)

    def expect_many_users(self) -> None:
        """Prepare for megabytes of users. Not within a transaction.

        With large pages SQLite writes them in a fifth of the calls, but such pages cost each world half a
        megabyte: a world gets them when it needs them, and what little it has in small pages is copied.
        """
        run, name = self.driver.execute, schema.ATTACHED
        if not self.layout.attach_large or run(f"PRAGMA {name}.page_size").fetchone()[0] > _SMALL_PAGE_BYTES:
            return
        if run(f"PRAGMA {name}.page_count").fetchone()[0] * _SMALL_PAGE_BYTES > _COPIED_BYTES:
            return
        copied = [
            (table, run(f"SELECT * FROM {table.name}").fetchall())  # noqa: S608 - our own name
            for table in schema.LARGE_TABLES
        ]
        run(f"DETACH DATABASE {name}")
        self._attach(_LARGE_PAGE_BYTES)
        for table, rows in copied:
            self._insert(table, rows)

    def attach_anew(self) -> None:
        """Replace the attached database by an empty one, and delete the parts that were in it. Its temporary
        file is gone then. Not within a transaction."""
        self.driver.execute(f"DETACH DATABASE {schema.ATTACHED}")
        self._attach(_SMALL_PAGE_BYTES)
        with self.transaction() as connection:
            connection.execute(delete(tables.table_of(tables.UploadPart)))

    def _attached_is_small(self) -> bool:
        pages = self.driver.execute(f"PRAGMA {schema.ATTACHED}.page_count").fetchone()[0]
        return bool(pages * _SMALL_PAGE_BYTES <= _COPIED_BYTES)

    def _insert(self, table: Table, rows: Iterable[Any]) -> None:
        marks = ", ".join("?" for _ in table.columns)
        self.driver.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 - our own name

    def _create_tables(self) -> None:
        run = self.driver.execute
        with self.transaction():
            for text in schema.create_main(self.layout.attach_large):
                run(text)
            self.driver.executemany(_INSERT_SEQUENCE, ids.first_ids().items())
            migrations.record_version(self.driver)
            run(f"PRAGMA user_version = {tables.SCHEMA_VERSION}")
            run(f"PRAGMA application_id = {files.APPLICATION_ID}")

    def load_image(self, image: "Database") -> None:
        """Replace all content by that of `image`, which has the same layout: its pages are copied, in a file
        all or none. Not within a transaction.

        Sets of users and files that are still being written then have no owner, so the sequences of their
        numbers never go back, in the image either: a writer meets no other's number.
        """
        if self.layout.attach_large and not self._attached_is_small():
            self.attach_anew()
        least = self.driver.execute(_SEQUENCES_OF_WRITERS, _INTERNAL_SEQUENCES).fetchall()
        with image.transaction():
            image.driver.executemany("UPDATE sequences SET next = max(next, ?) WHERE name = ?", least)
        self._copy_pages(image)

    def _copy_pages(self, image: "Database") -> None:
        self.listed_accounts.clear()
        try:
            image.driver.backup(self.driver)
        except sqlite3.Error as error:
            if files.is_of_the_disk(error):
                raise StorageFullError(f"nothing was copied: {error} (is the disk full?)") from None
            raise
        if self.layout.attach_large:
            run = self.driver.execute
            with self.transaction():
                for table in schema.LARGE_TABLES:
                    run(f"DELETE FROM {table.name}")  # noqa: S608 - our own names, here and below
                    self._insert(table, image.driver.execute(f"SELECT * FROM {table.name}"))  # noqa: S608

    def _copy_rows(self, image: "Database") -> None:
        """As `_copy_pages`, of an image with another layout into a new database."""
        with self.transaction():
            for table in SQLModel.metadata.sorted_tables:
                self.driver.execute(f"DELETE FROM {table.name}")  # noqa: S608 - our own names, here and below
                self._insert(table, image.driver.execute(f"SELECT * FROM {table.name}"))  # noqa: S608

    def transaction(self) -> TransactionBlock:
        """A context manager: everything in its block is committed, or nothing, whether it runs on the
        connection of SQLAlchemy or on `driver`, which are the same."""
        return self._transaction

    def size_bytes(self) -> int:
        """Bytes of its pages, in memory or in its files."""
        run, names = self.driver.execute, ("main", *([schema.ATTACHED] if self.layout.attach_large else ()))
        return sum(
            run(f"PRAGMA {name}.page_count").fetchone()[0] * run(f"PRAGMA {name}.page_size").fetchone()[0]
            for name in names
        )

    def close(self) -> None:
        self.connection.close()

    def close_complete(self) -> None:
        """Close a file that no log may be left beside. Raises sqlite3.Error if the disk is full."""
        try:
            (busy, _, _) = self.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise sqlite3.OperationalError("its log is in use")
        finally:
            self.close()

    def close_unsaved(self) -> None:
        """Close a database that is to be deleted."""
        # Else SQLite waits until the disk has what it writes on closing.
        self.driver.execute("PRAGMA synchronous = OFF")
        self.close()
        memory.release()
