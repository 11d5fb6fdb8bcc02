"""The rows of worlds: made, copied, given another image, deleted."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import asyncpg

from audience_mock.core.errors import AlreadyExistsError, NotFoundError, WorldReplacedError
from audience_mock.core.postgres import head as heads
from audience_mock.core.postgres import images, snapshots
from audience_mock.core.postgres.database import COPY_ONE_STATE, PostgresDatabase, Session
from audience_mock.core.postgres.head import Head
from audience_mock.core.postgres.images import Starts
from audience_mock.core.postgres.schema import SCHEMA

if TYPE_CHECKING:
    from audience_mock.core.postgres.quotas import PostgresLedger

HIDDEN = "@"
"""How the name of a world begins that no request can name."""

# For `Starts.copy_for`.
_SWITCH_TO_COPY = f""", switched AS MATERIALIZED (
        SELECT image, {SCHEMA}.switch_world($3, image, $4, $5) AS was_there FROM made
    ), unused AS (
        INSERT INTO {SCHEMA}.unused_images (image) SELECT image FROM switched WHERE NOT was_there
    ) SELECT was_there FROM switched"""

# The condition is evaluated before the row is locked.
_DELETE = f"""WITH deleted AS (
        DELETE FROM {SCHEMA}.worlds WHERE name = $1 AND set_config('lock_timeout', $2, true) IS NOT NULL
        RETURNING image
    ), kept AS (DELETE FROM {SCHEMA}.snapshots WHERE world = $1 RETURNING image),
    forgotten AS (DELETE FROM {SCHEMA}.usage WHERE world = $1),
    unused AS (
        INSERT INTO {SCHEMA}.unused_images (image) SELECT image FROM deleted UNION SELECT image FROM kept
        ON CONFLICT DO NOTHING
    ) SELECT EXISTS (SELECT FROM deleted)"""


class Lifecycle:
    """Each method is a transaction of its own; `quotas`, once there are any, allow it or raise
    QuotaExceededError."""

    quotas: "PostgresLedger | None" = None

    def __init__(self, server: PostgresDatabase, starts: Starts) -> None:
        self._server = server
        self._starts = starts

    def make(self, name: str, settings: Mapping[str, Any]) -> Head:
        """A world from the starting state. Raises AlreadyExistsError."""
        self._starts.find("seed")
        kept = json.dumps(dict(settings))

        def made(session: Session) -> Head:
            image = self._starts.copy(session, "seed")
            return self._insert(session, name, image, self._starts.clock("seed"), kept)

        if self.quotas is not None or self._starts.shifts("seed"):
            return self._server.transact(made, copies=True)
        clock = _clock(self._starts.clock("seed"))
        try:
            head = heads.head_of(self._starts.copy_for("seed", heads.INSERT_COPY, name, *clock, kept))
        except asyncpg.UniqueViolationError:
            raise AlreadyExistsError("world", name) from None
        assert head is not None
        return head

    def fork(self, source: str, name: str) -> Head:
        """Without a lock: the copy is of one state, and others write to the source meanwhile. Raises
        NotFoundError, AlreadyExistsError."""

        def forked(session: Session) -> Head:
            head = heads.head_of(session.row(heads.READ, source))
            if head is None:
                raise NotFoundError("world", source)
            state = {"ahead_ms": head.ahead_ms, "frozen_at_ms": head.frozen_at_ms}
            copy = images.copy(session, head.image)
            try:
                return self._insert(session, name, copy, state, head.settings)
            except asyncpg.SerializationError:
                # Another one was made since this transaction began.
                raise AlreadyExistsError("world", name) from None

        return self._server.transact(forked, mode=COPY_ONE_STATE, copies=True)

    @contextmanager
    def hidden_copy(self, source: str) -> Iterator[tuple[str, Head]]:
        """The name and head of a copy that no request can name, deleted afterwards. Raises NotFoundError."""
        name = f"{HIDDEN}{uuid4().hex}"
        head = self.fork(source, name)
        try:
            yield name, head
        finally:
            self.delete(name)

    def reset(self, name: str, to: Literal["seed", "empty"]) -> None:
        """Raises WorldReplacedError."""
        self._starts.find(to)
        if self.quotas is not None or self._starts.shifts(to):
            self._switch(name, lambda session: (self._starts.copy(session, to), self._starts.clock(to)))
            return
        row = self._starts.copy_for(to, _SWITCH_TO_COPY, name, *_clock(self._starts.clock(to)))
        if not row[0]:
            raise _deleted()

    def restore(self, name: str, snapshot: str) -> None:
        """Raises NotFoundError, WorldReplacedError."""
        self._switch(name, lambda session: snapshots.copy(session, name, snapshot))

    def delete(self, name: str) -> bool:
        """Whether there was such a world."""

        lock_timeout_ms = str(self._server.address.options.lock_timeout_ms)
        return bool(self._server.row(_DELETE, name, lock_timeout_ms)[0])

    def _insert(
        self, session: Session, name: str, image: int, state: Mapping[str, int | None], settings: str
    ) -> Head:
        head = heads.head_of(session.row(heads.INSERT, name, image, *_clock(state), settings))
        if head is None:
            raise AlreadyExistsError("world", name)
        if self.quotas is not None and not name.startswith(HIDDEN):
            self.quotas.check_image(session, name, 1)
        return head

    def _switch(self, name: str, copied: Callable[[Session], tuple[int, Mapping[str, int | None]]]) -> None:
        """Let a world have another image; others wait for the change of the pointer alone."""

        def switched(session: Session) -> None:
            image, state = copied(session)
            if not images.switch(session, name, image, state):
                raise _deleted()
            if self.quotas is not None:
                self.quotas.check_image(session, name)

        self._server.transact(switched, copies=True)


def _clock(state: Mapping[str, int | None]) -> tuple[int, int | None]:
    return state["ahead_ms"] or 0, state["frozen_at_ms"]


def _deleted() -> WorldReplacedError:
    return WorldReplacedError("the world was deleted meanwhile")
