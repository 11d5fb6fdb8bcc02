"""The worlds of all servers of a database."""

import json
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast
from uuid import uuid4

import asyncpg

from audience_mock.core.errors import (
    AlreadyExistsError,
    InvalidStateError,
    LimitExceededError,
    NotFoundError,
    StoreError,
    StoreUnavailableError,
    WorldReplacedError,
)
from audience_mock.core.postgres import head as heads
from audience_mock.core.postgres import images, pickled, snapshots
from audience_mock.core.postgres.database import COPY_ONE_STATE, PostgresDatabase, Session
from audience_mock.core.postgres.head import Head
from audience_mock.core.postgres.images import Starts
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.core.postgres.sweeper import Sweeper
from audience_mock.core.postgres.unreachable import UnreachableDatabase
from audience_mock.core.postgres.world import PostgresWorld
from audience_mock.core.store.database import Database
from audience_mock.core.worlds import worlds as limits_of_worlds
from audience_mock.core.worlds.database_files import DatabaseFiles
from audience_mock.core.worlds.names import NAME, check_name
from audience_mock.core.worlds.starts import StartingState
from audience_mock.core.worlds.world import DEFAULT, World
from audience_mock.core.worlds.worlds import Configure, Totals, Worlds, WorldState

if TYPE_CHECKING:
    from audience_mock.core.postgres.quotas import PostgresLedger
    from audience_mock.core.worlds.quotas import Ledger
    from audience_mock.core.worlds.tenants import Tenants

MAX_KNOWN = 2_000
"""Worlds whose rules and callers are in memory; the one not used for longest is dropped first. Chosen."""

HIDDEN = "@"
"""How the name of a world begins that no request can name."""

_NAMES = rf"SELECT name FROM {SCHEMA}.worlds WHERE name NOT LIKE '{HIDDEN}%' ORDER BY name"
_COUNT = f"SELECT count(*) FROM {SCHEMA}.worlds"
_TOUCH = f"""UPDATE {SCHEMA}.worlds SET used_at = now() WHERE name =
    (SELECT name FROM {SCHEMA}.worlds WHERE name = $1 FOR UPDATE SKIP LOCKED)"""
_INSERT = """INSERT INTO worlds (name, image, ahead_ms, frozen_at_ms, settings) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING image"""
_SWITCH = """UPDATE worlds SET image = $2, ahead_ms = $3, frozen_at_ms = $4, version = version + 1,
        incarnation = incarnation + 1
    WHERE name = $1"""
_KEEP_NUMBERS = "SELECT keep_numbers_of_writers($1, $2)"
_DELETE = "DELETE FROM worlds WHERE name = $1 RETURNING image"
_USED_AT = f"SELECT extract(epoch FROM used_at)::float8 FROM {SCHEMA}.worlds WHERE name = $1"
_STATE = f"""SELECT {SCHEMA}.image_bytes(w.image), extract(epoch FROM w.used_at)::float8,
    (SELECT coalesce(sum(held_bytes), 0)::bigint FROM {SCHEMA}.journals AS j WHERE j.image = w.image),
    (SELECT count(*) FROM {SCHEMA}.snapshots AS s WHERE s.world = w.name),
    (SELECT coalesce(sum({SCHEMA}.image_bytes(s.image)), 0)::bigint FROM {SCHEMA}.snapshots AS s
        WHERE s.world = w.name)
    FROM {SCHEMA}.worlds AS w WHERE w.name = $1"""

# The size of its tables, not of their rows, which would all be read.
_TOTALS = f"""SELECT (SELECT count(*) FROM {SCHEMA}.worlds WHERE name NOT LIKE '{HIDDEN}%'),
    (SELECT coalesce(sum(pg_table_size(oid) + pg_indexes_size(oid)), 0)::bigint FROM pg_class
        WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'r'),
    (SELECT coalesce(sum(entries), 0)::bigint FROM {SCHEMA}.journals),
    (SELECT coalesce(sum(held_bytes), 0)::bigint FROM {SCHEMA}.journals)"""
_ALL_FAULTS = f"SELECT planned FROM {SCHEMA}.faults"

