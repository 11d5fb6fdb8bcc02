"""Snapshots: images that a name stands for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audience_mock.core.errors import LimitExceededError, NotFoundError, WorldReplacedError
from audience_mock.core.postgres import head as heads
from audience_mock.core.postgres import images
from audience_mock.core.postgres.database import COPY_ONE_STATE, PostgresDatabase, Session
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.core.worlds import snapshots as limits
from audience_mock.core.worlds.names import NAME, check_name

if TYPE_CHECKING:
    from audience_mock.core.postgres.quotas import PostgresLedger

_NAMES = f"SELECT name FROM {SCHEMA}.snapshots WHERE world = $1 ORDER BY name"
_FIND = "SELECT image, ahead_ms, frozen_at_ms FROM snapshots WHERE world = $1 AND name = $2"
_DELETE = "DELETE FROM snapshots WHERE world = $1 AND name = $2 RETURNING image"
_PUT = "INSERT INTO snapshots (world, name, image, ahead_ms, frozen_at_ms) VALUES ($1, $2, $3, $4, $5)"


def names(server: PostgresDatabase, world: str) -> list[str]:
    """Those of a world, sorted."""
    return [row[0] for row in server.rows(_NAMES, world)]


def create(server: PostgresDatabase, world: str, snapshot: str, quotas: "PostgresLedger | None") -> None:
    """Keep what a world holds now, replacing an older snapshot of that name. Raises InvalidNameError,
    LimitExceededError, WorldReplacedError, StorageQuotaExceededError."""
    check_name(snapshot)
    there = names(server, world)
    if snapshot not in there and len(there) >= limits.MAX_SNAPSHOTS:
        raise LimitExceededError(f"a world has {limits.MAX_SNAPSHOTS} snapshots at most: delete one first")

    def created(session: Session) -> None:
        head = heads.head_of(session.row(heads.READ, world))
        if head is None:
            raise WorldReplacedError("the world was deleted meanwhile")
        image = images.copy(session, head.image)
        if quotas is not None:
            quotas.check_snapshot(session, world, images.size_bytes(session, image))
        replaced = session.row(_DELETE, world, snapshot)
        if replaced is not None:
            images.leave(session, replaced[0])
        session.run(_PUT, world, snapshot, image, head.ahead_ms, head.frozen_at_ms)
        if quotas is not None:
            quotas.measure_snapshots(session, world)

    server.transact(created, mode=COPY_ONE_STATE, copies=True)


def copy(session: Session, world: str, snapshot: str) -> tuple[int, Mapping[str, int | None]]:
    """A new image with the rows of a snapshot, and the state of its clock. Raises NotFoundError."""
    row = _row(session, _FIND, world, snapshot)
    if row is None:
        raise NotFoundError("snapshot", snapshot)
    image, ahead_ms, frozen_at_ms = row
    return images.copy(session, image), {"ahead_ms": ahead_ms, "frozen_at_ms": frozen_at_ms}


def delete(server: PostgresDatabase, world: str, snapshot: str, quotas: "PostgresLedger | None") -> None:
    """Raises NotFoundError."""

    def deleted(session: Session) -> None:
        row = _row(session, _DELETE, world, snapshot)
        if row is None:
            raise NotFoundError("snapshot", snapshot)
        images.leave(session, row[0])
        if quotas is not None:
            quotas.measure_snapshots(session, world)

    server.transact(deleted)


def _row(session: Session, text: str, world: str, snapshot: str) -> Any:
    """None for a name that no snapshot can have, some of which PostgreSQL rejects."""
    return session.row(text, world, snapshot) if NAME.fullmatch(snapshot) else None
