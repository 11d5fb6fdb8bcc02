"""Images copied and dropped, and what worlds start from."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from typing import Any, Literal, NamedTuple, cast

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

_COPY = f"""WITH made AS MATERIALIZED (SELECT copy_image($1, $2::text[]) AS image)
    SELECT image, set_config('{schema.SCHEMA}.image', image::text, true) FROM made"""
_USE = f"SELECT set_config('{schema.SCHEMA}.image', $1, true)"
_SWITCH = "SELECT switch_world($1, $2, $3, $4)"
_BYTES = "SELECT image_bytes($1)"
_UNUSED = "INSERT INTO unused_images (image) VALUES ($1) ON CONFLICT DO NOTHING"

_LOCK_STARTS = "SELECT pg_advisory_xact_lock(hashtextextended('starts', 0))"
_FIND_START = "UPDATE snapshots SET used_at = now() WHERE world = '' AND name = $1 RETURNING image"
_ADD_START = "INSERT INTO snapshots (world, name, image, ahead_ms, frozen_at_ms) VALUES ('', $1, $2, 0, $3)"
_COPY_START = f"SELECT image, frozen_at_ms, set_config('{schema.SCHEMA}.image', image::text, true) FROM made"
_USE_STARTS = f"""UPDATE {schema.SCHEMA}.snapshots SET used_at = now()
    WHERE world = '' AND name = ANY($1::text[]) AND used_at < now() - $2 * interval '1 second'"""
_FILLED = "SELECT filled_tables($1)"
_ADD_SEQUENCE = "INSERT INTO sequences (name, next) VALUES ($1, $2) ON CONFLICT DO NOTHING"

NOTHING: Sequence[str] = ()
"""The tables that have rows of image 0."""

START_USED_S = 300
"""How often at most a server writes that it uses a starting image. Chosen."""


def copy(session: Session, image: int, tables: Sequence[str] | None = None) -> int:
    """A new image with the rows of another, whose rows the transaction sees from now on; 0 has none. `tables`
    are those that have rows, if that is known."""
    made: int = session.row(_COPY, image, tables)[0]
    return made


def use(session: Session, image: int) -> None:
    """From now on the transaction sees the rows of this image."""
    session.row(_USE, str(image))


def switch(session: Session, world: str, image: int, clock: Mapping[str, int | None]) -> bool:
    """Let a world have another image and clock, and leave the one that it had; false if there is no such
    world."""
    row = session.row(_SWITCH, world, image, clock["ahead_ms"] or 0, clock["frozen_at_ms"])
    return bool(row[0])


def size_bytes(session: Session, image: int) -> int:
    """Bytes of the rows of an image: reads all of them."""
    size: int = session.row(_BYTES, image)[0]
    return size


def leave(session: Session, image: int) -> None:
    """Nothing points to this image any more: it is dropped once no request reads it."""
    session.run(_UNUSED, image)


class Start(NamedTuple):
    """What worlds are copied from: a snapshot of no world, and the tables that have rows of it. Its name says
    what it holds, so another server's is the same."""

    name: str
    tables: Sequence[str]


class Starts:
    """What worlds start from: made by the first server that needs it, and found by the others."""

    def __init__(self, server: PostgresDatabase, seed: StartingState | None, configure: Configure) -> None:
        self._server = server
        self._seed = seed
        self._configure = configure
        self._found: dict[str, Start] = {}
        self._made = f"""WITH start AS MATERIALIZED (
                SELECT image, frozen_at_ms, {server.set_bounds} FROM {schema.SCHEMA}.snapshots
                WHERE world = '' AND name = $1
            ), made AS MATERIALIZED (
                SELECT {schema.SCHEMA}.copy_image(image, $2::text[]) AS image, frozen_at_ms FROM start
            ) """

    def find(self, to: Literal["seed", "empty"]) -> Start:
        if to not in self._found:
            self._found[to] = self._server.transact(lambda session: self._find(session, to), copies=True)
        return self._found[to]

    def tables_found(self) -> Sequence[str] | None:
        """The tables that have rows of what worlds start from, once that is known."""
        found = self._found.get("seed")
        return None if found is None else found.tables

    def keep(self) -> None:
        """Write that this server uses what it has found: what none uses for long is removed."""
        names = [start.name for start in self._found.values()]
        if names:
            self._server.rows(_USE_STARTS, names, float(START_USED_S))

    def clock(self, to: Literal["seed", "empty"]) -> Mapping[str, int | None]:
        """The clock of a world that starts now."""
        clock: Clock = PostgresClock(self._server.time)
        if to == "seed" and self._seed is not None:
            self._seed.set_clock(clock)
        return clock.state

    def shifts(self, to: Literal["seed", "empty"]) -> bool:
        """Whether what is copied has pending builds, which count from now: it takes a transaction."""
        return to == "seed" and self._seed is not None and self._seed.has_pending_builds

    def copy_for(self, to: Literal["seed", "empty"], text: str, *values: Any) -> Any:
        """The first row of a statement that uses a new image, the column `image` of the table `made`, in one
        trip; its own parameters begin with $3. None if it found none."""
        start = self.find(to)
        row = self._server.row(self._made + text, start.name, start.tables, *values, copies=True)
        if row is None:
            self._server.transact(lambda session: self._find(session, to), copies=True)
            row = self._server.row(self._made + text, start.name, start.tables, *values, copies=True)
        return row

    def copy_nothing(self, session: Session, text: str, *values: Any) -> None:
        """Prepare what `copy_for` runs."""
        session.row(self._made + text, "", NOTHING, *values)

    def copy(self, session: Session, to: Literal["seed", "empty"]) -> int:
        """A new image for a world that starts now, whose pending builds count from now. The transaction sees
        its rows afterwards."""
        start, seed = self.find(to), self._seed
        text = self._made + _COPY_START
        row = session.row(text, start.name, start.tables)
        if row is None:
            # This server was away for so long that others have removed it.
            self._find(session, to)
            row = session.row(text, start.name, start.tables)
        made, inserted_at_ms, _ = row
        if seed is not None and self.shifts(to):
            now_ms = _now_ms(self._server, self.clock(to))
            tx = PostgresTransaction(session, now_ms, self._rules(), set())
            seed.shift_pending_builds(
                cast(Transaction, tx), inserted_at_ms=inserted_at_ms, by_ms=now_ms - inserted_at_ms
            )
        return int(made)

    def _find(self, session: Session, to: Literal["seed", "empty"]) -> Start:
        seed = self._seed if to == "seed" else None
        name = self._name(seed)
        session.row(_LOCK_STARTS)
        row = session.row(_FIND_START, name)
        if row is not None:
            if seed is not None:
                self._learn_times(seed)
            image = row[0]
        else:
            image = self._make(session, to, name)
        return Start(name, session.row(_FILLED, image)[0])

    def _make(self, session: Session, to: Literal["seed", "empty"], name: str) -> int:
        image = copy(session, 0, NOTHING)
        for sequence, first in ids.first_ids().items():
            session.run(_ADD_SEQUENCE, sequence, first)
        now_ms = _now_ms(self._server, self.clock(to))
        if to == "seed" and self._seed is not None:
            tx = PostgresTransaction(session, now_ms, self._rules(), set())
            self._seed.insert(cast(Transaction, tx))
        session.run(_ADD_START, name, image, now_ms)
        return image

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