_NOTIFY_ALL = f"INSERT INTO {SCHEMA}.notices (world, kind, about) VALUES ('', $1, $2) RETURNING number"


class PostgresWorlds(Worlds):
    """As `Worlds`, in the database at a URL. Raises StoreError, StoreUnavailableError, InvalidSeedError."""

    is_shared = True

    def __init__(self, url: str, *, seed: StartingState | None = None, configure: Configure) -> None:
        self.server = PostgresDatabase(url)
        self._configure = configure
        self._known: OrderedDict[str, PostgresWorld] = OrderedDict()
        self._ledger = None
        self._quotas: PostgresLedger | None = None
        self._beginnings = Starts(self.server, seed, configure)
        self._sweeper = Sweeper(self.server)
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
        self._quotas = cast("PostgresLedger", ledger)
        self._quotas.begin((), {})
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
        row = self.server.row(_STATE, name)
        if row is None:
            return WorldState(name, 0, 0, 0, 0.0, 0, False)
        rows_bytes, used_at_s, journal_bytes, snapshots, snapshot_bytes = row
        return WorldState(name, rows_bytes, snapshot_bytes, journal_bytes, used_at_s, snapshots, True)

    def totals(self) -> Totals:
        worlds, size_bytes, entries, journal_bytes = self.server.row(_TOTALS)
        return Totals(
            worlds=worlds,
            opened=len(self._known),
            database_bytes=size_bytes,
            journal_entries=entries,
            journal_bytes=journal_bytes,
            long_operations=sum(len(world.long_operations) for world in self._known.values()),
            waiting=0,
            faults_planned=sum(len(pickled.read(row[0]).planned) for row in self.server.rows(_ALL_FAULTS)),
        )

    def last_use_s(self, name: str) -> float:
        row = self.server.row(_USED_AT, name)
        return 0.0 if row is None else row[0]

    def close_idle(self, name: str) -> bool:
        return False

    def get_or_create(self, name: str) -> World:
        if name not in self._known:
            check_name(name)
        head = self._head(name)
        while head is None:
            self._make(name, {})
            head = self._head(name)
        if head.is_use_old:
            self.server.rows(_TOUCH, name)
        return self._seen(name, head)

    def find(self, name: str) -> World:
        head = self._head(name)
        if head is None:
            raise NotFoundError("world", name)
        return self._seen(name, head)

    def unreachable(self, name: str, error: StoreUnavailableError) -> World:
        server = UnreachableDatabase(self.server, error)
        head = Head(0, 1, 0, None, "{}", 0, False, False, self.server.time.now_ms())
        return PostgresWorld(server, name, head, self._configure, self)

    def _head(self, name: str) -> Head | None:
        """None for a name that no request can have; some of those PostgreSQL rejects."""
        if not NAME.fullmatch(name):
            return None
        return heads.head_of(self.server.row(heads.READ, name))

    def _seen(self, name: str, head: Head) -> PostgresWorld:
        world = self._known.get(name)
        if world is None:
            world = self._known[name] = PostgresWorld(self.server, name, head, self._configure, self)
            world.quotas = self._quotas
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

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> World:
        self._configure(settings)  # which rejects them, or not, before they are kept
        if name not in self:
            try:
                self._make(name, settings)
            except AlreadyExistsError:
                pass
            else:
                return self.find(name)
        world = self.get_or_create(name)
        world.set_settings(settings)
        return world

    def _make(self, name: str, settings: Mapping[str, Any]) -> None:
        """A world from the starting state, unless another server was faster."""
        self._check_new(name)
        self._beginnings.find("seed")

        def created(session: Session) -> None:
            image = self._beginnings.copy(session, "seed")
            state = self._beginnings.clock("seed")
            self._insert(session, name, image, state, json.dumps(dict(settings)))

        try:
            self.server.transact(created, copies=True)
        except AlreadyExistsError:
            if settings:
                raise

    def _insert(
        self, session: Session, name: str, image: int, state: Mapping[str, int | None], settings: str
    ) -> None:
        """Raises AlreadyExistsError."""
        clock = (state["ahead_ms"] or 0, state["frozen_at_ms"])
        if session.row(_INSERT, name, image, *clock, settings) is None:
            raise AlreadyExistsError("world", name)
        if self._quotas is not None and not name.startswith(HIDDEN):
            images.use(session, image)
            self._quotas.check_image(session, name, 1)

    def _check_new(self, name: str, image: Database | None = None) -> None:
        check_name(name)
        if self.server.row(_COUNT)[0] >= limits_of_worlds.MAX_WORLDS:
            raise LimitExceededError(
                f"a server has {limits_of_worlds.MAX_WORLDS} worlds at most: delete one first"
            )

    async def fork(self, source: str, name: str) -> World:
        self.find(source)
        self._check_new(name)
        self._fork(source, name)
        return self.find(name)

    def _fork(self, source: str, name: str) -> None:
        """Without a lock: the copy is of one state, and others write to the source meanwhile."""

        def forked(session: Session) -> None:
            head = heads.head_of(session.row(heads.READ, source))
            if head is None:
                raise NotFoundError("world", source)
            state = {"ahead_ms": head.ahead_ms, "frozen_at_ms": head.frozen_at_ms}
            self._insert(session, name, images.copy(session, head.image), state, head.settings)

        try:
            self.server.transact(forked, mode=COPY_ONE_STATE, copies=True)
        except asyncpg.SerializationError:
            raise AlreadyExistsError("world", name) from None

    @contextmanager
    def hidden_copy(self, world: PostgresWorld) -> Iterator[PostgresWorld]:
        name = f"{HIDDEN}{uuid4().hex}"
        self._fork(world.name, name)
        head = heads.head_of(self.server.row(heads.READ, name))
        assert head is not None
        try:
            yield PostgresWorld(self.server, name, head, self._configure, self)
        finally:
            self._delete(name)

    def reset(self, world: World, to: Literal["seed", "empty"] = "seed") -> None:
        self._beginnings.find(to)
        self._switch(world, lambda session: (self._beginnings.copy(session, to), self._beginnings.clock(to)))

    def _switch(
        self, world: World, copied: Callable[[Session], tuple[int, Mapping[str, int | None]]]
    ) -> None:
        """Let a world have another image; others wait for the change of the pointer alone."""

        def switched(session: Session) -> None:
            image, state = copied(session)
            head = heads.lock(session, world.name)
            if head is None:
                raise WorldReplacedError("the world was deleted meanwhile")
            session.row(_KEEP_NUMBERS, head.image, image)
            session.run(_SWITCH, world.name, image, state["ahead_ms"] or 0, state["frozen_at_ms"])
            images.leave(session, head.image)
            if self._quotas is not None:
                images.use(session, image)
                self._quotas.check_image(session, world.name)

        self.server.transact(switched, copies=True)
        assert isinstance(world, PostgresWorld)
        world.refresh()

    def delete(self, name: str) -> None:
        if name == DEFAULT:
            raise InvalidStateError("the default world is always there: reset it instead")
        if not NAME.fullmatch(name) or not self._delete(name):
            raise NotFoundError("world", name)
        world = self._known.pop(name, None)
        if world is not None:
            world.discard()

    def _delete(self, name: str) -> bool:
        def deleted(session: Session) -> bool:
            row = session.row(_DELETE, name)
            snapshots.delete_all(session, name)
            if row is not None:
                images.leave(session, row[0])
            if self._quotas is not None:
                self._quotas.forget_world(session, name)
            return row is not None

        return self.server.transact(deleted)

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
        snapshots.create(self.server, world.name, snapshot, self._quotas)

    async def restore_snapshot(self, world: World, snapshot: str) -> None:
        self._switch(world, lambda session: snapshots.copy(session, world.name, snapshot))

    def delete_snapshot(self, world: World, snapshot: str) -> None:
        def deleted(session: Session) -> None:
            snapshots.delete(session, world.name, snapshot)
            if self._quotas is not None:
                self._quotas.measure_snapshots(session, world.name)

        self.server.transact(deleted)

    def check_can_be_archived(self) -> NoReturn:
        raise InvalidStateError(
            "a PostgreSQL database is backed up by its own programs: pg_dump, or a base backup with its log"
        )
