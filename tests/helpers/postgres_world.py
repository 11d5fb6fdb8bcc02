"""The default world of a server on PostgreSQL, as tests use that of a server on SQLite within its process."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.testing import MockServer
from helpers import postgres


class _Clock:
    """The clock, set as a client sets it: by the control API. In milliseconds."""

    def __init__(self, server: MockServer) -> None:
        self._clock = server.clock

    def now_ms(self) -> int:
        return round(float(self._clock.get()["unix"]) * 1000)

    @property
    def frozen(self) -> bool:
        return bool(self._clock.get()["frozen"])

    def freeze(self, at_ms: int | None = None) -> None:
        self._clock.freeze(None if at_ms is None else at_ms / 1000)

    def set(self, now_ms: int) -> None:
        self._clock.set(now_ms / 1000)

    def run(self) -> None:
        self._clock.run()

    def advance(self, by_ms: int) -> None:
        self._clock.advance(by_ms / 1000)


class _Rows:
    """What a statement found, as SQLAlchemy gives it."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)

    def all(self) -> list[tuple[Any, ...]]:
        return self._rows

    def one(self) -> tuple[Any, ...]:
        (row,) = self._rows
        return row

    def scalar_one(self) -> Any:
        (value,) = self.one()
        return value


class _Connection:
    """Looks into the rows of the default world, as a server would. It is opened at its first use: many tests
    have none, others hundreds."""

    def __init__(self, url: str, opened: ExitStack) -> None:
        self._url = url
        self._opened = opened

    @cached_property
    def _connection(self) -> postgres.Connection:
        connection = self._opened.enter_context(postgres.connected(self._url))
        connection.run(f"SET search_path = {SCHEMA}")
        return connection

    def exec_driver_sql(self, text: str) -> _Rows:
        self._connection.rows(f"SELECT set_config('{SCHEMA}.image', {_IMAGE}::text, false)")
        return _Rows(self._connection.rows(text))


_IMAGE = "(SELECT image FROM worlds WHERE name = 'default')"


class PostgresWorld:
    """What tests ask of `MockServer.world`; whatever is not here is the world of the process. `opened` is
    closed after the server."""

    def __init__(self, server: MockServer, url: str, opened: ExitStack) -> None:
        self._world = server.world
        self.clock = _Clock(server)
        self.database = SimpleNamespace(connection=_Connection(url, opened))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)
