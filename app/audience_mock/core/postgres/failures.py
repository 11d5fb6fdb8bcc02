"""What goes wrong with a database, as errors of the core."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from audience_mock.core.errors import InvalidTextError, StorageFullError, StoreUnavailableError

log = logging.getLogger("audience_mock")

_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the driver's own: the connection is closed
    asyncpg.InternalClientError,  # the same while its end is on its way
    asyncpg.OperatorInterventionError,  # it shuts down, or it ended a statement that took too long
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this server hung for a while
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby
    asyncpg.FeatureNotSupportedError,  # the same of a table that it does not have: an unlogged one
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    OSError,
    TimeoutError,
)
"""What another attempt may not meet."""


class Availability:
    """Whether the database answered last; each change is one line of the log."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._is_down: bool | None = None
        """None until it has answered: a start that finds none says so itself."""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Raises StoreUnavailableError, StorageFullError, InvalidTextError instead of the driver's errors."""
        try:
            yield
        except asyncpg.DiskFullError as error:
            raise StorageFullError(f"the disk of the database is full ({error})") from None
        except asyncpg.CharacterNotInRepertoireError:
            raise InvalidTextError("U+0000 is a character that PostgreSQL does not store") from None
        except _UNAVAILABLE as error:
            raise self._unavailable(error) from None

    def answered(self) -> None:
        """The database has run a statement."""
        if self._is_down is not False:
            if self._is_down:
                log.info("the database %s answers again", self._shown)
            self._is_down = False

    @property
    def is_down(self) -> bool:
        """Whether it did not answer when it was asked last: what can be left out, does not ask again."""
        return self._is_down is True

    def took_too_long(self, why: str) -> StoreUnavailableError:
        """It answers, and others are not concerned."""
        log.warning("a statement took too long: %s", why)
        return StoreUnavailableError(f"the database took too long: {why}")

    def unusable(self, why: str) -> StoreUnavailableError:
        """It answers, but is not the one that this version needs."""
        return self._down(why, why)

    def _down(self, why: str, logged: str) -> StoreUnavailableError:
        if self._is_down is False:
            self._is_down = True
            log.error("the database %s", logged)
        return StoreUnavailableError(f"the database {why}")

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        why = str(error) or type(error).__name__
        if isinstance(error, asyncpg.LockNotAvailableError | asyncpg.QueryCanceledError):
            return self.took_too_long(why)
        return self._down(f"does not answer: {why}", f"{self._shown} does not answer: {why}")
