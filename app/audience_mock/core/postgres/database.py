"""A PostgreSQL database: connections, and transactions on them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg

from audience_mock.core.errors import StoreError
from audience_mock.core.postgres import address, migrations, schema
from audience_mock.core.postgres.failures import Availability
from audience_mock.core.postgres.leases import Held, Lease, end, lease
from audience_mock.core.postgres.long_statements import LongStatements
from audience_mock.core.postgres.pools import Beside, Pools
from audience_mock.core.postgres.server_time import ServerTime
from audience_mock.core.postgres.waiting import can_wait, in_greenlet, wait

T = TypeVar("T")

Rows = Sequence[Any]

READ_ONE_STATE = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
COPY_ONE_STATE = "ISOLATION LEVEL REPEATABLE READ"
"""Modes of a transaction."""

_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8"

_UNBOUNDED_S = 86_400.0
"""Of a statement that copies: the driver takes None for its default."""

_PLANS = {"jit": "off", "enable_seqscan": "off", "plan_cache_mode": "force_generic_plan"}
"""Each statement is known and has an index; planning it anew costs more than running it."""


class Session:
    """A transaction on a connection: `begin` is sent before its first statement, so that one without any
    takes no trip. Without a `begin`, each statement is a transaction of its own."""

    __slots__ = ("_begin", "_held", "_limit_s", "_long", "is_open")

    def __init__(self, held: Held, long: LongStatements | None, begin: str | None = None) -> None:
        self._held = held
        self._long = long
        self._limit_s = None if long is None else _UNBOUNDED_S
        self._begin = begin
        self.is_open = False
        """Whether it has begun."""

    def fetch(self, text: str, *values: Any) -> Rows:
        """The rows of a statement."""
        rows: Rows = self._result("fetch", text, *values)
        return rows

    def row(self, text: str, *values: Any) -> Any:
        """The first row, or None."""
        return self._result("fetchrow", text, *values)

    def run(self, text: str, *values: Any) -> int:
        """Run a statement; returns the number of rows."""
        status: str = self._result("execute", text, *values)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    def run_for_each(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        self._result("executemany", text, rows)

    def _result(self, method: str, *arguments: Any) -> Any:
        if self._begin is not None and not self.is_open:
            self.is_open = True
            self._held.begin("execute", self._begin)
        statement = getattr(self._held.connection, method)(*arguments, timeout=self._limit_s)
        return self._held.run(statement if self._long is None else self._long.result(statement))


class PostgresDatabase:
    """The database at a URL. Each event loop has its own connections; who has none, such as a thread, uses
    those of a loop that is kept for that. Raises StoreError."""

    def __init__(self, url: str) -> None:
        self.address = address.parse(url)
        self.shown = self.address.shown
        self.availability = Availability(self.shown)
        self.time = ServerTime()
        options = self.address.options
        self._long = LongStatements(self.address)
        self._pools = Pools(self.address)
        self._beside = Beside()
        bounds = {"lock_timeout": options.lock_timeout_ms, **_PLANS}
        self._begin = "; ".join(
            (
                f"SET LOCAL search_path = {schema.SCHEMA}, pg_temp",
                f"SET LOCAL statement_timeout = {options.statement_timeout_ms}",
                f"SET LOCAL idle_in_transaction_session_timeout = {options.idle_timeout_ms}",
                *(f"SET LOCAL {name} = {value}" for name, value in bounds.items()),
            )
        )
        self.set_bounds = ", ".join(
            f"set_config('{name}', '{value}', true)" for name, value in bounds.items()
        )
        """Columns of a subquery, for a statement that is a transaction of its own: what runs after it, such
        as a function that is called with its rows, waits for locks and is planned as in `session`."""

    def run(self, function: Callable[[], T]) -> T:
        """Run a function that waits for the database, from wherever it is called."""
        return function() if can_wait() else self._beside.run(function)

    def transact(
        self,
        function: Callable[[Session], T],
        *,
        image: int | None = None,
        mode: str = "",
        copies: bool = False,
    ) -> T:
        """Run a function in a transaction of its own; the rest as `session`."""

        def run() -> T:
            with self.session(image=image, mode=mode, copies=copies) as session:
                return function(session)

        return self.run(run)

    def row(self, text: str, *values: Any, copies: bool = False) -> Any:
        """The first row of a statement in a transaction of its own, or None. One that copies images takes as
        long as it needs."""
        return self.run(lambda: self._alone(Session.row, text, values, copies))

    def read_row(self, text: str, *values: Any) -> Any:
        """As `row`, of a statement that only reads. A connection that was lost meanwhile is replaced: for
        what requests begin with."""

        def read() -> Any:
            with self._connection() as held:
                return held.begin("fetchrow", text, *values)

        if not self.address.options.statement_cache_size:
            return self.row(text, *values)
        return self.run(read)

    def rows(self, text: str, *values: Any) -> Rows:
        return self.run(lambda: self._alone(Session.fetch, text, values, False))

    def _alone(self, method: Callable[..., T], text: str, values: Sequence[Any], copies: bool) -> T:
        """Run one statement, which names its tables with their schema, in one trip if that is possible."""
        if not self.address.options.statement_cache_size:
            # Its preparation would be lost between two trips.
            with self.session(copies=copies) as session:
                return method(session, text, *values)
        with self._connection() as held:
            return method(Session(held, self._long if copies else None), text, *values)

    def open_in_advance(self, warm: Callable[[Session], None]) -> None:
        """From now on, this event loop has connections before a request needs them. `warm` uses each once, in
        a transaction that is rolled back. For callers in a greenlet, before there are requests."""

        async def warmed(connection: Any) -> None:
            # Behind a pooler that may give each transaction another session, there is nothing to prepare.
            if self.address.options.statement_cache_size:
                async with asyncio.timeout(self.address.options.connect_s):
                    await in_greenlet(lambda: self._use_once(connection, warm))

        self._pools.here(warmed)

    def _use_once(self, connection: Any, function: Callable[[Session], None]) -> None:
        wait(connection.execute(f"BEGIN; {self._begin}; SET LOCAL {schema.SCHEMA}.image = 0"))
        function(Session(Held(connection), None))
        wait(connection.execute("ROLLBACK"))

    def ping(self) -> None:
        """Raises StoreUnavailableError unless the database answers within the time of a connection."""

        def asked() -> None:
            with self._connection() as held:
                held.run(held.connection.execute("SELECT 1", timeout=self.address.options.connect_s))

        self.run(asked)

    @contextmanager
    def _connection(self) -> Iterator[Lease]:
        with self.availability.watched():
            try:
                with lease(self._pools, self.address.options.connect_s) as held:
                    yield held
                if held.has_answered:
                    self.availability.answered()
            except (asyncpg.SyntaxOrAccessError, asyncpg.InvalidSchemaNameError):
                self._check_schema()
                raise

    def _check_schema(self) -> None:
        """Raises StoreUnavailableError if the tables are not those of this version any more, as after a
        restore of an older backup."""
        with lease(self._pools, self.address.options.connect_s) as held:
            try:
                migrations.check(Session(held, None), self.shown)
            except StoreError as error:
                raise self.availability.unusable(str(error)) from None

    @contextmanager
    def session(self, *, image: int | None = None, mode: str = "", copies: bool = False) -> Iterator[Session]:
        """A transaction, which is committed after the block; it sees the rows of `image`. `mode` is what
        follows BEGIN; one that copies images takes as long as it needs. Raises StoreUnavailableError,
        StorageFullError, InvalidTextError. For callers in a greenlet."""
        begin = f"BEGIN {mode}; {self._begin}"
        if image is not None:
            begin += f"; SET LOCAL {schema.SCHEMA}.image = {image:d}"
        if copies:
            begin += "; SET LOCAL statement_timeout = 0"
        with self._connection() as held:
            session = Session(held, self._long if copies else None, begin)
            try:
                yield session
            except TimeoutError:
                raise
            except BaseException:
                if session.is_open:
                    _roll_back(held.connection)
                raise
            if session.is_open:
                wait(held.connection.execute("COMMIT"))

    def check_reachable(self) -> None:
        """Raises StoreUnavailableError if the last request of a world found no database."""

    def check(self) -> None:
        """Raises StoreError, which says what to run, unless the database is as this version needs it."""

        def checked(session: Session) -> None:
            migrations.check(session, self.shown)
            self.time.observe(session.row(_NOW)[0])

        self.transact(checked)

    def close(self) -> None:
        """Close the connections of this event loop, if the caller can wait, and those beside it."""
        if can_wait():
            self._pools.close_here()
        self.close_beside()

    def close_beside(self) -> None:
        """Close the connections that the start has used; they are opened again for who needs them."""
        self._beside.stop(self._pools.close_here)


def _roll_back(connection: Any) -> None:
    """One that cannot even do this is of no more use; the error that led here says more."""
    try:
        wait(connection.execute("ROLLBACK"))
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
        TimeoutError,
    ):
        end(connection)
