"""The worlds of a server: each made at first use from the seed, none with a trace of another."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from audience_mock.core.errors import (
    AlreadyExistsError,
    InvalidNameError,
    InvalidStateError,
    LimitExceededError,
    NotFoundError,
    StoreError,
)
from audience_mock.core.store.database import IN_MEMORY, Database
from audience_mock.core.worlds.world import DEFAULT, Rules, World

# What a seed needs is imported where there is one: most starts have none.
if TYPE_CHECKING:
    from audience_mock.core.seeds.apply import Fixed
    from audience_mock.core.seeds.schemas import Seed

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""What a world or a snapshot may be called: what is safe in a path, a header, a token and a file's name."""

MAX_WORLDS = 10_000
"""Worlds of a server, of 200 KiB each at least in memory. Chosen: names come from whoever calls."""

MAX_SNAPSHOTS = 100
"""Snapshots of a world. Chosen, as above."""


@dataclass(frozen=True)
class DatabaseFiles:
    """Where the databases of a server lie: in memory, or in files beside that of the default world."""

    file: Path | None

    def world(self, name: str) -> str:
        """The URL of a world's database, other than the default one's."""
        return IN_MEMORY if self.file is None else f"sqlite:///{self._folder / name}.db"

    def snapshot(self, world: str, name: str) -> str:
        return IN_MEMORY if self.file is None else f"sqlite:///{self._folder / world}@{name}.db"

    def names(self) -> tuple[list[str], dict[str, list[str]]]:
        """The worlds that lie there, and the snapshots of each."""
        worlds: list[str] = []
        snapshots: dict[str, list[str]] = {}
        for file in sorted(self._folder.glob("*.db")) if self.file else ():
            world, _, snapshot = file.stem.partition("@")
            if snapshot:
                snapshots.setdefault(world, []).append(snapshot)
            else:
                worlds.append(world)
        return worlds, snapshots

    @property
    def _folder(self) -> Path:
        assert self.file is not None
        return self.file.with_name(f"{self.file.name}.worlds")


class _Start(NamedTuple):
    """What a world starts from: an image, when its seed was planted in it, and what the seed wants ready at
    times of its own."""

    image: Database
    planted_at_ms: int
    fixed: "Sequence[Fixed]" = ()


Configure = Callable[[Mapping[str, Any]], tuple[Rules, dict[str, Any]]]
"""Gives the rules and the providers' options that a world's own settings come to, or raises
InvalidSettingsError."""


def _as_in_the_core(settings: Mapping[str, Any]) -> tuple[Rules, dict[str, Any]]:
    return Rules(**settings), {}


