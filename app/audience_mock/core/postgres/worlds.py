"""The worlds of all servers of a database."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

from audience_mock.core.errors import (
    AlreadyExistsError,
    InvalidStateError,
    LimitExceededError,
    NotFoundError,
    StoreError,
    StoreUnavailableError,
)
from audience_mock.core.postgres import head as heads
from audience_mock.core.postgres import measures, snapshots, warming
from audience_mock.core.postgres.database import PostgresDatabase
from audience_mock.core.postgres.head import Head
from audience_mock.core.postgres.images import Starts
from audience_mock.core.postgres.lifecycle import HIDDEN, Lifecycle
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.core.postgres.sweeper import Sweeper
from audience_mock.core.postgres.unreachable import UnreachableDatabase
from audience_mock.core.postgres.world import PostgresWorld
from audience_mock.core.store.database import Database
from audience_mock.core.worlds import worlds as limits_of_worlds
from audience_mock.core.worlds.database_files import DatabaseFiles
from audience_mock.core.worlds.measures import Totals, WorldState
from audience_mock.core.worlds.names import NAME, check_name
from audience_mock.core.worlds.starts import StartingState
from audience_mock.core.worlds.world import DEFAULT, World
from audience_mock.core.worlds.worlds import Configure, Worlds

if TYPE_CHECKING:
    from audience_mock.core.postgres.quotas import PostgresLedger
    from audience_mock.core.worlds.quotas import Ledger
    from audience_mock.core.worlds.tenants import Tenants

MAX_KNOWN = 2_000
"""Worlds whose rules and callers are in memory; the one not used for longest is dropped first. Chosen."""

_NAMES = rf"SELECT name FROM {SCHEMA}.worlds WHERE name NOT LIKE '{HIDDEN}%' ORDER BY name"
_COUNT = f"SELECT count(*) FROM {SCHEMA}.worlds"
# Without a wait for the disk: a crash may take back when a world was used last.
_TOUCH = f"""UPDATE {SCHEMA}.worlds SET used_at = now() WHERE name =
    (SELECT name FROM {SCHEMA}.worlds
        WHERE name = $1 AND set_config('synchronous_commit', 'off', true) = 'off' FOR UPDATE SKIP LOCKED)"""
_NOTIFY_ALL = f"INSERT INTO {SCHEMA}.notices (world, kind, about) VALUES ('', $1, $2) RETURNING number"


class PostgresWorlds(Worlds):
    """As `Worlds`, in the database at a URL. Raises StoreError, StoreUnavailableError, InvalidSeedError."""

    is_shared = True

    def __init__(self, url: str, *, seed: StartingState | None = None, configure: Configure) -> None:
        self.server = PostgresDatabase(url)
        self._configure = configure
        self._known: OrderedDict[str, PostgresWorld] = OrderedDict()
        self._ledger = None
        starts = Starts(self.server, seed, configure)
        self._lifecycle = Lifecycle(self.server, starts)
        self._sweeper = Sweeper(self.server, starts.keep)
        self._warm = partial(
            warming.warm, starts=starts, others=((_COUNT, ()), (_NOTIFY_ALL, ("", "")), (_TOUCH, ("",)))
        )
        self._files = DatabaseFiles(None)
        try:
            self.server.check()
            self.default = self.get_or_create(DEFAULT)
            self.seeded = seed is not None and self._start_default(seed)
        except StoreUnavailableError as error:
            raise StoreError(f"cannot open {self.server.shown}: {error}") from None

    def _start_default(self, seed: StartingState) -> bool:
        """Start the default world from the seed, if nothing was ever done in it."""
        untouched = self.default.transact_now(seed.may_start)
        if untouched:
            self.reset(self.default)
        return untouched

    def start(self) -> None:
        self.server.close_beside()
        self.server.open_in_advance(self._warm)
        self._sweeper.start()

    def why_unavailable(self) -> str | None:
        try:
            self.server.ping()
        except StoreUnavailableError as error:
            return str(error)
        return None

    def in_background(self, function: Callable[[], None]) -> None:
        self._sweeper.run_once(function)

    def ledger(self, tenants: "Tenants") -> "PostgresLedger":
        from audience_mock.core.postgres.quotas import PostgresLedger  # noqa: PLC0415 - few servers have tenants

        return PostgresLedger(tenants, self.server)

    def use_quotas(self, ledger: "Ledger") -> None:
        self._lifecycle.quotas = cast("PostgresLedger", ledger)
        ledger.begin((), {})
        for world in self._known.values():
            world.quotas = ledger

    def __iter__(self) -> Iterator[str]:
        return iter([row[0] for row in self.server.rows(_NAMES)])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._head(name) is not None

    def has_opened(self, name: str) -> bool:
        """There is nothing to open."""
        return True

    def opened(self) -> Collection[World]:
        """The worlds that this server has used."""
        return [*self._known.values()]

    def state_of(self, name: str) -> WorldState:
        return measures.state_of(self.server, name)

    def totals(self) -> Totals:
        return measures.totals(self.server, self._known.values())

    def last_use_s(self, name: str) -> float:
        return measures.last_use_s(self.server, name)

    def close_idle(self, name: str) -> bool:
        return False

    def get_or_create(self, name: str) -> World:
        if name not in self._known:
            check_name(name)
        head = self._head(name)
        while head is None:
            head = self._make(name, {}) or self._head(name)
        if head.is_use_old:
            self.server.rows(_TOUCH, name)
        return self._seen(name, head)

    def get(self, name: str) -> World | None:
        head = self._head(name)
        return None if head is None else self._seen(name, head)

    def find(self, name: str) -> World:
        found = self.get(name)
        if found is None:
            raise NotFoundError("world", name)
        return found

    def unreachable(self, name: str, error: StoreUnavailableError) -> World:
        server = UnreachableDatabase(self.server, error)
        head = Head(0, 1, 0, None, "{}", 0, False, False, self.server.time.now_ms())
        return PostgresWorld(server, name, head, self._configure, self)

    def _head(self, name: str) -> Head | None:
        """None for a name that no request can have; some of those PostgreSQL rejects."""
        if not NAME.fullmatch(name):
            return None
        return heads.head_of(self.server.read_row(heads.READ, name))

    def _seen(self, name: str, head: Head) -> PostgresWorld:
        world = self._known.get(name)
        if world is None:
            world = self._known[name] = PostgresWorld(self.server, name, head, self._configure, self)
            world.quotas = self._lifecycle.quotas
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        else:
            world.see(head)
            self._known.move_to_end(name)
        return world

    async def until_free(self, name: str) -> None:
        """Nothing takes a world for itself."""

    async def until_all_free(self) -> None:
        """Nothing takes a world for itself."""

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> tuple[World, bool]:
        self._configure(settings)  # which rejects them, or not, before they are kept
        head = self._head(name)
        if head is None and (made := self._make(name, settings)) is not None:
            return self._seen(name, made), True
        world = self.get_or_create(name) if head is None else self._seen(name, head)
        world.set_settings(settings)
        return world, False

    def _make(self, name: str, settings: Mapping[str, Any]) -> Head | None:
        """A world from the starting state; None if another server was faster."""
        self._check_new(name)
        try:
            return self._lifecycle.make(name, settings)
        except AlreadyExistsError:
            return None

    def _check_new(self, name: str, image: Database | None = None) -> None:
        check_name(name)
        if self.server.row(_COUNT)[0] >= limits_of_worlds.MAX_WORLDS:
            raise LimitExceededError(
                f"a server has {limits_of_worlds.MAX_WORLDS} worlds at most: delete one first"
            )

    async def fork(self, source: str, name: str) -> World:
        self._check_new(name)
        return self._seen(name, self._lifecycle.fork(source, name))

    @contextmanager
    def hidden_copy(self, world: PostgresWorld) -> Iterator[PostgresWorld]:
        with self._lifecycle.hidden_copy(world.name) as (name, head):
            yield PostgresWorld(self.server, name, head, self._configure, self)

    def reset(self, world: World, to: Literal["seed", "empty"] = "seed") -> None:
        self._lifecycle.reset(world.name, to)
        _refresh(world)

    def delete(self, name: str) -> None:
        if name == DEFAULT:
            raise InvalidStateError("the default world is always there: reset it instead")
        if not NAME.fullmatch(name) or not self._lifecycle.delete(name):
            raise NotFoundError("world", name)
        world = self._known.pop(name, None)
        if world is not None:
            world.discard()

    def forget_callers(self) -> None:
        for world in self._known.values():
            world.callers = {}

    def databases(self) -> Iterator[Database]:
        return iter(())

    def notify(self, kind: str, about: Any) -> None:
        self.server.row(_NOTIFY_ALL, kind, about)

    def end_subscriptions(self) -> None:
        for world in self._known.values():
            world.subscribers.end("stopping")

    def close(self) -> None:
        self._sweeper.stop()
        self.server.close()

    def snapshots(self, world: World) -> list[str]:
        return snapshots.names(self.server, world.name)

    async def create_snapshot(self, world: World, snapshot: str) -> None:
        snapshots.create(self.server, world.name, snapshot, self._lifecycle.quotas)

    async def restore_snapshot(self, world: World, snapshot: str) -> None:
        self._lifecycle.restore(world.name, snapshot)
        _refresh(world)

    def delete_snapshot(self, world: World, snapshot: str) -> None:
        snapshots.delete(self.server, world.name, snapshot, self._lifecycle.quotas)

    def check_can_be_archived(self) -> NoReturn:
        raise InvalidStateError(
            "a PostgreSQL database is backed up by its own programs: pg_dump, or a base backup with its log"
        )


def _refresh(world: World) -> None:
    assert isinstance(world, PostgresWorld)
    world.refresh()
