"""What the worlds of a server start from: its seed, or no data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from audience_mock.core.rules import Rules
from audience_mock.core.store.database import Database, Layout
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.world import World

To = Literal["seed", "empty"]


class StartingState(Protocol):
    """What worlds start from, such as `seeds.starting_seed.StartingSeed`."""

    @property
    def digest(self) -> str:
        """The same for what starts the same."""

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


@dataclass
class _Start:
    """What a world is copied from, and when the starting state was inserted in it, as it looks there."""

    world: World
    inserted_at_ms: int
    saved: tuple[object, ...] | None = None
    """The settings and the clock that are in the database, if it was not changed since."""


class Starts:
    """Images of databases, each made when it is first needed: `layout` is that of the server's databases,
    `rules` are those of a world without settings of its own."""

    def __init__(self, layout: Layout, seed: StartingState | None, rules: Callable[[], Rules]) -> None:
        self._layout = layout
        self._seed = seed
        self._rules = rules
        self._made: dict[str, _Start] = {}

    def image(self, to: To, settings: Mapping[str, Any] | None = None) -> Database:
        """What a world starts from now, with settings of its own if it is new."""
        start = self._start(to)
        start.world.settings = dict(settings or {})
        start.world.clock.state = Clock().state
        if to == "seed" and self._seed is not None:
            self._seed.set_clock(start.world.clock)
        wanted = (start.world.settings, start.world.clock.state)
        if self._builds_are_pending(to) or wanted != start.saved:
            start.world.transact_now(self._bring_to_now, start, to)
        # A reset writes the settings of its own world to it; what makes a world does not.
        start.saved = None if settings is None else wanted
        return start.world.database

    def _builds_are_pending(self, to: To) -> bool:
        return to == "seed" and self._seed is not None and self._seed.has_pending_builds

    def size_bytes(self, to: To) -> int:
        """The size of such an image."""
        return self._start(to).world.database.size_bytes()

    def close(self) -> None:
        for start in self._made.values():
            start.world.close()

    def _bring_to_now(self, tx: Transaction, start: _Start, to: To) -> None:
        """Save the clock as it starts, and let pending builds count from now."""
        start.world.save_metadata(tx)
        if self._seed is not None and self._builds_are_pending(to):
            before_ms, start.inserted_at_ms = start.inserted_at_ms, tx.now_ms
            self._seed.shift_pending_builds(tx, inserted_at_ms=before_ms, by_ms=tx.now_ms - before_ms)

    def _start(self, to: To) -> _Start:
        if to not in self._made:
            image = Database(layout=self._layout)
            world = World(image, rules=self._rules())
            world.clock.freeze()
            try:
                if to == "seed" and self._seed is not None:
                    self._seed.set_clock(world.clock)
                    world.clock.freeze()
                    world.transact_now(self._seed.insert)
            except BaseException:
                image.close()
                raise
            self._made[to] = _Start(world, world.clock.now_ms())
        return self._made[to]
