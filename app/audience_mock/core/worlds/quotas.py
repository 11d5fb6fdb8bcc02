"""Quotas of what worlds keep: how many worlds, how many bytes, how many rows of a kind.

A transaction is checked before it is committed, so whatever it inserts, by whichever operation, is in it or
rejected as a whole. What makes nothing more passes, also in a tenant that has too much already.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Lock

from audience_mock.core.errors import QuotaExceededError, StorageQuotaExceededError
from audience_mock.core.worlds.names import tenant_of
from audience_mock.core.worlds.tenants import Tenants
from audience_mock.core.worlds.world import World

WORLDS, BYTES = "worlds", "bytes"

_COUNTS = {
    "audiences": "SELECT count(*) FROM audiences",
    "lists": "SELECT count(*) FROM customer_lists",
    "uploads": "SELECT count(*) FROM list_uploads WHERE started_at_ms IS NULL",
    "tokens": "SELECT count(*) FROM tokens",
}
"""By quota. Each counts its rows anew, which takes 35 ns a row: numbers that are kept up to date beside the
rows would have to follow each reset, restore and import."""

Usage = dict[str, int]
"""By quota: how much of it is used; `journal` and `snapshots` are parts of the bytes."""


class Ledger:
    """What each world, each tenant and the server use of their quotas.

    Of a world whose file was not opened since the start only the bytes are known.
    """

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._of_world: dict[str, Usage] = {}
        self._of_tenant: dict[str, Counter[str]] = {}
        self._of_server: Counter[str] = Counter()
        self._changes: dict[str, tuple[int, int]] = {}
        """By world: the driver, and its count of changes, when a transaction was checked last."""
        self._kinds = self._limited()
        self._lock = Lock()

    def begin(self, worlds: Iterable[World], closed: Mapping[str, int]) -> None:
        """Measure all worlds, as at the start and after other quotas were set; `closed` are the bytes of
        those that cannot be measured now: their file is closed, or in use."""
        self._kinds = self._limited()
        before = dict(self._of_world)
        for name in before:
            self.forget(name)
        for name, size_bytes in closed.items():
            rows = {kind: before[name].get(kind, 0) for kind in _COUNTS} if name in before else {}
            self._record(name, {**rows, WORLDS: 1, BYTES: size_bytes})
        for world in worlds:
            self.measure(world)

    def check_new_world(self, name: str, size_bytes: int) -> None:
        """Raises QuotaExceededError."""
        self._check(name, {WORLDS: 1, BYTES: size_bytes})

    def check_bytes(self, name: str, more_bytes: int) -> None:
        """Before a world, or its snapshots, grow by so much. Raises StorageQuotaExceededError."""
        if more_bytes > 0:
            self._check(name, {BYTES: more_bytes})

    def check_transaction(self, world: World) -> None:
        """Before a transaction is committed. Raises QuotaExceededError."""
        driver = world.database.driver
        changes = id(driver), driver.total_changes
        if self._kinds and self._changes.get(world.name) != changes:
            before, now = self._of_world.get(world.name, {}), self._measured(world)
            self._check(
                world.name,
                {kind: more for kind in now if (more := now[kind] - before.get(kind, 0)) > 0},
            )
            self._record(world.name, now)
            self._changes[world.name] = changes

    def measure(self, world: World) -> None:
        """After something else than a transaction: a world was opened, reset, restored."""
        if self._kinds:
            self._record(world.name, self._measured(world))

    def bound_journal(self, world: World) -> None:
        """After a request: the journal counts as bytes, and is what gives way."""
        usage = self._of_world.get(world.name) if BYTES in self._kinds else None
        if usage is None:
            return
        name, journal = world.name, world.journal
        if journal.held_bytes != usage.get("journal", 0):
            self._set_part(name, "journal", journal.held_bytes)
        excess = max((used - limit for used, limit, _ in self._limits(name, BYTES)), default=0)
        if excess > 0 and len(journal):
            journal.trim(len(journal), max(0, journal.held_bytes - excess))
            self._set_part(name, "journal", journal.held_bytes)

    def add_snapshot_bytes(self, name: str, size_bytes: int) -> None:
        """The bytes of all snapshots of a world are these now."""
        self._set_part(name, "snapshots", size_bytes)

    def forget(self, name: str) -> None:
        """A world was deleted."""
        self._record(name, {})
        self._of_world.pop(name, None)
        self._changes.pop(name, None)

    def _limited(self) -> frozenset[str]:
        """What any quota limits."""
        every = [self._tenants.server_quotas, *map(self._tenants.quotas, ("", *self._tenants))]
        return frozenset(
            kind
            for quotas in every
            for kind in (WORLDS, BYTES, *_COUNTS)
            if getattr(quotas, kind) is not None
        )

    def _measured(self, world: World) -> Usage:
        database, before = world.database, self._of_world.get(world.name, {})
        run = database.driver.execute
        now = {kind: run(_COUNTS[kind]).fetchone()[0] for kind in _COUNTS.keys() & self._kinds}
        now[WORLDS] = 1
        now["journal"] = world.journal.held_bytes
        now["snapshots"] = before.get("snapshots", 0)
        now[BYTES] = database.size_bytes() + now["journal"] + now["snapshots"]
        return now

    def _set_part(self, name: str, part: str, size_bytes: int) -> None:
        """A part of a world's bytes has this size now."""
        with self._lock:
            usage = self._of_world.setdefault(name, {})
            grown = size_bytes - usage.get(part, 0)
            usage[part] = size_bytes
            for total in (usage, self._of_tenant.setdefault(tenant_of(name), Counter()), self._of_server):
                total[BYTES] = total.get(BYTES, 0) + grown

    def _record(self, name: str, now: Usage) -> None:
        # A large import runs in a thread.
        with self._lock:
            before = self._of_world.get(name, {})
            of_tenant = self._of_tenant.setdefault(tenant_of(name), Counter())
            for total in (of_tenant, self._of_server):
                total.subtract(before)
                total.update(now)
            if not any(of_tenant.values()):
                del self._of_tenant[tenant_of(name)]
            self._of_world[name] = now

    def _limits(self, name: str, kind: str) -> Iterable[tuple[int, int, str | None]]:
        """For a world: what is used of a quota, its limit and its tenant, None for the server's."""
        tenant = tenant_of(name)
        for quotas, used, whose in (
            (self._tenants.quotas(tenant), self._of_tenant.get(tenant, Counter()), tenant),
            (self._tenants.server_quotas, self._of_server, None),
        ):
            limit = getattr(quotas, kind)
            if limit is not None:
                yield used[kind], limit, whose

    def _check(self, name: str, more: Usage) -> None:
        for kind in sorted(more.keys() & self._kinds):
            for used, limit, whose in self._limits(name, kind):
                if used + more[kind] > limit:
                    raise self._error(kind, limit, whose)

    @staticmethod
    def _error(kind: str, limit: int, whose: str | None) -> QuotaExceededError:
        return (StorageQuotaExceededError if kind == BYTES else QuotaExceededError)(kind, limit, whose)
