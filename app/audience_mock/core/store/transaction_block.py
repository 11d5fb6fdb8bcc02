"""The block in which everything is committed, or nothing."""

import sqlite3
from types import TracebackType

from sqlalchemy import Connection

from audience_mock.core.errors import StorageFullError
from audience_mock.core.store import files


class TransactionBlock:
    """Everything in the block is committed, or nothing. An object made once for each database:
    `contextmanager` takes as long as a small statement."""

    __slots__ = ("_connection", "_driver", "_listed_accounts", "_run")

    def __init__(self, cursor: sqlite3.Cursor, connection: Connection, listed_accounts: set[str]) -> None:
        self._driver = cursor.connection
        # The driver's own call: SQLAlchemy's takes as long as a statement that does something.
        self._run = cursor.execute
        self._connection = connection
        self._listed_accounts = listed_accounts

    def __enter__(self) -> Connection:
        self._run("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self._run("COMMIT")
            except sqlite3.Error as failed:
                self._roll_back(failed)
                raise
        else:
            self._roll_back(error)

    def _roll_back(self, error: BaseException | None) -> None:
        """Raises StorageFullError if the disk is what failed."""
        self._listed_accounts.clear()
        # On a full disk SQLite has sometimes done it itself.
        if self._driver.in_transaction:
            self._run("ROLLBACK")
        cause = getattr(error, "orig", error)
        if files.is_of_the_disk(cause):
            raise StorageFullError(f"nothing was written: {cause} (is the disk full?)") from None
