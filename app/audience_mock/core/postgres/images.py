"""Images copied and dropped, and what worlds start from."""

from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256
from typing import Literal, NamedTuple, cast

from audience_mock import __version__
from audience_mock.core.postgres import schema
from audience_mock.core.postgres.clock import PostgresClock
from audience_mock.core.postgres.database import PostgresDatabase, Session
from audience_mock.core.postgres.transaction import PostgresTransaction
from audience_mock.core.rules import Rules
from audience_mock.core.store import ids
from audience_mock.core.store.database import Database
from audience_mock.core.store.transaction import SQLiteTransaction, Transaction
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.starts import StartingState
from audience_mock.core.worlds.worlds import Configure

_LOCK_STARTS = "SELECT pg_advisory_xact_lock(hashtextextended('starts', 0))"
_FIND_START = "SELECT image, frozen_at_ms FROM snapshots WHERE world = '' AND name = $1"
_ADD_START = "INSERT INTO snapshots (world, name, image, ahead_ms, frozen_at_ms) VALUES ('', $1, $2, 0, $3)"
_USE = f"SELECT set_config('{schema.SCHEMA}.image', $1, true)"
_ADD_SEQUENCE = "INSERT INTO sequences (name, next) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_COPY = "SELECT copy_image($1)"
_BYTES = "SELECT image_bytes($1)"
_UNUSED = "INSERT INTO unused_images (image) VALUES ($1) ON CONFLICT DO NOTHING"


def copy(session: Session, image: int) -> int:
    """A new image with the rows of another; 0 has none."""
    made: int = session.row(_COPY, image)[0]
    return made


def use(session: Session, image: int) -> None:
    """From now on the transaction sees the rows of this image."""
    session.row(_USE, str(image))


def size_bytes(session: Session, image: int) -> int:
    """Bytes of the rows of an image: reads all of them."""
    size: int = session.row(_BYTES, image)[0]
    return size


def leave(session: Session, image: int) -> None:
    """Nothing points to this image any more: it is dropped once no request reads it."""
    session.run(_UNUSED, image)


class Start(NamedTuple):
    """The image that worlds are copied from, and the time at which the seed was inserted in it."""

    image: int
    inserted_at_ms: int


class Starts:
    """What worlds start from: made by the first server that needs it, and found by the others."""

    def __init__(self, server: PostgresDatabase, seed: StartingState | None, configure: Configure) -> None:
        self._server = server
        self._seed = seed
        self._configure = configure
        self._found: dict[str, Start] = {}

    def find(self, to: Literal["seed", "empty"]) -> Start:
        if to not in self._found:
            self._found[to] = self._server.transact(lambda session: self._find(session, to), copies=True)
        return self._found[to]

    def clock(self, to: Literal["seed", "empty"]) -> Mapping[str, int | None]:
        """The clock of a world that starts now."""
        clock: Clock = PostgresClock(self._server.time)
        if to == "seed" and self._seed is not None:
            self._seed.set_clock(clock)
        return clock.state

    def copy(self, session: Session, to: Literal["seed", "empty"]) -> int:
        """A new image for a world that starts now, whose pending builds count from now. The transaction sees
        its rows afterwards."""
        start, seed = self.find(to), self._seed
        made = copy(session, start.image)
        use(session, made)
        if to == "seed" and seed is not None and seed.has_pending_builds:
            now_ms = _now_ms(self._server, self.clock(to))
            tx = PostgresTransaction(session, now_ms, self._rules(), set())
            seed.shift_pending_builds(
                cast(Transaction, tx),
                inserted_at_ms=start.inserted_at_ms,
                by_ms=now_ms - start.inserted_at_ms,
            )
        return made

    def _find(self, session: Session, to: Literal["seed", "empty"]) -> Start:
        seed = self._seed if to == "seed" else None
        name = self._name(seed)
        session.row(_LOCK_STARTS)
        row = session.row(_FIND_START, name)
        if row is not None:
            if seed is not None:
                self._learn_times(seed)
            return Start(*row)
        image = copy(session, 0)
        use(session, image)
        for sequence, first in ids.first_ids().items():
            session.run(_ADD_SEQUENCE, sequence, first)
        now_ms = _now_ms(self._server, self.clock(to))
        if seed is not None:
            seed.insert(cast(Transaction, PostgresTransaction(session, now_ms, self._rules(), set())))
        session.run(_ADD_START, name, image, now_ms)
        return Start(image, now_ms)

    def _learn_times(self, seed: StartingState) -> None:
        """Which rows have times of their own a seed knows once it was inserted: in memory, since another
        server has done it in the database."""
        if seed.has_pending_builds:
            with closing(Database()) as database, database.transaction():
                seed.insert(SQLiteTransaction(database, 0, self._rules(), {}))

    def _name(self, seed: StartingState | None) -> str:
        """The same for all servers that would insert the same."""
        what = repr((__version__, schema.VERSION, self._rules(), seed and seed.digest))
        return sha256(what.encode()).hexdigest()

    def _rules(self) -> Rules:
        return self._configure({})[0]


def _now_ms(server: PostgresDatabase, state: Mapping[str, int | None]) -> int:
    clock = PostgresClock(server.time)
    clock.state = state
    return clock.now_ms()
