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

if TYPE_CHECKING:
    from audience_mock.core.postgres.quotas import PostgresLedger

HIDDEN = "@"
"""How the name of a world begins that no request can name."""

_DELETE = "DELETE FROM worlds WHERE name = $1 RETURNING image"


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

        def made(session: Session) -> Head:
            image = self._starts.copy(session, "seed")
            return self._insert(session, name, image, self._starts.clock("seed"), json.dumps(dict(settings)))

        return self._server.transact(made, copies=True)

    def fork(self, source: str, name: str) -> None:
        """Without a lock: the copy is of one state, and others write to the source meanwhile. Raises
        NotFoundError, AlreadyExistsError."""

        def forked(session: Session) -> None:
            head = heads.head_of(session.row(heads.READ, source))
            if head is None:
                raise NotFoundError("world", source)
            state = {"ahead_ms": head.ahead_ms, "frozen_at_ms": head.frozen_at_ms}
            self._insert(session, name, images.copy(session, head.image), state, head.settings)

        try:
            self._server.transact(forked, mode=COPY_ONE_STATE, copies=True)
        except asyncpg.SerializationError:
            raise AlreadyExistsError("world", name) from None

    @contextmanager
    def hidden_copy(self, source: str) -> Iterator[str]:
        """The name of a copy that no request can name, deleted afterwards. Raises NotFoundError."""
        name = f"{HIDDEN}{uuid4().hex}"
        self.fork(source, name)
        try:
            yield name
        finally:
            self.delete(name)

    def reset(self, name: str, to: Literal["seed", "empty"]) -> None:
        """Raises WorldReplacedError."""
        self._starts.find(to)
        self._switch(name, lambda session: (self._starts.copy(session, to), self._starts.clock(to)))

    def restore(self, name: str, snapshot: str) -> None:
        """Raises NotFoundError, WorldReplacedError."""
        self._switch(name, lambda session: snapshots.copy(session, name, snapshot))

    def delete(self, name: str) -> bool:
        """Whether there was such a world."""

        def deleted(session: Session) -> bool:
            row = session.row(_DELETE, name)
            snapshots.delete_all(session, name)
            if row is not None:
                images.leave(session, row[0])
            if self.quotas is not None:
                self.quotas.forget_world(session, name)
            return row is not None

        return self._server.transact(deleted)

    def _insert(
        self, session: Session, name: str, image: int, state: Mapping[str, int | None], settings: str
    ) -> Head:
        clock = (state["ahead_ms"] or 0, state["frozen_at_ms"])
        head = heads.head_of(session.row(heads.INSERT, name, image, *clock, settings))
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
                raise WorldReplacedError("the world was deleted meanwhile")
            if self.quotas is not None:
                self.quotas.check_image(session, name)

        self._server.transact(switched, copies=True)
