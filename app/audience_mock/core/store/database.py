"""SQLite databases, each on one connection, used from one thread: no pool, no lock, no interleaving."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    delete,
    select,
    union_all,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement
from sqlmodel import SQLModel

from audience_mock.core.errors import StoreError
from audience_mock.core.store import ids, tables

IN_MEMORY = "sqlite://"

_opened: list[sqlite3.Connection] = []
"""The connection that SQLAlchemy is to take next; its pool asks for it in the same breath."""


_KEPT_NUMBERS = "SELECT next, name FROM sequences WHERE name IN (?, ?)"


@cache
def _creates_in_main(users_beside: bool) -> list[str]:
    """What makes the tables and their indexes; the words are found once, for a thousand worlds or tests."""
    beside = _LARGE if users_beside else ()
    made = [table for table in SQLModel.metadata.sorted_tables if table not in beside]
    parts: list[ExecutableDDLElement] = []
    for table in made:
        parts += [CreateTable(table), *(CreateIndex(index) for index in table.indexes)]
    return [str(part.compile(_engine())) for part in parts]


@cache
def _creates_beside() -> list[str]:
    """What makes the tables of the large, in the database attached as `beside`."""
    schema = MetaData(schema="beside")
    return [str(CreateTable(table.to_metadata(schema)).compile(_engine())) for table in _LARGE]


@cache
def _engine() -> Engine:
    """One for all databases: what it costs is paid once, and a statement is compiled for all of them."""
    return create_engine(IN_MEMORY, poolclass=NullPool, creator=_opened.pop)


_LARGE = (tables.table_of(tables.UserBlock), tables.table_of(tables.UploadPiece))
_KEPT_SEQUENCES = (ids.USER_SET, ids.UPLOADED_FILE)


class Layout(NamedTuple):
    """How a database lies; pages are copied only between two that lie alike."""

    page_bytes: int
    users_beside: bool
    """Users take 32 bytes each, and files of them more: those of a store in memory lie in a file of SQLite's
    own, which it makes when they outgrow its cache, and deletes."""


_SMALL_PAGE_BYTES, _LARGE_PAGE_BYTES = 4096, 65536
"""Pages of the database beside one in memory: SQLite's default, and the most that it has."""

_TAKEN_OVER_BYTES = 1 << 20
"""Up to here what lies beside is worth copying into larger pages; it takes a millisecond. Chosen."""

# A world in memory may be one of a thousand, and has 40 tables and indexes of a page or more; 4096 bytes are
# SQLite's own default.
IN_MEMORY_LAYOUT, FILE_LAYOUT = Layout(1024, users_beside=True), Layout(4096, users_beside=False)


class Database:
    """An open database; `url` is an SQLAlchemy URL, `sqlite://` or `sqlite:///file.db`.

    A file keeps what a 2xx answered also when the process is killed: its write-ahead log is written
    before the answer. (After a loss of power the last moments may be missing.) A new one becomes a copy of
    `image`, if there is one. Raises StoreError.
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
        """For statements without rows; the driver makes one for each, which takes as long as a small one."""
        self.next_id_cache: dict[str, int] = {}
        """The next number of each sequence, unless somebody moved it; who takes it makes sure."""
        _opened.append(self.driver)
        self.connection = _engine().connect().execution_options(isolation_level="AUTOCOMMIT")
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
        """Make the tables if there are none, and clear away what a killed process left half done."""
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
        # Debian's SQLite overwrites what is deleted, for which others wait: a second for ten million users.
        run("PRAGMA secure_delete = OFF")
        if self.layout.users_beside:
            self._attach_beside(_SMALL_PAGE_BYTES)
        if version == 0 and image is not None:
            self._take_over(image, [])
        elif version == 0:
            self._make_tables()
        else:
            self.delete_orphans()

    def _attach_beside(self, page_bytes: int) -> None:
        run = self.driver.execute
        run("ATTACH DATABASE '' AS beside")
        run(f"PRAGMA beside.page_size = {page_bytes}")
        run("PRAGMA beside.cache_size = -8192")
        run("PRAGMA beside.journal_mode = MEMORY")
        run("PRAGMA beside.synchronous = OFF")
        run("PRAGMA beside.secure_delete = OFF")
        for text in _creates_beside():
            run(text)

    def expect_many_users(self) -> None:
        """Get ready for megabytes of users. Not within a transaction.

        In large pages SQLite writes them with a fifth of the calls; but they cost each world half a megabyte,
        so one gets them when it has use for them, and what little it has in small ones is taken over.
        """
        run = self.driver.execute
        if not self.layout.users_beside or run("PRAGMA beside.page_size").fetchone()[0] > _SMALL_PAGE_BYTES:
            return
        if run("PRAGMA beside.page_count").fetchone()[0] * _SMALL_PAGE_BYTES > _TAKEN_OVER_BYTES:
            return
        kept = [(table, run(f"SELECT * FROM {table.name}").fetchall()) for table in _LARGE]  # noqa: S608
        run("DETACH DATABASE beside")
        self._attach_beside(_LARGE_PAGE_BYTES)
        for table, rows in kept:
            self._add_rows(table, rows)

    def _add_rows(self, table: Table, rows: Iterable[Any]) -> None:
        marks = ", ".join("?" for _ in table.columns)
        self.driver.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 - our own name

    def _make_tables(self) -> None:
        run = self.driver.execute
        with self.transaction():
            for text in _creates_in_main(self.layout.users_beside):
                run(text)
            self.driver.executemany("INSERT INTO sequences (name, next) VALUES (?, ?)", ids.FIRST.items())
            run(f"PRAGMA user_version = {tables.SCHEMA_VERSION}")

    def load_image(self, image: "Database") -> None:
        """Hold what `image`, of the same layout, holds and nothing else: its pages are copied, whatever lies
        in them. Not within a transaction.

        Sets of users and files that were still being written belong to nobody any more, so the sequences of
        these never go back: who still writes one meets no other.
        """
        self._take_over(image, self.driver.execute(_KEPT_NUMBERS, _KEPT_SEQUENCES).fetchall())

    def _take_over(self, image: "Database", kept: list[Any]) -> None:
        run = self.driver.execute
        image.driver.backup(self.driver)
        if not kept and not self.layout.users_beside:
            return
        with self.transaction():
            self.driver.executemany("UPDATE sequences SET next = max(next, ?) WHERE name = ?", kept)
            if self.layout.users_beside:
                for table in _LARGE:
                    run(f"DELETE FROM {table.name}")  # noqa: S608 - our own names, here and below
                    self._add_rows(table, image.driver.execute(f"SELECT * FROM {table.name}"))  # noqa: S608

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Everything within is kept, or nothing; what `driver` does too, which is the same connection."""
        # The driver's own call: SQLAlchemy's costs as much as a statement that does something.
        run = self.cursor.execute
        run("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")

    def delete_orphans(self) -> None:
        """Sets and files that are still being written belong to nobody here, and what is being read into a
        customer list can be run again: this is a copy, or the process that did it was killed."""
        with self.transaction() as connection:
            _delete_orphans(connection)

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
