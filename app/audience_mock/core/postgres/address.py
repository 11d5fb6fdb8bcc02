"""The URL of a database: what PostgreSQL's own programs read in it, and what is of this server."""

from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from audience_mock.core.errors import StoreError
from audience_mock.core.store.database import without_password

SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")


@dataclass(frozen=True)
class Options:
    """What a URL may set beside libpq's parameters, each by its name."""

    pool_size: int = 10
    """Connections of this process at most. Chosen: two of a core's worth, and room for long ones."""
    statement_timeout_ms: int = 30_000
    """After so long PostgreSQL ends a statement. Chosen: a copy of a million rows takes less."""
    lock_timeout_ms: int = 10_000
    """How long a change waits for its turn in this process, and a statement for a lock. Chosen: longer than a
    world's longest transactions."""
    idle_timeout_ms: int = 10_000
    """How long a transaction may wait for its server, which hangs, before PostgreSQL ends it and lets the
    world go. Chosen: far longer than a server computes between two statements."""
    connect_timeout_ms: int = 5_000
    """How long a request waits for a connection, free or new. Chosen."""
    statement_cache_size: int = 1024
    """Prepared statements of a connection; 0 for a PgBouncer before 1.21 in transaction mode."""

    @property
    def connect_s(self) -> float:
        return self.connect_timeout_ms / 1000

    @property
    def answer_s(self) -> float:
        """How long an answer is waited for: PostgreSQL ends a statement itself, unless it or the network does
        not answer at all."""
        return self.statement_timeout_ms / 1000 + self.connect_s


@dataclass(frozen=True)
class Address:
    """`dsn` is for the driver, which completes it from `PG…` variables as libpq does; `shown` for people."""

    dsn: str
    shown: str
    options: Options


def parse(url: str) -> Address:
    """Raises StoreError."""
    parts = urlsplit(url)
    known = {each.name for each in fields(Options)}
    given: dict[str, Any] = {}
    kept: list[tuple[str, str]] = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            kept.append((name, value))
        elif value.isascii() and value.isdigit():
            given[name] = int(value)
        else:
            raise StoreError(f"{name} in the URL of the database is not a number: {value!r}")
    if parts.scheme not in SCHEMES:
        raise StoreError(f"not a URL of PostgreSQL: {without_password(url)!r}")
    if given.get("pool_size", 1) < 1:
        raise StoreError("pool_size in the URL of the database has to be 1 or more")
    # Not by `urlunsplit`, which leaves out an empty host.
    dsn = f"postgresql://{parts.netloc}{parts.path}" + (f"?{urlencode(kept)}" if kept else "")
    return Address(dsn, without_password(url), Options(**given))
