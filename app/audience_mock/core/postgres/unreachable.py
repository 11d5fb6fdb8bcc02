"""A database that does not answer, for the requests that come meanwhile: each API has its own error."""

from typing import Any, NoReturn

from audience_mock.core.errors import StoreUnavailableError
from audience_mock.core.postgres.database import PostgresDatabase


class UnreachableDatabase(PostgresDatabase):
    def __init__(self, real: PostgresDatabase, error: StoreUnavailableError) -> None:
        self.shown, self.time, self.availability = real.shown, real.time, real.availability
        self._error = error

    def _fail(self, *_: Any, **__: Any) -> NoReturn:
        raise self._error

    def check_reachable(self) -> None:
        raise self._error

    run = transact = row = read_row = rows = session = _fail
