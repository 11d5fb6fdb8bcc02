"""The worlds of a server: each created from the starting state when it is first used."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol

from audience_mock.core.errors import (
    AlreadyExistsError,
    InvalidStateError,
    LimitExceededError,
    NotFoundError,
)
from audience_mock.core.rules import Rules
from audience_mock.core.store.database import IN_MEMORY, Database
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.database_files import DatabaseFiles, delete_file
from audience_mock.core.worlds.names import check_name
from audience_mock.core.worlds.snapshots import Snapshots
from audience_mock.core.worlds.world import DEFAULT, World

MAX_WORLDS = 10_000
"""Worlds of a server, of 200 KiB each at least in memory. Chosen: any request may name a new one."""

Configure = Callable[[Mapping[str, Any]], tuple[Rules, dict[str, Any]]]
"""Turns a world's own settings into its rules and the providers' options, or raises InvalidSettingsError."""


class StartingState(Protocol):
    """What worlds start from, such as `seeds.starting_seed.StartingSeed`."""

    @property
    def sets_clock(self) -> bool: ...

    def set_clock(self, clock: Clock) -> None: ...

    def may_start(self, tx: Transaction) -> bool:
        """Whether it may be inserted: nothing was ever done in the world."""

    def insert(self, tx: Transaction) -> None:
        """Raises InvalidSeedError."""

    @property
    def has_pending_builds(self) -> bool:
        """Whether something becomes ready some seconds after the start."""

    def shift_pending_builds(self, tx: Transaction, *, inserted_at_ms: int, by_ms: int) -> None:
        """Let what becomes ready some seconds after the insertion become ready later."""


class _Start(NamedTuple):
    """What a world is copied from, and when the starting state was inserted in it."""

    image: Database
    inserted_at_ms: int


def _only_rules(settings: Mapping[str, Any]) -> tuple[Rules, dict[str, Any]]:
    return Rules(**settings), {}


class Worlds:
    """The worlds of a server. Opens the store and applies the seed. Raises StoreError, InvalidSeedError."""

    def __init__(
        self, url: str = IN_MEMORY, *, seed: StartingState | None = None, configure: Configure = _only_rules
    ) -> None:
        self._configure = configure
        self._seed = seed
        self._starts: dict[str, _Start] = {}
        self.default = World(Database(url))
        self._files = DatabaseFiles(self.default.database.file)
        self._open = {DEFAULT: self.default}
        worlds, snapshots = self._files.names()
        self._not_opened = set(worlds)
        self._snapshots = Snapshots(self._files, snapshots)
        try:
            self.seeded = seed is not None and self._start_default(seed)
            """Whether this start applied the seed; False if the store had a state already."""
            self._apply_settings(self.default, self.default.settings)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[str]:
        """The names of all worlds, sorted."""
        return iter(sorted({*self._open, *self._not_opened}))

    def __contains__(self, name: str) -> bool:
        return name in self._open or name in self._not_opened

    def opened(self) -> Collection[World]:
        """The worlds whose database is open."""
        return self._open.values()

    def get_or_create(self, name: str) -> World:
        """The world of this name. Raises InvalidNameError, LimitExceededError, StoreError."""
        found = self._open.get(name)
        if found is None:
            found = self._open_file(name) if name in self._not_opened else self._create(name, {})
        return found

    def find(self, name: str) -> World:
        """The world of this name, which must exist. Raises NotFoundError, StoreError."""
        if name not in self:
            raise NotFoundError("world", name)
        return self.get_or_create(name)

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> World:
        """Replace a world's own settings; the world is created if it does not exist.

        Raises InvalidSettingsError, and as `get_or_create`.
        """
        if name not in self:
            return self._create(name, settings)
        world = self.get_or_create(name)
        self._apply_settings(world, settings)
        return world

    def fork(self, source: str, name: str) -> World:
        """A new world with all that `source` holds now: rows, ids, clock, settings.

        Raises AlreadyExistsError, NotFoundError, and as `get_or_create`.
        """
        origin = self.find(source)
        self._check_new(name)
        origin.save_metadata()
        database = self._files.create_world(name, origin.database)
        database.delete_orphans()
        world = World(database, name=name)
        self._apply_settings(world, world.settings)
        self._open[name] = world
        return world

    def reset(self, world: World, to: Literal["seed", "empty"] = "seed") -> None:
        """Back to the start: rows, ids, clock and everything in memory. Settings and snapshots stay."""
        self._start_over(world, to)
        self._apply_settings(world, world.settings)

    def delete(self, name: str) -> None:
        """Delete a world with its snapshots and files. Raises NotFoundError, and InvalidStateError for the
        default world."""
        if name == DEFAULT:
            raise InvalidStateError("the default world is always there: reset it instead")
        world = self.find(name)
        for snapshot in self.snapshots(world):
            self.delete_snapshot(world, snapshot)
        del self._open[name]
        file = world.database.file
        world.discard()
        if file is not None:
            delete_file(file)

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
        for world in self._open.values():
            world.close()
        self._snapshots.close()
        for start in self._starts.values():
            start.image.close()

    def snapshots(self, world: World) -> list[str]:
        """The names of a world's snapshots, sorted."""
        return self._snapshots.names(world)

    def create_snapshot(self, world: World, snapshot: str) -> None:
        """Keep what a world holds now, replacing an older snapshot of that name. Raises InvalidNameError,
        LimitExceededError, StoreError."""
        self._snapshots.create(world, snapshot)

    def restore_snapshot(self, world: World, snapshot: str) -> None:
        """Make a world hold what it held when the snapshot was created; its settings stay. Raises
        NotFoundError."""
        self._snapshots.restore(world, snapshot)
        self._apply_settings(world, world.settings)

    def delete_snapshot(self, world: World, snapshot: str) -> None:
        """Raises NotFoundError."""
        self._snapshots.delete(world, snapshot)

    def _check_new(self, name: str) -> None:
        check_name(name)
        if name in self:
            raise AlreadyExistsError("world", name)
        if len(self._open) + len(self._not_opened) >= MAX_WORLDS:
            raise LimitExceededError(f"a server has {MAX_WORLDS} worlds at most: delete one first")

    def _create(self, name: str, settings: Mapping[str, Any]) -> World:
        self._check_new(name)
        self._configure(settings)
        start = self._start("seed")
        world = World(self._files.create_world(name, start.image), name=name)
        self._restart_times(world, start)
        self._apply_settings(world, settings)
        self._open[name] = world
        return world

    def _open_file(self, name: str) -> World:
        world = World(self._files.open_world(name), name=name)
        self._apply_settings(world, world.settings)
        self._not_opened.discard(name)
        self._open[name] = world
        return world

    def _apply_settings(self, world: World, settings: Mapping[str, Any]) -> None:
        world.rules, world.options = self._configure(settings)
        world.settings = dict(settings)
        world.callers.clear()

    def _start_default(self, seed: StartingState) -> bool:
        """Start the default world from the seed, if nothing was ever done in it."""
        untouched = self.default.transact_now(seed.may_start)
        if untouched:
            self._start_over(self.default, "seed")
        return untouched

    def _start_over(self, world: World, to: Literal["seed", "empty"]) -> None:
        start = self._start(to)
        world.load_image(start.image)
        if to == "seed":
            self._restart_times(world, start)

    def _start(self, to: Literal["seed", "empty"]) -> _Start:
        """What a world starts from, made once."""
        if to not in self._starts:
            image = Database(layout=self.default.database.layout)
            world = World(image, rules=self._configure({})[0])
            world.clock.freeze()
            try:
                if to == "seed" and self._seed is not None:
                    self._seed.set_clock(world.clock)
                    world.clock.freeze()
                    world.transact_now(self._seed.insert)
            except BaseException:
                image.close()
                raise
            self._starts[to] = _Start(image, world.clock.now_ms())
        return self._starts[to]

    def _restart_times(self, world: World, start: _Start) -> None:
        """Set the clock as the seed says, and let pending builds count from now."""
        if self._seed is None:
            return
        self._seed.set_clock(world.clock)
        if self._seed.sets_clock:
            # Saved, so that a restart finds it.
            world.save_metadata()
        if self._seed.has_pending_builds:
            by_ms = world.clock.now_ms() - start.inserted_at_ms
            world.transact_now(
                self._seed.shift_pending_builds, inserted_at_ms=start.inserted_at_ms, by_ms=by_ms
            )
