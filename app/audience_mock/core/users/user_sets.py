"""Sets of users in the store: sorted digests in parts, read, written and merged part by part.

A set that is being written has no owner; an audience or a customer list becomes its owner in a transaction
of its own.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import bindparam, delete, exists, insert, select

from audience_mock.core.steps import let_others_run
from audience_mock.core.store import ids
from audience_mock.core.store.statements import Prepared, Query
from audience_mock.core.store.tables import KnownUser, UserBlock, table_of
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import magic
from audience_mock.core.users.digests import (
    DIGEST_BYTES,
    LINK_BYTES,
    Digests,
    each,
    find_sorted,
    sorted_distinct,
)
from audience_mock.core.users.match_rate import is_matched
from audience_mock.core.worlds.world import World

PART_BYTES = 2 << 20
"""The size of a part, except for parts of one bucket of a very large file."""

MANY_BYTES = 1 << 20
"""A part of more than this means a set of many users. Chosen: half of what a part has at most."""

_blocks = table_of(UserBlock)
_INSERT_PART = Prepared(insert(_blocks), columns=("user_set", "part", "digests"))
_next = _blocks.alias()


class _Part(NamedTuple):
    digests: bytes
    has_next: bool


_PART = Query(
    _Part,
    select(
        _blocks.c.digests,
        exists()
        .where(_next.c.user_set == _blocks.c.user_set, _next.c.part == _blocks.c.part + 1)
        .label("has_next"),
    ).where(_blocks.c.user_set == bindparam("of_set"), _blocks.c.part == bindparam("of_part")),
)
_DELETE = Prepared(delete(_blocks).where(_blocks.c.user_set == bindparam("of_set")))


@dataclass
class WrittenSet:
    """A set that was written. Set `owned` once a committed row refers to it: else it is deleted again."""

    user_set: int
    users: int = 0
    people: int = 0
    """Matched users."""
    owned: bool = False


@dataclass(frozen=True)
class Matcher:
    """Which people a provider knows: by the match rate, or because a seed says so."""

    rate: float
    known: frozenset[bytes]
    unknown: Mapping[bytes, object] = field(default_factory=dict)
    """People whom it does not know, whatever the rate is; sorted. None of them is known."""

    def count(self, digests: bytes) -> int:
        """How many of these, sorted and distinct, it knows."""
        unknown = find_sorted(digests, self.unknown) if self.unknown else ()
        if self.rate >= 1:
            return len(digests) // DIGEST_BYTES - len(unknown)
        matched = sum(is_matched(digest, self.rate) or digest in self.known for digest in each(digests))
        return matched - sum(is_matched(digest, self.rate) for digest in unknown)


def matcher(tx: Transaction) -> Matcher:
    """The world's matcher; a seed names a few people at most, who are known whatever their digest is."""
    rate, with_magic = tx.rules.match_rate, tx.rules.magic_identities
    unknown = magic.matched_digests(matched=False) if with_magic else {}
    if rate >= 1:
        return Matcher(rate, frozenset(), unknown)
    named = tx.execute(select(table_of(KnownUser).c.digest)).scalars()
    return Matcher(
        rate, frozenset([*named, *(magic.matched_digests(matched=True) if with_magic else ())]), unknown
    )


@asynccontextmanager
async def writing(
    world: World, run: AsyncIterator[bytes], *, width: int = DIGEST_BYTES
) -> AsyncIterator[WrittenSet]:
    """Write sorted, distinct digests (or links, by their `width`) as a new set, which is deleted again unless
    the body makes it owned."""
    with world.interruptible():
        matching = await world.read(matcher)
        written = WrittenSet(await world.transact(_new_set))
        try:
            part, pending = 0, b""

            async def write_part(digests: bytes) -> None:
                if len(digests) > MANY_BYTES:
                    await world.exclusive.wait()
                    world.database.expect_many_users()
                await world.transact(_insert_part, user_set=written.user_set, part=part, digests=digests)
                # Let other requests run.
                await let_others_run()

            async for digests in run:
                if width == DIGEST_BYTES:
                    written.people += matching.count(digests)
                written.users += len(digests) // width
                if pending and len(pending) + len(digests) > PART_BYTES:
                    await write_part(pending)
                    part, pending = part + 1, b""
                pending += digests
            if pending:
                await write_part(pending)
            yield written
        finally:
            if not written.owned:
                await world.transact(delete_set, user_set=written.user_set)
                await world.give_space_back()


