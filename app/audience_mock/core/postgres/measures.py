"""How much worlds hold, and when they were used."""

from collections.abc import Collection

from audience_mock.core.postgres import pickled
from audience_mock.core.postgres.database import PostgresDatabase
from audience_mock.core.postgres.lifecycle import HIDDEN
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.core.worlds.measures import Totals, WorldState
from audience_mock.core.worlds.world import World

_USED_AT = f"SELECT extract(epoch FROM used_at)::float8 FROM {SCHEMA}.worlds WHERE name = $1"
_STATE = f"""SELECT {SCHEMA}.image_bytes(w.image), extract(epoch FROM w.used_at)::float8,
    (SELECT coalesce(sum(held_bytes), 0)::bigint FROM {SCHEMA}.journals AS j WHERE j.image = w.image),
    (SELECT count(*) FROM {SCHEMA}.snapshots AS s WHERE s.world = w.name),
    (SELECT coalesce(sum({SCHEMA}.image_bytes(s.image)), 0)::bigint FROM {SCHEMA}.snapshots AS s
        WHERE s.world = w.name)
    FROM {SCHEMA}.worlds AS w WHERE w.name = $1"""

# The size of its tables, not of their rows, which would all be read.
_TOTALS = f"""SELECT (SELECT count(*) FROM {SCHEMA}.worlds WHERE name NOT LIKE '{HIDDEN}%'),
    (SELECT coalesce(sum(pg_table_size(oid) + pg_indexes_size(oid)), 0)::bigint FROM pg_class
        WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'r'),
    (SELECT coalesce(sum(entries), 0)::bigint FROM {SCHEMA}.journals),
    (SELECT coalesce(sum(held_bytes), 0)::bigint FROM {SCHEMA}.journals)"""
_ALL_FAULTS = f"SELECT planned FROM {SCHEMA}.faults"


def state_of(server: PostgresDatabase, name: str) -> WorldState:
    """Of a world; one that is not there holds nothing."""
    row = server.row(_STATE, name)
    if row is None:
        return WorldState(name, 0, 0, 0, 0.0, 0, False)
    rows_bytes, used_at_s, journal_bytes, snapshots, snapshot_bytes = row
    return WorldState(name, rows_bytes, snapshot_bytes, journal_bytes, used_at_s, snapshots, True)


def totals(server: PostgresDatabase, opened: Collection[World]) -> Totals:
    """Of all worlds, of which this server has used those of `opened`."""
    worlds, size_bytes, entries, journal_bytes = server.row(_TOTALS)
    return Totals(
        worlds=worlds,
        opened=len(opened),
        database_bytes=size_bytes,
        journal_entries=entries,
        journal_bytes=journal_bytes,
        long_operations=sum(len(world.long_operations) for world in opened),
        waiting=0,
        faults_planned=sum(len(pickled.read(row[0]).planned) for row in server.rows(_ALL_FAULTS)),
    )


def last_use_s(server: PostgresDatabase, name: str) -> float:
    row = server.row(_USED_AT, name)
    return 0.0 if row is None else row[0]
