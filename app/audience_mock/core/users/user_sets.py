"""Sets of users in the store: sorted digests in parts, read and written part by part, joined as they lie.

A set that is being written belongs to nobody; whoever is to have it takes it in a transaction of its own.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from sqlalchemy import bindparam, delete, insert, select

from audience_mock.core.store import ids
from audience_mock.core.store.tables import Audience, CustomerList, KnownUser, UserBlock, table_of
from audience_mock.core.users.digests import DIGEST_BYTES, LINK_BYTES, Digests, each, sorted_distinct
from audience_mock.core.users.match_rate import is_matched
from audience_mock.core.worlds.world import Transaction, World

PART_BYTES = 2 << 20
"""What a part of a set has at most, or one digest more than its share of a very large file."""

MANY_BYTES = 1 << 20
"""A part of more than this means a set of many users. Chosen: half of what a part has at most."""

_blocks = table_of(UserBlock)
_audiences, _lists = table_of(Audience).c, table_of(CustomerList).c
_ADD_PART = insert(_blocks)
_PART = select(_blocks.c.digests).where(
    _blocks.c.user_set == bindparam("of_set"), _blocks.c.part == bindparam("of_part")
)
_DROP = delete(_blocks).where(_blocks.c.user_set == bindparam("of_set"))
_OWNERS = (
    select(_audiences.key).where(_audiences.user_set == bindparam("of_set")),
    select(_lists.number).where(_lists.user_set == bindparam("of_set")),
    select(_lists.number).where(_lists.link_set == bindparam("of_set")),
)


@dataclass
class Written:
    """A set that was written and that nobody has yet; `people` are its matched users."""

    user_set: int
    users: int = 0
    people: int = 0


@dataclass(frozen=True)
class Matcher:
    """Who is known to a provider: by the match rate, or because a seed says so."""

    rate: float
    known: frozenset[bytes]

    def count(self, digests: bytes) -> int:
        if self.rate >= 1:
            return len(digests) // DIGEST_BYTES
        return sum(is_matched(digest, self.rate) or digest in self.known for digest in each(digests))


def matcher(tx: Transaction) -> Matcher:
    """The world's own; the people whom a seed made known are few."""
    known = frozenset(tx.execute(select(table_of(KnownUser).c.digest)).scalars())
    return Matcher(tx.rules.match_rate, known)


@asynccontextmanager
async def writing(
    world: World, run: AsyncIterator[bytes], *, width: int = DIGEST_BYTES
) -> AsyncIterator[Written]:
    """Write sorted, distinct digests (or links, by their `width`) as a new set; dropped again if the body
    fails or leaves it to nobody."""
    with world.interruptible():
        matching = await world.read(matcher)
        written = Written(await world.transact(_new_set))
        try:
            part, pending = 0, b""

            async def keep(digests: bytes) -> None:
                if len(digests) > MANY_BYTES:
                    world.database.expect_many_users()
                await world.transact(_add_part, user_set=written.user_set, part=part, digests=digests)
                # Others get their turn.
                await asyncio.sleep(0)

            async for digests in run:
                if width == DIGEST_BYTES:
                    written.people += matching.count(digests)
                written.users += len(digests) // width
                if pending and len(pending) + len(digests) > PART_BYTES:
                    await keep(pending)
                    part, pending = part + 1, b""
                pending += digests
            if pending:
                await keep(pending)
            yield written
        finally:
            await world.transact(_drop_if_unowned, user_set=written.user_set)


async def read(world: World, user_set: int | None) -> AsyncIterator[bytes]:
    """The parts of a set that is there; none of None."""
    part = 0
    while user_set is not None and (digests := await world.read(_part, user_set=user_set, part=part)):
        part += 1
        yield digests


async def run_of(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def union(
    left: AsyncIterator[bytes], right: AsyncIterator[bytes], *, width: int = DIGEST_BYTES
) -> AsyncIterator[bytes]:
    """Two runs as one; holds a part of each."""
    async for a, b in _side_by_side(left, right, width, width):
        yield sorted_distinct(a + b, width) if a and b else a + b


async def without(left: AsyncIterator[bytes], right: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The digests of the left run that the right one has not."""
    async for a, b in _side_by_side(left, right, DIGEST_BYTES, DIGEST_BYTES):
        kept = a
        if a and b:
            gone = set(each(b))
            kept = b"".join(digest for digest in each(a) if digest not in gone)
        if kept:
            yield kept


async def linked(run: AsyncIterator[bytes], links: AsyncIterator[bytes]) -> Digests:
    """The digests of the run, each that a link begins with in the place of which stands its end.

    The bag is the caller's to close.
    """
    bag = Digests()
    try:
        async for digests, part in _side_by_side(run, links, DIGEST_BYTES, LINK_BYTES):
            if digests and part:
                ends = {link[:DIGEST_BYTES]: link[DIGEST_BYTES:] for link in each(part, LINK_BYTES)}
                bag.add(b"".join(ends.get(digest, digest) for digest in each(digests)))
            elif digests:
                bag.add(digests)
            await asyncio.sleep(0)
    except BaseException:
        bag.close()
        raise
    return bag


async def _side_by_side(
    left: AsyncIterator[bytes], right: AsyncIterator[bytes], left_width: int, right_width: int
) -> AsyncIterator[tuple[bytes, bytes]]:
    """Pieces of two sorted runs that end at the same digest; an entry is sorted by its first digest."""
    a, b = await anext(left, b""), await anext(right, b"")
    while a or b:
        if a and b:
            cut = min(a[-left_width:][:DIGEST_BYTES], b[-right_width:][:DIGEST_BYTES])
            in_a, in_b = _up_to(a, cut, left_width), _up_to(b, cut, right_width)
            yield a[:in_a], b[:in_b]
            a, b = a[in_a:] or await anext(left, b""), b[in_b:] or await anext(right, b"")
        elif a:
            yield a, b""
            a = await anext(left, b"")
        else:
            yield b"", b
            b = await anext(right, b"")


def _up_to(entries: bytes, last: bytes, width: int) -> int:
    """How many bytes of sorted entries hold those up to the digest `last`, itself included."""
    count = len(entries) // width
    return width * bisect_right(
        range(count), last, key=lambda at: entries[at * width : at * width + DIGEST_BYTES]
    )


def _new_set(tx: Transaction) -> int:
    return tx.new_id(ids.USER_SET)


def _part(tx: Transaction, *, user_set: int, part: int) -> bytes:
    found = tx.execute(_PART, {"of_set": user_set, "of_part": part}).scalar_one_or_none()
    return cast(bytes, found or b"")


def _add_part(tx: Transaction, *, user_set: int, part: int, digests: bytes) -> None:
    tx.execute(_ADD_PART, {"user_set": user_set, "part": part, "digests": digests})


def plant(tx: Transaction, digests: bytes, width: int = DIGEST_BYTES) -> int:
    """Write a set of sorted, distinct digests, or links by their `width`, at once; answers it."""
    user_set = _new_set(tx)
    step = PART_BYTES // width * width
    for part, at in enumerate(range(0, len(digests), step)):
        _add_part(tx, user_set=user_set, part=part, digests=digests[at : at + step])
    return user_set


def drop(tx: Transaction, *, user_set: int | None) -> None:
    """Nobody has this set any more."""
    if user_set is not None:
        tx.execute(_DROP, {"of_set": user_set})


def _drop_if_unowned(tx: Transaction, *, user_set: int) -> None:
    if all(tx.execute(owner, {"of_set": user_set}).first() is None for owner in _OWNERS):
        drop(tx, user_set=user_set)
