"""SQLite databases, each on one connection, used from one thread: no pool, no lock, no interleaving."""

import sqlite3
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, create_engine, delete, select, union_all, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from audience_mock.core.errors import StoreError
from audience_mock.core.store import ids, schema, tables

IN_MEMORY = "sqlite://"

_opened: list[sqlite3.Connection] = []
"""The connection that SQLAlchemy takes next: it calls `creator` while `connect` runs."""

_INSERT_SEQUENCE = "INSERT OR IGNORE INTO sequences (name, next) VALUES (?, ?)"
_INTERNAL_SEQUENCES = (ids.USER_SET, ids.UPLOADED_FILE)
_SEQUENCES_OF_WRITERS = "SELECT next, name FROM sequences WHERE name IN (?, ?)"


@cache
def _engine() -> Engine:
    """One for all databases: it is made once, and a statement is compiled once for all of them."""
    return create_engine(IN_MEMORY, poolclass=NullPool, creator=_opened.pop)


class Layout(NamedTuple):
    """How a database is stored; pages can be copied only between two of the same layout."""

    page_bytes: int
    attach_large: bool
    """Whether the large tables are in a second, attached database, which SQLite itself keeps in a temporary
    file once it outgrows the cache."""


_SMALL_PAGE_BYTES, _LARGE_PAGE_BYTES = 4096, 65536
"""Pages of the attached database: SQLite's default, and its maximum."""

_COPIED_BYTES = 1 << 20
"""Up to here the attached database is copied into larger pages, which takes a millisecond. Chosen."""

# A world in memory may be one of a thousand, and has 40 tables and indexes of a page or more; 4096 bytes are
# SQLite's own default.
IN_MEMORY_LAYOUT, FILE_LAYOUT = Layout(1024, attach_large=True), Layout(4096, attach_large=False)


