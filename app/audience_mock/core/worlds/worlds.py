"""The worlds of a server: each created from the starting state when it is first used."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from time import time
from typing import TYPE_CHECKING, Any, Literal

from audience_mock.core.errors import (
    AlreadyExistsError,
    InvalidStateError,
    LimitExceededError,
    NotFoundError,
    StoreUnavailableError,
)
from audience_mock.core.rules import Rules
from audience_mock.core.store.closing import close_all
from audience_mock.core.store.database import IN_MEMORY, Database
from audience_mock.core.worlds.database_files import DatabaseFiles
from audience_mock.core.worlds.exclusive import copy_beside
from audience_mock.core.worlds.names import check_name
from audience_mock.core.worlds.snapshots import Snapshots
from audience_mock.core.worlds.starts import StartingState, Starts
from audience_mock.core.worlds.world import DEFAULT, World

if TYPE_CHECKING:
    from audience_mock.core.worlds.measures import Totals, WorldState
    from audience_mock.core.worlds.quotas import Ledger
    from audience_mock.core.worlds.tenants import Tenants

MAX_WORLDS = 10_000
"""Worlds of a server, of 200 KiB each at least in memory. Chosen: any request may name a new one."""

Configure = Callable[[Mapping[str, Any]], tuple[Rules, dict[str, Any]]]
"""Turns a world's own settings into its rules and the providers' options, or raises InvalidSettingsError."""


def _only_rules(settings: Mapping[str, Any]) -> tuple[Rules, dict[str, Any]]:
    return Rules(**settings), {}


class Worlds:
    """The worlds of a server. Opens the store and applies the seed. Raises StoreError, InvalidSeedError."""

    def __init__(
        self,
        url: str = IN_MEMORY,
        *,
        seed: StartingState | None = None,
        configure: Configure = _only_rules,
        lock: bool = True,
    ) -> None:
        self._configure = configure
        self._ledger: Ledger | None = None
        self.default = World(Database(url, lock=lock))
        self._starts = Starts(self.default.database.layout, seed, lambda: configure({})[0])
        self._files = DatabaseFiles(self.default.database.file, lock)
        self._open = {DEFAULT: self.default}
        """Those that were used since the start. The files of idle ones may be closed."""
        self._snapshots = Snapshots(self._files, {})
        try:
            self._files.delete_leftovers()
            worlds, snapshots = self._files.names()
            self._not_opened = set(worlds)
            self._being_made: set[str] = set()
            self._snapshots = Snapshots(self._files, snapshots)
            self.seeded = seed is not None and self._start_default(seed)
            """Whether this start applied the seed; False if the store had a state already."""
            self._use_settings(self.default)
        except BaseException:
            self.close()
            raise

    is_shared = False
    """Whether other servers may change the worlds, so that each request looks."""

    def start(self) -> None:
        """The server has started, in the running event loop."""

    def why_unavailable(self) -> str | None:
        """Why its database cannot be used; None if it can, or is a file."""
        return None

    def in_background(self, function: Callable[[], None]) -> None:
        """Run something of the server's own, beside its requests."""
        function()

    def unreachable(self, name: str, error: StoreUnavailableError) -> World:
        """Stands for a world while the database does not answer: whatever uses it raises the error."""
        raise error

    def ledger(self, tenants: "Tenants") -> "Ledger":
        """What counts what the worlds use of the quotas of tenants."""
        from audience_mock.core.worlds.quotas import Ledger  # noqa: PLC0415 - few servers have tenants

        return Ledger(tenants)

    def use_quotas(self, ledger: "Ledger") -> None:
        """Reject from now on what exceeds a quota. Again, after other quotas were set."""
        self._ledger = ledger
        for world in self._open.values():
            world.quotas = ledger
        free = [world for world in self.opened() if not world.exclusive.is_taken]
        others = {*self}.difference(world.name for world in free)
        ledger.begin(free, {name: self._files.world_bytes(name) for name in others})
        for name in self:
            ledger.add_snapshot_bytes(name, self._snapshots.size_bytes(name))

    def __iter__(self) -> Iterator[str]:
        """The names of all worlds, sorted."""
        return iter(sorted({*self._open, *self._not_opened}))

    def __contains__(self, name: str) -> bool:
        return name in self._open or name in self._not_opened or name in self._being_made

    def has_opened(self, name: str) -> bool:
        """Whether a world was used since the start."""
        return name in self._open

    def opened(self) -> Collection[World]:
        """The worlds whose database is open."""
        return [world for world in self._open.values() if not world.is_asleep]

    def state_of(self, name: str) -> "WorldState":
        """What is known of a world without opening it. It must exist."""
        from audience_mock.core.worlds import measures  # noqa: PLC0415 - no start asks

        return measures.state_of(
            name, self._open.get(name), self._files, self._snapshots, last_use_s=self.last_use_s(name)
        )

    def totals(self) -> "Totals":
        """Raises StoreUnavailableError."""
        from audience_mock.core.worlds.measures import Totals  # noqa: PLC0415 - no start asks

        opened = self.opened()
        return Totals(
            worlds=sum(1 for _ in self),
            opened=len(opened),
            database_bytes=sum(world.database.size_bytes() for world in opened),
            journal_entries=sum(len(world.journal) for world in opened),
            journal_bytes=sum(world.journal.held_bytes for world in opened),
            long_operations=sum(len(world.long_operations) for world in opened),
            waiting=sum(world.exclusive.waiting for world in opened),
            faults_planned=sum(sum(1 for _ in world.faults) for world in opened),
        )

    def last_use_s(self, name: str) -> float:
        """When a world was used last, in seconds since 1970."""
        world = self._open.get(name)
        return self._files.last_use_s(name) if world is None else world.last_use_s

    def close_idle(self, name: str) -> bool:
        """Close the file of a world until its next use, unless it is closed, in memory or busy; returns
        whether it was closed."""
        world = self._open.get(name)
        if world is None or world.is_asleep or world.database.file is None:
            return False
        if len(world.long_operations) or world.exclusive.is_taken:
            return False
        world.sleep(lambda: self._files.reopen_world(name))
        self._files.keep_last_use(name, world.last_use_s)
        return True

    def get_or_create(self, name: str) -> World:
        """The world of this name. Raises InvalidNameError, LimitExceededError, StoreError."""
        found = self._open.get(name)
        if found is None:
            found = self._open_file(name) if name in self._not_opened else self._create(name, {})
        return found

    def get(self, name: str) -> World | None:
        """The world of this name, if there is one. Raises StoreError."""
        return self.get_or_create(name) if name in self else None

    def find(self, name: str) -> World:
        """The world of this name, which must exist. Raises NotFoundError, StoreError."""
        if name not in self:
            raise NotFoundError("world", name)
        return self.get_or_create(name)

    async def until_free(self, name: str) -> None:
        """Wait for a long transaction of a world, if there is one."""
        world = self._open.get(name)
        if world is not None:
            await world.exclusive.wait()

    async def until_all_free(self) -> None:
        """Wait for the long transactions of all worlds."""
        for name in [*self._open]:
            await self.until_free(name)

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> tuple[World, bool]:
        """Replace a world's own settings; the world is created if it does not exist, and whether it was.

        Raises InvalidSettingsError, and as `get_or_create`.
        """
        if name not in self:
            return self._create(name, settings), True
        world = self.get_or_create(name)
        self._configure(settings)  # which rejects them, or not, before they are kept
        world.set_settings(settings)
        world.last_use_s = time()
        self._use_settings(world)
        return world, False

    async def fork(self, source: str, name: str) -> World:
        """A new world with all that `source` holds now: rows, ids, clock, settings.

        Raises AlreadyExistsError, NotFoundError, and as `get_or_create`.
        """
        origin = self.find(source)
        await origin.exclusive.wait()
        self._check_new(name, origin.database)
        make = partial(self._files.create_world, name, origin.database, origin.finish_copy)
        self._being_made.add(name)
        try:
            database = await copy_beside(origin.exclusive, origin.database, make)
        finally:
            self._being_made.discard(name)
        return self._add(name, database)

    def reset(self, world: World, to: Literal["seed", "empty"] = "seed") -> None:
        """Back to the start: rows, ids, clock and everything in memory. Settings and snapshots stay."""
        world.load_image(self._starts.image(to))

    def delete(self, name: str) -> None:
        """Delete a world with its snapshots and files. Raises NotFoundError, and InvalidStateError for the
        default world."""
        if name == DEFAULT:
            raise InvalidStateError("the default world is always there: reset it instead")
        if name not in self:
            raise NotFoundError("world", name)
        # Not opened for this: its file may be damaged.
        opened = self._open.pop(name, None)
        self._not_opened.add(name)
        if opened is not None:
            opened.discard()
        # The world first: if the process is killed now, the next start deletes snapshots without a world.
        self._files.delete_world(name)
        self._not_opened.discard(name)
        self._snapshots.delete_all(name)
        if self._ledger is not None:
            self._ledger.forget(name)

    def forget_callers(self) -> None:
        """Let each caller be authenticated again: tokens may have changed."""
        for world in self._open.values():
            world.callers.clear()

    def databases(self) -> Iterator[Database]:
        """The databases that are open."""
        return (world.database for world in self.opened())

    def notify(self, kind: str, about: Any) -> None:
        """Tell the subscribers of every world."""
        for world in self._open.values():
            if world.subscribers:
                world.subscribers.notify(kind, about)

    def end_subscriptions(self) -> None:
        """The server stops: their responses would go on for as long as a client listens."""
        for world in self._open.values():
            world.subscribers.end("stopping")

    def close(self) -> None:
        self._snapshots.close()
        self._starts.close()
        close_all([world.database for world in self.opened()])
        if self._files.file is not None:
            # The next start shall know when they were used: closing a file may write to it.
            for name, world in self._open.items():
                if name != DEFAULT:
                    self._files.keep_last_use(name, world.last_use_s)

    def snapshots(self, world: World) -> list[str]:
        """The names of a world's snapshots, sorted."""
        return self._snapshots.names(world.name)

    async def create_snapshot(self, world: World, snapshot: str) -> None:
        """Keep what a world holds now, replacing an older snapshot of that name. Raises InvalidNameError,
        LimitExceededError, StoreError."""
        if self._ledger is not None:
            # Beside the one that it replaces, until it is complete.
            self._ledger.check_bytes(world.name, world.database.size_bytes())
        await self._snapshots.create(world, snapshot)
        self._measure_snapshots(world.name)

    async def restore_snapshot(self, world: World, snapshot: str) -> None:
        """Make a world hold what it held when the snapshot was created; its settings stay. Raises
        NotFoundError."""
        await self._snapshots.restore(world, snapshot)

    def delete_snapshot(self, world: World, snapshot: str) -> None:
        """Raises NotFoundError."""
        self._snapshots.delete(world.name, snapshot)
        self._measure_snapshots(world.name)

    @property
    def files(self) -> DatabaseFiles:
        """Where the databases are."""
        return self._files

    def snapshots_of(self, world: str) -> Mapping[str, Database | None]:
        """The snapshots of a world, which need not be open: an image in memory, or None for one in a file."""
        return self._snapshots.of(world)

    def check_can_be_archived(self) -> None:
        """Raises InvalidStateError if a backup is made by other means."""

    def _measure_snapshots(self, name: str) -> None:
        if self._ledger is not None:
            self._ledger.add_snapshot_bytes(name, self._snapshots.size_bytes(name))

    def _check_new(self, name: str, image: Database | None = None) -> None:
        """Before a copy of `image` becomes a world of this name."""
        check_name(name)
        if name in self:
            raise AlreadyExistsError("world", name)
        if len(self._open) + len(self._not_opened) >= MAX_WORLDS:
            raise LimitExceededError(f"a server has {MAX_WORLDS} worlds at most: delete one first")
        if self._ledger is not None:
            size_bytes = image.size_bytes() if image else self._starts.size_bytes("seed")
            self._ledger.check_new_world(name, size_bytes)

    def _create(self, name: str, settings: Mapping[str, Any]) -> World:
        self._check_new(name)
        self._configure(settings)  # which rejects them, or not, before there is a file
        return self._add(name, self._files.create_world(name, self._starts.image("seed", settings)))

    def _open_file(self, name: str) -> World:
        world = self._add(name, self._files.open_world(name))
        self._not_opened.discard(name)
        return world

    def _add(self, name: str, database: Database) -> World:
        try:
            world = World(database, name=name)
            self._use_settings(world)
        except BaseException:
            database.close()
            raise
        self._open[name] = world
        if self._ledger is not None:
            world.quotas = self._ledger
            self._ledger.measure(world)
        return world

    def _use_settings(self, world: World) -> None:
        """Let a world's own settings have their effect."""
        world.rules, world.options = self._configure(world.settings)
        world.callers.clear()
        world.record_if_wanted()

    def _start_default(self, seed: StartingState) -> bool:
        """Start the default world from the seed, if nothing was ever done in it."""
        untouched = self.default.transact_now(seed.may_start)
        if untouched:
            self.default.load_image(self._starts.image("seed"))
        return untouched