async def read(world: World, user_set: int | None) -> AsyncIterator[bytes]:
    """The parts of a set; None has none."""
    part, more = 0, user_set is not None
    while more and (found := await world.read(_part, user_set=user_set, part=part)) is not None:
        yield found.digests
        part, more = part + 1, found.has_next


def _parts_of(tx: Transaction, *, user_set: int | None) -> Iterator[bytes]:
    """As `read`, in one transaction."""
    part, more = 0, user_set is not None
    while more and (found := _part(tx, user_set=user_set, part=part)) is not None:
        yield found.digests
        part, more = part + 1, found.has_next


async def as_run(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Other requests run after each part: it may have taken a while to make, though little is left of it."""
    for part in parts:
        yield part
        await let_others_run()


async def union(
    left: AsyncIterator[bytes], right: AsyncIterator[bytes], *, width: int = DIGEST_BYTES
) -> AsyncIterator[bytes]:
    """The digests of either run, sorted and distinct. A part of each is in memory at a time."""
    async for a, b in _side_by_side(left, right, width, width):
        yield sorted_distinct(a + b, width) if a and b else a + b


async def difference(left: AsyncIterator[bytes], right: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The digests of the left run that are not in the right one."""
    async for a, b in _side_by_side(left, right, DIGEST_BYTES, DIGEST_BYTES):
        kept = a
        if a and b:
            removed = set(each(b))
            kept = b"".join(digest for digest in each(a) if digest not in removed)
        if kept:
            yield kept


async def linked(run: AsyncIterator[bytes], links: AsyncIterator[bytes]) -> Digests:
    """The digests of the run, each that starts a link replaced by the end of that link.

    The caller closes what is returned.
    """
    replaced = Digests()
    try:
        async for digests, part in _side_by_side(run, links, DIGEST_BYTES, LINK_BYTES):
            if digests and part:
                ends = {link[:DIGEST_BYTES]: link[DIGEST_BYTES:] for link in each(part, LINK_BYTES)}
                replaced.add(b"".join(ends.get(digest, digest) for digest in each(digests)))
            elif digests:
                replaced.add(digests)
            await let_others_run()
    except BaseException:
        replaced.close()
        raise
    return replaced


async def _side_by_side(
    left: AsyncIterator[bytes], right: AsyncIterator[bytes], left_width: int, right_width: int
) -> AsyncIterator[tuple[bytes, bytes]]:
    """Pieces of two sorted runs, cut at the same digests; entries are sorted by their first digest."""
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
    """The number of bytes of the sorted entries up to the digest `last`, inclusive."""
    count = len(entries) // width
    return width * bisect_right(
        range(count), last, key=lambda at: entries[at * width : at * width + DIGEST_BYTES]
    )


def _new_set(tx: Transaction) -> int:
    return tx.new_id(ids.USER_SET)


def _part(tx: Transaction, *, user_set: int | None, part: int) -> _Part | None:
    return tx.one(_PART, {"of_set": user_set, "of_part": part})


def _insert_part(tx: Transaction, *, user_set: int, part: int, digests: bytes) -> None:
    tx.require_space(len(digests))
    tx.insert(_INSERT_PART, {"user_set": user_set, "part": part, "digests": digests})


def insert_set(tx: Transaction, digests: bytes, width: int = DIGEST_BYTES) -> int:
    """Write a set of sorted, distinct digests, or links by their `width`, in this transaction; returns it."""
    user_set = _new_set(tx)
    step = PART_BYTES // width * width
    for part, at in enumerate(range(0, len(digests), step)):
        _insert_part(tx, user_set=user_set, part=part, digests=digests[at : at + step])
    return user_set


def delete_set(tx: Transaction, *, user_set: int | None) -> None:
    if user_set is not None:
        tx.change(_DELETE, {"of_set": user_set})


def magic_status_of(tx: Transaction, *, user_set: int | None) -> str | None:
    """The status that a magic identity in a customer list's set gives to the audiences of the list; None if
    the clock decides. Reads the whole set: call it where one is known to be likely."""
    if not tx.rules.magic_identities:
        return None
    found = (
        digest for part in _parts_of(tx, user_set=user_set) for digest in find_sorted(part, magic.by_digest())
    )
    return magic.effects_by_digest(found).audience_status