class Worlds:
    """The worlds of a server. Opens the store and plants the seed. Raises StoreError and InvalidSeedError."""

    def __init__(
        self, url: str = IN_MEMORY, *, seed: "Seed | None" = None, configure: Configure = _as_in_the_core
    ) -> None:
        self._configure = configure
        self._seed = seed
        self._starts: dict[str, _Start] = {}
        self.default = World(Database(url))
        self._shelf = DatabaseFiles(self.default.database.file)
        self._open = {DEFAULT: self.default}
        worlds, snapshots = self._shelf.names()
        self._asleep = set(worlds)
        self._snapshots: dict[str, dict[str, Database | None]] = {
            world: dict.fromkeys(names) for world, names in snapshots.items()
        }
        try:
            self.planted = seed is not None and self._plant()
            """Whether this start planted the seed, or found a store that has a state already."""
            self._apply(self.default, self.default.settings)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[str]:
        """The names of all that there are, sorted."""
        return iter(sorted({*self._open, *self._asleep}))

    def __contains__(self, name: str) -> bool:
        return name in self._open or name in self._asleep

    def get(self, name: str) -> World:
        """The world of this name, made from the seed if it is not there.

        Raises InvalidNameError, LimitExceededError, StoreError.
        """
        found = self._open.get(name)
        if found is None:
            found = self._wake(name) if name in self._asleep else self._make(name, {})
        return found

    def put(self, name: str, settings: Mapping[str, Any]) -> World:
        """Give a world settings of its own, in the place of those it had; it is made if it is not there.

        Raises InvalidSettingsError, and as `get`.
        """
        if name not in self:
            return self._make(name, settings)
        world = self.get(name)
        self._apply(world, settings)
        return world

    def fork(self, source: str, name: str) -> World:
        """A new world that holds all that `source` holds now: rows, ids, clock, settings.

        Raises AlreadyExistsError, NotFoundError, and as `get`.
        """
        origin = self.find(source)
        self._check_new(name)
        origin.keep()
        world = World(self._copy(self._shelf.world(name), origin.database), name=name)
        self._apply(world, world.settings)
        self._open[name] = world
        return world

    def find(self, name: str) -> World:
        """A world that is there. Raises NotFoundError."""
        if name not in self:
            raise NotFoundError("world", name)
        return self.get(name)

    def delete(self, name: str) -> None:
        """Close a world and forget it, with its snapshots and files. Raises NotFoundError, and
        InvalidStateError: the default world is always there."""
        if name == DEFAULT:
            raise InvalidStateError("the default world is always there: reset it instead")
        world = self.find(name)
        for snapshot in list(self._snapshots.get(name, ())):
            self.forget(world, snapshot)
        del self._open[name]
        database = world.database
        world.end()
        if database.file is not None:
            _unlink(database.file)

    def reset(self, world: World, to: Literal["seed", "empty"] = "seed") -> None:
        """Back to the start: rows, ids, clock and all that is counted. Its settings and snapshots stay."""
        self._start_over(world, to)
        self._apply(world, world.settings)

    def snapshots(self, world: World) -> list[str]:
        return sorted(self._snapshots.get(world.name, ()))

    def take(self, world: World, snapshot: str) -> None:
        """Keep what a world holds now under a name, in the place of an older one. Raises InvalidNameError,
        LimitExceededError."""
        _check_name(snapshot)
        held = self._snapshots.setdefault(world.name, {})
        if snapshot not in held and len(held) >= MAX_SNAPSHOTS:
            raise LimitExceededError(f"a world has {MAX_SNAPSHOTS} snapshots at most: delete one first")
        world.keep()
        if snapshot in held:
            self.forget(world, snapshot)
        image = self._copy(self._shelf.snapshot(world.name, snapshot), world.database)
        held[snapshot] = image
        if image.file is not None:
            image.close()
            held[snapshot] = None

    def restore(self, world: World, snapshot: str) -> None:
        """Make a world hold what it held when the snapshot was taken; its settings stay. Raises
        NotFoundError."""
        image = self._image(world, snapshot)
        try:
            world.load_image(image)
        finally:
            if image.file is not None:
                image.close()
        self._apply(world, world.settings)

    def forget(self, world: World, snapshot: str) -> None:
        """Raises NotFoundError."""
        held = self._snapshots.get(world.name, {})
        if snapshot not in held:
            raise NotFoundError("snapshot", snapshot)
        image = held.pop(snapshot)
        if image is not None:
            image.close()
        elif self._shelf.file is not None:
            _unlink(_file_of(self._shelf.snapshot(world.name, snapshot)))

    def close(self) -> None:
        for world in self._open.values():
            world.close()
        for held in self._snapshots.values():
            for image in held.values():
                if image is not None:
                    image.close()
        for start in self._starts.values():
            start.image.close()

    def _image(self, world: World, snapshot: str) -> Database:
        held = self._snapshots.get(world.name, {})
        if snapshot not in held:
            raise NotFoundError("snapshot", snapshot)
        if (image := held[snapshot]) is not None:
            return image
        url = self._shelf.snapshot(world.name, snapshot)
        if not _file_of(url).is_file():
            # Opening it would make an empty one.
            raise NotFoundError("snapshot", snapshot)
        return Database(url)

    def _check_new(self, name: str) -> None:
        _check_name(name)
        if name in self:
            raise AlreadyExistsError("world", name)
        if len(self._open) + len(self._asleep) >= MAX_WORLDS:
            raise LimitExceededError(f"a server has {MAX_WORLDS} worlds at most: delete one first")

    def _make(self, name: str, settings: Mapping[str, Any]) -> World:
        self._check_new(name)
        self._configure(settings)
        start = self._start("seed")
        world = World(self._new_database(self._shelf.world(name), start.image), name=name)
        self._follow_clock(world, start)
        self._apply(world, settings)
        self._open[name] = world
        return world

    def _wake(self, name: str) -> World:
        world = World(Database(self._shelf.world(name)), name=name)
        self._apply(world, world.settings)
        self._asleep.discard(name)
        self._open[name] = world
        return world

    def _apply(self, world: World, settings: Mapping[str, Any]) -> None:
        world.rules, world.options = self._configure(settings)
        world.settings = dict(settings)
        world.callers.clear()

    def _plant(self) -> bool:
        """Put the seed into the default world, if nothing was ever done in it."""
        from audience_mock.core.seeds import apply as planting

        untouched = self.default.transact_now(planting.is_untouched)
        if untouched:
            self._start_over(self.default, "seed")
        return untouched

    def _start_over(self, world: World, to: Literal["seed", "empty"]) -> None:
        start = self._start(to)
        world.load_image(start.image)
        if to == "seed":
            self._follow_clock(world, start)

    def _start(self, to: Literal["seed", "empty"]) -> _Start:
        """What a world starts from, made once."""
        if to not in self._starts:
            image = Database(layout=self.default.database.layout)
            world = World(image, rules=self._configure({})[0])
            world.clock.freeze()
            fixed: Sequence[Fixed] = ()
            try:
                if to == "seed" and self._seed is not None:
                    from audience_mock.core.seeds import apply as planting

                    planting.set_clock(world.clock, self._seed)
                    world.clock.freeze()
                    fixed = planting.fixed(self._seed, world.transact_now(planting.plant, self._seed))
            except BaseException:
                image.close()
                raise
            self._starts[to] = _Start(image, world.clock.now_ms(), fixed)
        return self._starts[to]

    def _follow_clock(self, world: World, start: _Start) -> None:
        """The clock shows what the seed says; what the seed wants to be ready in some seconds is so from now
        on."""
        if self._seed is None:
            return
        from audience_mock.core.seeds import apply as planting
        from audience_mock.core.seeds import schemas as seeds

        planting.set_clock(world.clock, self._seed)
        if self._seed.clock is not None:
            # Written down, so that a restart finds it.
            world.keep()
        if seeds.has_a_future(self._seed):
            by_ms = world.clock.now_ms() - start.planted_at_ms
            world.transact_now(
                planting.put_off, planted_at_ms=start.planted_at_ms, by_ms=by_ms, but=start.fixed
            )

    def _copy(self, url: str, origin: Database) -> Database:
        """A database as one is now that others may be writing."""
        copy = self._new_database(url, origin)
        copy.delete_orphans()
        return copy

    def _new_database(self, url: str, image: Database) -> Database:
        """A copy of an image; in a file, which is there as a whole or not at all."""
        if self._shelf.file is None:
            return Database(url, layout=image.layout, image=image)
        file = _file_of(url)
        half = file.with_name(f"{file.name}.half")
        try:
            file.parent.mkdir(exist_ok=True)
            half.unlink(missing_ok=True)
            Database(f"sqlite:///{half}", image=image).close()
            half.replace(file)
        except OSError as error:
            raise StoreError(
                f"cannot make {file}: {error.strerror} (is its folder one that you may write?)"
            ) from None
        return Database(url)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidNameError(
            f"{name[:120]!r} is no name: give 1 to 100 letters, digits, dots, dashes and underscores,"
            " the first a letter or digit"
        )


def _file_of(url: str) -> Path:
    """The file of a URL that the shelf gave."""
    return Path(url.removeprefix("sqlite:///"))


def _unlink(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
