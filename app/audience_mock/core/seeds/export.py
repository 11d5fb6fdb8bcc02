"""A state: all that a world holds, exported as a seed.

It is read from a copy of the world, some rows at a time: other requests are answered meanwhile, and what they
change is not in it. Not in a state: the world's settings, its snapshots, its counts of rate limits, and its
source of randomness.
"""

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json
from sqlalchemy import func, select

from audience_mock.core.errors import InvalidStateError
from audience_mock.core.seeds.rows import Large, Row, rows, seconds
from audience_mock.core.steps import let_others_run
from audience_mock.core.store.tables import UploadPart, UserBlock, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.world import World

if TYPE_CHECKING:
    from audience_mock.core.worlds.recording import Recording

MAX_BYTES = 128 << 20
"""Bytes of users (four million digests) and of parts of uploads in a state, a third more as base64. Chosen: a
body of /__admin may have twice that."""

STEP_ROWS = 500
"""Rows that are written before other requests are answered: some milliseconds."""

_blocks, _parts = table_of(UserBlock), table_of(UploadPart)
_HELD_BYTES = (
    select(func.coalesce(func.sum(func.length(_blocks.c.digests)), 0)),
    select(func.coalesce(func.sum(_parts.c.size_bytes), 0)),
)


async def export_state(world: World) -> bytes:
    """The JSON text of a seed, a line for each row. Raises InvalidStateError if there are too many users."""
    async with copy_of(world) as (tx, clock):
        return await _export(tx, clock)


async def export_start(recording: "Recording", world: World) -> bytes:
    """As `export_state`, of what a recorded world held at first."""
    tx = recording.held_at_first(world.rules)
    _check_bytes(_count_bytes(tx))
    return await _export(tx, {"now": seconds(tx.now_ms), "frozen": recording.was_frozen})


async def _export(tx: Transaction, clock: Mapping[str, Any]) -> bytes:
    sections: dict[str, list[bytes]] = {}
    async for row in in_steps(rows(tx, in_full)):
        sections.setdefault(row.section, []).append(_written(row))
    pieces = [b'"clock":%b' % to_json(clock)]
    for section, lines in sections.items():
        template = b'"%b":{\n%b\n}' if section == "sequences" else b'"%b":[\n%b\n]'
        pieces.append(template % (section.encode(), b",\n".join(lines)))
    return b"{\n" + b",\n".join(pieces) + b"\n}\n"


def _written(row: Row) -> bytes:
    match row.section:
        case "sequences":
            return b"%b:%d" % (to_json(row.identity["name"]), row.fields["next"])
        case "facebook_ids":
            return to_json(row.fields["facebook_id"])
        case "people":
            return to_json(row.identity["digest"])
        case "uploads":
            return to_json({name: one for name, one in row.identity.items() if name != "number"} | row.fields)
        case _:
            return to_json(row.identity | row.fields)


@asynccontextmanager
async def copy_of(world: World) -> AsyncIterator[tuple[Transaction, dict[str, Any]]]:
    """A copy of a world's rows as they are now, and its clock. Raises InvalidStateError."""
    if world.exclusive.blocks_reads:
        await world.exclusive.wait()
    _check_bytes(await world.read(_count_bytes))
    with world.frozen_copy() as tx:
        yield tx, {"now": seconds(tx.now_ms), "frozen": world.clock.frozen}


def _check_bytes(held_bytes: int) -> None:
    if held_bytes > MAX_BYTES:
        raise InvalidStateError(
            f"this world holds {held_bytes} bytes of users and of parts of uploads, and a state has"
            f" {MAX_BYTES} at most: take a snapshot, or fork the world"
        )


def _count_bytes(tx: Transaction) -> int:
    return sum(tx.execute(held).scalar_one() for held in _HELD_BYTES)


async def in_steps(rows: Iterable[Row]) -> AsyncIterator[Row]:
    for number, row in enumerate(rows, start=1):
        yield row
        if number % STEP_ROWS == 0:
            await let_others_run()


def in_full(parts: Iterable[bytes], width: int) -> Large:
    """As a seed has it."""
    return [base64.b64encode(part).decode() for part in parts]
