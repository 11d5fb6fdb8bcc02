"""What a connection does before requests get it: the statements that most requests run.

PostgreSQL reads its catalogue, plans statements and compiles functions for each connection anew, and the
driver prepares statements for each: together as long as five warm requests.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from audience_mock.core.audiences import queries
from audience_mock.core.postgres import head as heads
from audience_mock.core.postgres import images, journal, limits
from audience_mock.core.postgres.database import Session
from audience_mock.core.postgres.images import Starts
from audience_mock.core.postgres.transaction import PostgresTransaction
from audience_mock.core.rules import Rules

NO_IMAGE = 0
"""An image without rows."""

_LIMITS = ("", "a", "1", "1", 0)


def warm(session: Session, starts: Starts, others: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """Find nothing, and write what is rolled back; `others` are statements with values for them. Each step
    releases the locks of its tables, so a migration waits for it no longer than for a request."""
    tx = PostgresTransaction(session, 0, Rules(), set())
    tables = starts.tables_found()
    steps: list[Callable[[], object]] = [
        lambda: session.row(heads.READ, ""),
        lambda: heads.lock(session, ""),
        lambda: queries.count(tx),  # type: ignore[arg-type]  # as worlds use it
        lambda: tx.one(queries.FIND, {}),
        lambda: tx.all(queries.PAGE_ASCENDING, {}),
        lambda: session.row(limits.COUNT, NO_IMAGE, *_LIMITS),
        lambda: session.row(journal.ADD, NO_IMAGE, 0, 0, b"", 1, 1),
        lambda: None if tables is None else images.copy(session, NO_IMAGE, tables),
        lambda: starts.copy_nothing(session, heads.INSERT_COPY, "", 0, None, "{}"),
        *(partial(session.row, text, *values) for text, values in others),
    ]
    session.run("SAVEPOINT step")
    for step in steps:
        step()
        session.run("ROLLBACK TO SAVEPOINT step")
