"""One SQLite database on one connection, used from one thread: no pool, no lock, no interleaving."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from sqlalchemy import Connection, MetaData, create_engine, delete, insert, select, union_all, update
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from audience_mock.core import ids, tables
from audience_mock.core.errors import BadDatabase

IN_MEMORY = "sqlite://"


class Database:
    """An open database; `url` is an SQLAlchemy URL, `sqlite://` or `sqlite:///file.db`.

    A file keeps what a 2xx answered also when the process is killed: its write-ahead log is written
    before the answer. (After a loss of power the last moments may be missing.) Raises BadDatabase.
    """

    def __init__(self, url: str = IN_MEMORY) -> None:
        try:
            engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        except (ArgumentError, SQLAlchemyError, ImportError, TypeError, ValueError):
            raise BadDatabase(f"not a database URL: {url!r} (try sqlite:///audiences.db)") from None
        if engine.dialect.name != "sqlite":
            raise BadDatabase(f"only SQLite is served, not {url!r} (try sqlite:///audiences.db)")
        self._engine = engine
        try:
            self.connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self.driver = cast(sqlite3.Connection, self.connection.connection.driver_connection)
            self._open()
        except (SQLAlchemyError, sqlite3.Error) as error:
            engine.dispose()
            cause = getattr(error, "orig", error)
            raise BadDatabase(
                f"cannot open {url}: {cause} (is it an SQLite file that you may write?)"
            ) from None
        except BadDatabase:
            engine.dispose()
            raise

    def _open(self) -> None:
        """Make the tables if there are none, and clear away what a killed process left half done."""
        run = self.connection.exec_driver_sql
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA busy_timeout = 5000")
        version = run("PRAGMA user_version").scalar_one()
        if version not in (0, tables.SCHEMA_VERSION):
            raise BadDatabase(
                f"{self._engine.url} was made by another version of Audience Mock"
                f" (schema {version}, this one reads {tables.SCHEMA_VERSION}): use a new file"
            )
        beside = [tables.table_of(tables.UserBlock), tables.table_of(tables.UploadPiece)]
        in_main = list(SQLModel.metadata.sorted_tables)
        if self._engine.url.database in (None, "", ":memory:"):
            # Users take 32 bytes each, and files of them more: those of a store in memory lie in a file of
            # SQLite's own, which it makes when they outgrow its cache, and deletes.
            run("ATTACH DATABASE '' AS beside")
            run("PRAGMA beside.cache_size = -8192")
            run("PRAGMA beside.journal_mode = MEMORY")
            run("PRAGMA beside.synchronous = OFF")
            for table in beside:
                in_main.remove(table)
                table.to_metadata(MetaData(schema="beside")).create(self.connection)
        with self.transaction() as connection:
            SQLModel.metadata.create_all(connection, tables=in_main)
            if version == 0:
                first = [{"name": name, "next": number} for name, number in ids.FIRST.items()]
                connection.execute(insert(tables.Sequence), first)
                run(f"PRAGMA user_version = {tables.SCHEMA_VERSION}")
            self._clear_away(connection)

    def _clear_away(self, connection: Connection) -> None:
        """Sets and files that were still being written when the process ended belong to nobody, and what
        was being read into a customer list can be run again."""
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

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Everything within is kept, or nothing; what `driver` does too, which is the same connection."""
        # The driver's own call: SQLAlchemy's costs as much as a statement that does something.
        run = self.driver.execute
        run("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()
