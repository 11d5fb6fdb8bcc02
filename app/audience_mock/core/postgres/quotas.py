"""Quotas of what worlds keep, counted by all servers together.

What each world uses is a row for each kind. A transaction that makes more counts its world anew, and holds a
lock of the tenant from then to its end: two that would share what is left take turns.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from audience_mock.core.errors import StoreUnavailableError
from audience_mock.core.postgres.database import PostgresDatabase, Session
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.core.worlds.names import tenant_of
from audience_mock.core.worlds.quotas import BYTES, WORLDS, Ledger, Usage
from audience_mock.core.worlds.tenants import Tenants
from audience_mock.core.worlds.world import World

JOURNAL, SNAPSHOTS = "journal", "snapshots"
"""Kinds that count as bytes, beside those of the rows."""

_OF_BYTES = (BYTES, JOURNAL, SNAPSHOTS)

_COUNT_ROWS = """SELECT (SELECT count(*) FROM audiences) AS audiences,
    (SELECT count(*) FROM customer_lists) AS lists,
    (SELECT count(*) FROM list_uploads WHERE started_at_ms IS NULL) AS uploads,
    (SELECT count(*) FROM tokens) AS tokens"""
_COUNT_BYTES = "SELECT image_bytes(current_setting('audience_mock.image')::bigint)"
_USED_BY_WORLD = "SELECT kind, amount FROM usage WHERE world = $1"
_USED = """SELECT kind, coalesce(sum(amount) FILTER (WHERE tenant = $1), 0)::bigint, sum(amount)::bigint
    FROM usage WHERE kind = ANY(string_to_array($2, ',')) GROUP BY kind"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))"
_SET = """INSERT INTO usage (world, kind, tenant, amount) VALUES ($1, $2, $3, $4)
    ON CONFLICT (world, kind) DO UPDATE SET amount = excluded.amount"""
_MEASURE_ALL = f"SELECT {SCHEMA}.measure_worlds()"
_JOURNAL_BYTES = "SELECT held_bytes FROM journals WHERE image = $1"
_SNAPSHOT_BYTES = "SELECT coalesce(sum(image_bytes(image)), 0)::bigint FROM snapshots WHERE world = $1"


