"""Files of users that were uploaded: kept as the users of an audience, with a report for each."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import insert, select, update

from audience_mock.core.audiences import changes, queries
from audience_mock.core.audiences.lifecycle import INITIALIZING
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.statements import Prepared
from audience_mock.core.store.tables import Audience, Upload, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import magic, samples, user_sets
from audience_mock.core.users.digests import DIGEST_BYTES
from audience_mock.core.users.user_lines import UserLines
from audience_mock.core.worlds.world import World

_uploads = table_of(Upload)
_audiences = table_of(Audience)
_INSERT_REPORT = Prepared(
    insert(_uploads), columns=[column.name for column in _uploads.c if column.name != "key"]
)

SMALL_BYTES = 64 << 10
"""Digests that are written in one transaction: 2,000 users, which takes about a millisecond. Chosen."""


async def create_audience(
    world: World, users: UserLines, *, columns: Mapping[str, Any], **audience: Any
) -> AudienceRow:
    """Create an audience with the users of a whole file; arguments as `changes.create`.

    A small set is written in the transaction that creates the audience and the report. A large one is written
    part by part, so that other requests are answered in between; it has no owner until the last step. Raises
    RejectedIdentityError.
    """
    users.finish()
    effects = await _take_effect(users)
    audience["columns"] = {**columns, **_status_columns(world, effects)}
    if users.digests.size_bytes <= SMALL_BYTES:
        row = await world.transact(_create_small, users=users, audience=audience)
    else:
        async with _writing(world, users, None) as written:
            row = await world.transact(_create, users=users, written=written, audience=audience)
            written.owned = True
            await users.digests.release()
    samples.keep(world, users.sample, type=users.user_type, audience=row.number)
    effects.raise_if_failed()
    return row


async def add_users(world: World, users: UserLines, *, key: int) -> AudienceRow:
    """Add the users of a whole file to the audience `key`; returns it as it is then.

    Raises NotFoundError if the audience is deleted meanwhile, and RejectedIdentityError.
    """
    users.finish()
    effects = await _take_effect(users)
    columns = _status_columns(world, effects)
    while True:
        before = await world.read(queries.find_by_key, key=key)
        async with _writing(world, users, before.user_set) as written:
            after = await world.transact(_add, users=users, written=written, before=before, columns=columns)
            if after is not None:
                written.owned = True
                await users.digests.release()
                samples.keep(world, users.sample, type=users.user_type, audience=after.number)
                effects.raise_if_failed()
                return after
        # Another upload to the same audience was committed first: merge with its users, too.


async def _take_effect(users: UserLines) -> magic.Effects:
    """What the magic identities in a whole file do, to the file itself already. Raises
    RejectedIdentityError."""
    await users.digests.sort()
    effects = magic.effects_of(users.digests)
    users.digests = await magic.without_invalid(users.digests, effects)
    users.report.valid -= effects.invalid
    users.report.invalid += effects.invalid
    return effects


def _status_columns(world: World, effects: magic.Effects) -> dict[str, Any]:
    """As a test's override of the status: see `audiences.overrides`."""
    status = effects.audience_status
    if status is None:
        return {}
    return {"held_status": status, "policy": None} | (
        {} if status == INITIALIZING else {"ready_at_ms": world.clock.now_ms()}
    )


@asynccontextmanager
async def _writing(
    world: World, users: UserLines, old_set: int | None
) -> AsyncIterator[user_sets.WrittenSet]:
    """Write the union of a set and the users of a file as a new set."""
    report, matcher = users.report, await world.read(user_sets.matcher)
    report.distinct = report.matched = 0

    async def of_file() -> AsyncIterator[bytes]:
        async for digests in user_sets.as_run(users.digests):
            report.count_distinct(digests, await matcher.count_in_steps(digests))
            yield digests

    old_users = 0

    async def of_audience() -> AsyncIterator[bytes]:
        nonlocal old_users
        async for digests in user_sets.read(world, old_set):
            old_users += len(digests) // DIGEST_BYTES
            yield digests

    async with user_sets.writing(world, user_sets.union(of_audience(), of_file())) as written:
        report.added = written.users - old_users
        yield written


def _create_small(tx: Transaction, *, users: UserLines, audience: dict[str, Any]) -> AudienceRow:
    report, matcher = users.report, user_sets.matcher(tx)
    digests = b"".join(users.digests.parts())
    report.count_distinct(digests, matcher.count(digests))
    report.added = report.distinct
    user_set = user_sets.insert_set(tx, digests)
    written = user_sets.WrittenSet(user_set, report.distinct, report.matched)
    return _create(tx, users=users, written=written, audience=audience)


def _create(
    tx: Transaction, *, users: UserLines, written: user_sets.WrittenSet, audience: dict[str, Any]
) -> AudienceRow:
    columns = {**audience["columns"], "user_type": users.user_type, "user_set": written.user_set}
    row = changes.create(tx, **audience | {"people": written.people, "columns": columns})
    _insert_report(tx, users, row)
    return row


def _add(
    tx: Transaction,
    *,
    users: UserLines,
    written: user_sets.WrittenSet,
    before: AudienceRow,
    columns: Mapping[str, Any],
) -> AudienceRow | None:
    """None if the audience has another set by now."""
    now = queries.find_by_key(tx, key=before.key)
    if now.user_set != before.user_set:
        return None
    values = {**columns, "user_set": written.user_set, "people": written.people, "updated_at_ms": tx.now_ms}
    tx.execute(update(_audiences).where(_audiences.c.key == before.key).values(values))
    user_sets.delete_set(tx, user_set=before.user_set)
    _insert_report(tx, users, now)
    return queries.find_by_key(tx, key=before.key)


def _insert_report(tx: Transaction, users: UserLines, audience: AudienceRow) -> None:
    row = {
        **vars(users.report),
        "audience_key": audience.key,
        "received_at_ms": tx.now_ms,
        "user_type": users.user_type,
        "invalid_lines": json.dumps(users.report.invalid_lines),
    }
    tx.insert(_INSERT_REPORT, row)


def list_reports(tx: Transaction, *, limit: int) -> list[dict[str, Any]]:
    """The latest uploads, newest first, each with the ids of its audience."""
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
