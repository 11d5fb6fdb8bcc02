"""The head of a world: its row, which each request reads and each transaction locks."""

from typing import Any, NamedTuple

from audience_mock.core.postgres.database import Session
from audience_mock.core.postgres.schema import SCHEMA

_COLUMNS = """w.image, w.version, w.ahead_ms, w.frozen_at_ms, w.settings, w.incarnation"""
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms"
_BESIDE = f"""EXISTS (SELECT FROM {SCHEMA}.faults WHERE faults.image = w.image) AS has_faults,
    w.used_at < now() - interval '1 second' AS is_use_old, {_NOW}"""

READ = f"SELECT {_COLUMNS}, {_BESIDE} FROM {SCHEMA}.worlds AS w WHERE w.name = $1"

_INSERT = f"INSERT INTO {SCHEMA}.worlds AS w (name, image, ahead_ms, frozen_at_ms, settings)"
_OF_NEW = f"RETURNING {_COLUMNS}, false AS has_faults, false AS is_use_old, {_NOW}"

INSERT = f"{_INSERT} VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING {_OF_NEW}"

# One of that name is an error, which takes the copy back.
INSERT_COPY = f"{_INSERT} SELECT $3, image, $4::bigint, $5::bigint, $6 FROM made {_OF_NEW}"
"""For `Starts.copy_for`."""

# The outer query runs once the lock is there: the time, and the image that the policy of rows asks for.
_LOCK = f"""SELECT {_COLUMNS}, {_BESIDE}, set_config('{SCHEMA}.image', w.image::text, true)
    FROM (SELECT * FROM {SCHEMA}.worlds WHERE name = $1 FOR UPDATE) AS w"""


class Head(NamedTuple):
    """`version` rises with each change of it, and of tokens; `incarnation` with each start afresh.
    `now_ms` is the time of the database."""

    image: int
    version: int
    ahead_ms: int
    frozen_at_ms: int | None
    settings: str
    incarnation: int
    has_faults: bool
    is_use_old: bool
    now_ms: float


def head_of(row: Any) -> Head | None:
    return None if row is None else Head._make(row[: len(Head._fields)])


def lock(session: Session, name: str) -> Head | None:
    """The head of a world, whose rows the transaction sees from now on; other transactions of the world wait
    for its end. None if there is no such world."""
    return head_of(session.row(_LOCK, name))