class PostgresLedger(Ledger):
    def __init__(self, tenants: Tenants, server: PostgresDatabase) -> None:
        super().__init__(tenants)
        self._server = server

    def begin(self, worlds: Iterable[World], closed: Mapping[str, int]) -> None:
        """Other quotas were set; the worlds themselves are looked up."""
        self._kinds = self._limited()
        if self._kinds:
            self._server.transact(lambda session: session.row(_MEASURE_ALL), copies=True)

    def check_growth(self, session: Session, name: str, written_bytes: int) -> None:
        """Before a transaction that wrote so much is committed. Raises QuotaExceededError."""
        if not self._kinds:
            return
        before = self._of(session, name)
        now = self._counted(session)
        if BYTES in self._kinds:
            now[BYTES] = before.get(BYTES, 0) + written_bytes
        more = {kind: now[kind] - before.get(kind, 0) for kind in now}
        self._lock_limited(session, name, [kind for kind in more if more[kind] > 0])
        for kind in sorted(more):
            if more[kind] > 0 and self._excess(session, name, kind, more[kind]):
                if kind == BYTES:
                    # What was written is an estimate, and nothing was subtracted for what was deleted.
                    now[kind] = session.row(_COUNT_BYTES)[0]
                    more[kind] = now[kind] - before.get(kind, 0)
                self._check_kind(session, name, kind, more[kind])
        self._set(session, name, {kind: now[kind] for kind in more if more[kind]})

    def check_image(self, session: Session, name: str, more_worlds: int = 0) -> None:
        """Before a world of this name gets the image that the transaction sees. Raises QuotaExceededError."""
        if not self._kinds:
            return
        before = self._of(session, name)
        now = self._counted(session) | {WORLDS: 1, BYTES: session.row(_COUNT_BYTES)[0]}
        self._lock_limited(session, name, self._kinds)
        if more_worlds:
            self._check_kind(session, name, WORLDS, more_worlds)
        self._check_kind(session, name, BYTES, now[BYTES] - before.get(BYTES, 0))
        self._set(session, name, now)

    def check_snapshot(self, session: Session, name: str, more_bytes: int) -> None:
        """Before a snapshot of so many bytes is kept. Raises StorageQuotaExceededError."""
        if BYTES in self._kinds:
            self._lock_limited(session, name, [BYTES])
            self._check_kind(session, name, BYTES, more_bytes)

    def measure_snapshots(self, session: Session, name: str) -> None:
        """The snapshots of a world are others now."""
        if BYTES in self._kinds:
            self._set(session, name, {SNAPSHOTS: session.row(_SNAPSHOT_BYTES, name)[0]})

    def bound_journal(self, world: World) -> None:
        if BYTES not in self._kinds or self._server.availability.is_down:
            return
        with suppress(StoreUnavailableError):
            self._bound_journal(world)

    def _bound_journal(self, world: World) -> None:
        held_bytes = world.journal.held_bytes

        def counted(session: Session) -> int:
            self._set(session, world.name, {JOURNAL: held_bytes})
            return self._excess(session, world.name, BYTES, 0)

        excess = self._server.transact(counted)
        if excess > 0 and held_bytes:
            world.journal.trim(len(world.journal), max(0, held_bytes - excess))
            held_bytes = world.journal.held_bytes
            self._server.transact(lambda session: self._set(session, world.name, {JOURNAL: held_bytes}))

    def _counted(self, session: Session) -> Usage:
        row = session.row(_COUNT_ROWS)
        return {kind: row[kind] for kind in self._kinds if kind in row}

    def _of(self, session: Session, name: str) -> Usage:
        return dict(session.fetch(_USED_BY_WORLD, name))

    def _set(self, session: Session, name: str, now: Usage) -> None:
        for kind, amount in now.items():
            session.run(_SET, name, kind, tenant_of(name), amount)

    def _lock_limited(self, session: Session, name: str, kinds: Iterable[str]) -> None:
        """Whatever shares what is left of these kinds waits from now on."""
        limited = self._kinds.intersection(kinds)
        tenant = tenant_of(name)
        # The server's lock first, and one for each tenant: no two wait for each other.
        if any(getattr(self._tenants.server_quotas, kind) is not None for kind in limited):
            session.row(_LOCK, "server")
        if any(getattr(self._tenants.quotas(tenant), kind) is not None for kind in limited):
            session.row(_LOCK, f"tenant {tenant}")

    def _excess(self, session: Session, name: str, kind: str, more: int) -> int:
        """How much is used beyond a limit with so much more; 0 or less if it is within each."""
        return max((used + more - limit for used, limit, _ in self._used(session, name, kind)), default=0)

    def _check_kind(self, session: Session, name: str, kind: str, more: int) -> None:
        if more > 0:
            for used, limit, whose in self._used(session, name, kind):
                if used + more > limit:
                    raise self._error(kind, limit, whose)

    def _used(self, session: Session, name: str, kind: str) -> list[tuple[int, int, str | None]]:
        """What is used of a kind, its limit and whose it is, as `_limits`."""
        tenant = tenant_of(name)
        rows: Any = session.fetch(_USED, tenant, ",".join(_OF_BYTES if kind == BYTES else (kind,)))
        used_by_tenant, used = sum(row[1] for row in rows), sum(row[2] for row in rows)
        return [
            (amount, limit, whose)
            for quotas, amount, whose in (
                (self._tenants.quotas(tenant), used_by_tenant, tenant),
                (self._tenants.server_quotas, used, None),
            )
            if (limit := getattr(quotas, kind)) is not None
        ]
