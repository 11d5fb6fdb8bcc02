"""Uploaded users: lines checked while they stream in, distinct digests kept, never a file in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import insert, select, update

from audience_mock.core.audiences import changes, queries
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.tables import Audience, Upload, UserBlock, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import user_sets
from audience_mock.core.users.digests import DIGEST_BYTES, HELD_BYTES, each, import_numpy
from audience_mock.core.users.user_lines import UserLines
from audience_mock.core.worlds.world import World

_blocks = table_of(UserBlock)
_uploads = table_of(Upload)
_audiences = table_of(Audience)
_ADD_UPLOAD = insert(_uploads)


async def prepare_for(file_bytes: int) -> None:
    """Get ready for a file of about this size, while other requests go on."""
    if file_bytes > HELD_BYTES:
        await asyncio.to_thread(import_numpy)


async def create_audience(
    world: World, users: UserLines, *, columns: Mapping[str, Any], **audience: Any
) -> AudienceRow:
    """Keep a finished file's users and make the audience that has them; arguments as audiences.create.

    A large set is written part by part, so that other requests are answered in between; it belongs to no
    audience until the last step, which makes the audience and the report in one transaction.
    """
    async with _keep(world, users, None) as kept:
        return await world.transact(_create, users=users, kept=kept, audience=audience | {"columns": columns})


async def add_users(world: World, users: UserLines, *, key: int) -> AudienceRow:
    """Keep a finished file's users in the audience `key` beside those that it has; answers it as it is then.

    Raises NotFoundError if the audience is removed meanwhile.
    """
    while True:
        before = await world.read(queries.find_by_key, key=key)
        async with _keep(world, users, before.user_set) as kept:
            after = await world.transact(_add, users=users, kept=kept, before=before)
            if after is not None:
                return after
        # Another upload to the same audience was faster: its users are there now, so once more.


@asynccontextmanager
async def _keep(world: World, users: UserLines, old_set: int | None) -> AsyncIterator[user_sets.Written]:
    """Write the union of a set and the users of a file as a new set; dropped again if the body fails or
    leaves it to no audience."""
    users.finish()
    report, matcher = users.report, await world.read(user_sets.matcher)
    report.distinct = report.matched = 0

    async def of_file() -> AsyncIterator[bytes]:
        for digests in users.digests.parts():
            report.distinct += len(digests) // DIGEST_BYTES
            report.matched += matcher.count(digests)
            yield digests

    old_users = 0

    async def of_audience() -> AsyncIterator[bytes]:
        nonlocal old_users
        async for digests in user_sets.read(world, old_set):
            old_users += len(digests) // DIGEST_BYTES
            yield digests

    async with user_sets.writing(world, user_sets.union(of_audience(), of_file())) as kept:
        report.added = kept.users - old_users
        yield kept


def _create(
    tx: Transaction, *, users: UserLines, kept: user_sets.Written, audience: dict[str, Any]
) -> AudienceRow:
    columns = {**audience["columns"], "user_type": users.user_type, "user_set": kept.user_set}
    made = changes.create(tx, **audience | {"people": kept.people, "columns": columns})
    _report(tx, users, made)
    return made


def _add(
    tx: Transaction, *, users: UserLines, kept: user_sets.Written, before: AudienceRow
) -> AudienceRow | None:
    """None if the set that was added to is no longer the audience's."""
    now = queries.find_by_key(tx, key=before.key)
    if now.user_set != before.user_set:
        return None
    values = {"user_set": kept.user_set, "people": kept.people, "updated_at_ms": tx.now_ms}
    tx.execute(update(_audiences).where(_audiences.c.key == before.key).values(values))
    user_sets.drop(tx, user_set=before.user_set)
    _report(tx, users, now)
    return queries.find_by_key(tx, key=before.key)


def _report(tx: Transaction, users: UserLines, audience: AudienceRow) -> None:
    row = {
        **vars(users.report),
        "audience_key": audience.key,
        "received_at_ms": tx.now_ms,
        "user_type": users.user_type,
        "invalid_lines": json.dumps(users.report.invalid_lines),
    }
    tx.execute(_ADD_UPLOAD, row)


def users_of(tx: Transaction, *, user_set: int) -> Iterator[bytes]:
    """The digests of a set, sorted."""
    parts = select(_blocks.c.digests).where(_blocks.c.user_set == user_set).order_by(_blocks.c.part)
    for (digests,) in tx.execute(parts):
        yield from each(digests)


def list_reports(tx: Transaction, *, limit: int) -> list[dict[str, Any]]:
    """The last uploads, newest first, each with the ids of its audience; `invalid_lines` as line and why."""
    c, a = _uploads.c, _audiences.c
    rows = tx.execute(
        select(a.number.label("audience"), a.facebook_id, a.account, _uploads)
        .join_from(_uploads, _audiences, c.audience_key == a.key)
        .order_by(c.key.desc())
        .limit(limit)
    )
    return [
        {
            **{name: value for name, value in row._mapping.items() if name not in ("key", "audience_key")},
            "duplicate": row.valid - row.distinct,
            "invalid_lines": [{"line": line, "why": why} for line, why in json.loads(row.invalid_lines)],
        }
        for row in rows
    ]