class _TransactionBlock:
    """Everything in the block is committed, or nothing. An object made once for each database:
    `contextmanager` takes as long as a small statement."""

    __slots__ = ("_connection", "_run")

    def __init__(self, cursor: sqlite3.Cursor, connection: Connection) -> None:
        # The driver's own call: SQLAlchemy's takes as long as a statement that does something.
        self._run = cursor.execute
        self._connection = connection

    def __enter__(self) -> Connection:
        self._run("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("COMMIT" if kind is None else "ROLLBACK")


class Database:
    """An open database; `url` is an SQLAlchemy URL, `sqlite://` or `sqlite:///file.db`.

    What a 2xx answer confirmed survives a kill of the process: the write-ahead log of a file is written
    before the answer. (After a power failure the last moments may be missing.) A new database becomes a copy
    of `image`, if there is one. Raises StoreError.
    """

    def __init__(
        self, url: str = IN_MEMORY, *, layout: Layout | None = None, image: "Database | None" = None
    ) -> None:
        self.url = url
        try:
            parsed = make_url(url)
            arguments, options = _engine().dialect.create_connect_args(parsed)
        except (ArgumentError, SQLAlchemyError, ImportError, TypeError, ValueError):
            raise StoreError(f"not a database URL: {url!r} (try sqlite:///audiences.db)") from None
        if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
            raise StoreError(f"only SQLite is served, not {url!r} (try sqlite:///audiences.db)")
        in_memory = parsed.database in (None, "", ":memory:")
        self.file = None if in_memory else Path(parsed.database or "")
        self.layout = layout or (IN_MEMORY_LAYOUT if in_memory else FILE_LAYOUT)
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect
        try:
            self.driver = connect(*arguments, **{**options, "check_same_thread": False})
        except (sqlite3.Error, TypeError) as error:
            raise self._cannot_open(error) from None
        self.cursor = self.driver.cursor()
        """For statements without rows: `driver.execute` makes a cursor each time, which takes as long as a
        small statement."""
        self.next_id_cache: dict[str, int] = {}
        """The expected next number of each sequence; `Transaction.new_id` checks it."""
        _opened.append(self.driver)
        self.connection = _engine().connect().execution_options(isolation_level="AUTOCOMMIT")
        self._transaction = _TransactionBlock(self.cursor, self.connection)
        try:
            self._open(image)
        except (SQLAlchemyError, sqlite3.Error) as error:
            self.close()
            raise self._cannot_open(error) from None
        except StoreError:
            self.close()
            raise

    def _cannot_open(self, error: Exception) -> StoreError:
        cause = getattr(error, "orig", error)
        return StoreError(f"cannot open {self.url}: {cause} (is it an SQLite file that you may write?)")

    def _open(self, image: "Database | None") -> None:
        """Create the tables if there are none; else delete what a killed process left unfinished."""
        run = self.driver.execute
        run(f"PRAGMA page_size = {self.layout.page_bytes}")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA busy_timeout = 5000")
        version = run("PRAGMA user_version").fetchone()[0]
        if version not in (0, tables.SCHEMA_VERSION):
            raise StoreError(
                f"{self.url} was made by another version of Audience Mock"
                f" (schema {version}, this one reads {tables.SCHEMA_VERSION}): use a new file"
            )
        # Debian's SQLite overwrites what is deleted: a second for ten million users.
        run("PRAGMA secure_delete = OFF")
        if self.layout.attach_large:
            self._attach(_SMALL_PAGE_BYTES)
        if version == 0 and image is not None:
            self._copy_pages(image, [])
        elif version == 0:
            self._create_tables()
        else:
            # An API that this file does not know yet.
            self.driver.executemany(_INSERT_SEQUENCE, ids.first_ids().items())
            self.delete_orphans()

    def _attach(self, page_bytes: int) -> None:
        run = self.driver.execute
        name = schema.ATTACHED
        run(f"ATTACH DATABASE '' AS {name}")
        run(f"PRAGMA {name}.page_size = {page_bytes}")
        run(f"PRAGMA {name}.cache_size = -8192")
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

    def _insert(self, table: Table, rows: Iterable[Any]) -> None:
        marks = ", ".join("?" for _ in table.columns)
        self.driver.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 - our own name

    def _create_tables(self) -> None:
        run = self.driver.execute
        with self.transaction():
            for text in schema.create_main(self.layout.attach_large):
                run(text)
            self.driver.executemany(_INSERT_SEQUENCE, ids.first_ids().items())
            run(f"PRAGMA user_version = {tables.SCHEMA_VERSION}")

    def load_image(self, image: "Database") -> None:
        """Replace all content by that of `image`, which has the same layout: its pages are copied. Not within
        a transaction.

        Sets of users and files that are still being written then have no owner, so the sequences of their
        numbers never go back: a writer meets no other's number.
        """
        self._copy_pages(image, self.driver.execute(_SEQUENCES_OF_WRITERS, _INTERNAL_SEQUENCES).fetchall())

    def _copy_pages(self, image: "Database", least: list[Any]) -> None:
        """`least` are the numbers below which sequences do not go."""
        run = self.driver.execute
        image.driver.backup(self.driver)
        if not least and not self.layout.attach_large:
            return
        with self.transaction():
            self.driver.executemany("UPDATE sequences SET next = max(next, ?) WHERE name = ?", least)
            if self.layout.attach_large:
                for table in schema.LARGE_TABLES:
                    run(f"DELETE FROM {table.name}")  # noqa: S608 - our own names, here and below
                    self._insert(table, image.driver.execute(f"SELECT * FROM {table.name}"))  # noqa: S608

    def transaction(self) -> _TransactionBlock:
        """A context manager: everything in its block is committed, or nothing, whether it runs on the
        connection of SQLAlchemy or on `driver`, which are the same."""
        return self._transaction

    def delete_orphans(self) -> None:
        """Delete sets of users and files that were being written, and let uploads that were being read be run
        again: this is a copy, or the process that wrote them was killed."""
        with self.transaction() as connection:
            _delete_orphans(connection)

    @property
    def size_bytes(self) -> int:
        """Bytes of its pages, in memory or in its file."""
        pages, page_bytes = (
            self.connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()
            for pragma in ("page_count", "page_size")
        )
        return int(pages * page_bytes)

    def close(self) -> None:
        self.connection.close()


def _delete_orphans(connection: Connection) -> None:
    blocks, pieces = tables.table_of(tables.UserBlock), tables.table_of(tables.UploadPiece)
    audiences, lists = tables.table_of(tables.Audience).c, tables.table_of(tables.CustomerList).c
    owned = [
        select(owner).where(owner.is_not(None))
        for owner in (audiences.user_set, lists.user_set, lists.link_set)
    ]
    connection.execute(delete(blocks).where(blocks.c.user_set.not_in(union_all(*owned))))
    parts, uploads = tables.table_of(tables.UploadPart).c, tables.table_of(tables.ListUpload)
    connection.execute(delete(pieces).where(pieces.c.file.not_in(select(parts.file))))
    half_read = uploads.c.started_at_ms.is_not(None) & uploads.c.valid.is_(None)
    connection.execute(update(uploads).where(half_read).values(started_at_ms=None, ready_at_ms=None))
