"""A seed applied to a world: all of it, or nothing."""

from dataclasses import dataclass, field
from functools import partial

from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.sections import (
    accounts,
    audiences,
    customer_lists,
    facebook,
    people,
    segments,
    sharing,
    tokens,
)
from audience_mock.core.seeds.sections.ids import start_at
from audience_mock.core.seeds.sections.times import to_ms
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.world import World

FREED_ROWS = 1000
"""Rows of a seed that are freed at a time: half a millisecond."""


@dataclass
class AppliedSeed:
    """How many rows each section had, and the ids of audiences, customer segments, customer lists and
    uploads to them, each in the order of the seed."""

    counts: dict[str, int] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)


def apply_seed(world: World, seed: Seed) -> AppliedSeed:
    """Add a seed to a world, which need not be empty; first its clock is set, if the seed has one. Raises
    InvalidSeedError; then nothing is changed."""
    with world.changing_clock():
        return world.transact_now(_insert_with_clock, seed, world)


def _insert_with_clock(tx: Transaction, seed: Seed, world: World) -> AppliedSeed:
    if seed.clock is None:
        return insert_seed(tx, seed)
    return world.with_clock(tx, partial(set_clock, seed=seed), partial(insert_seed, seed=seed))


async def import_seed(world: World, seed: Seed) -> AppliedSeed:
    """As `apply_seed`, for a large seed, which is emptied: beside the event loop."""

    def insert(tx: Transaction) -> AppliedSeed:
        applied = insert_seed(tx, seed)
        # Freeing a hundred thousand rows at once would hold up everybody.
        for name in seed.model_fields_set:
            rows = getattr(seed, name)
            while isinstance(rows, list) and rows:
                del rows[-FREED_ROWS:]
        return applied

    return await world.transact_beside(insert, None if seed.clock is None else partial(set_clock, seed=seed))


def set_clock(clock: Clock, seed: Seed) -> None:
    """Set a clock as the seed says, if it says anything."""
    if seed.clock is not None:
        clock.freeze(to_ms(seed.clock.now))
        if not seed.clock.frozen:
            clock.run()


def insert_seed(tx: Transaction, seed: Seed) -> AppliedSeed:
    """Insert the rows of a seed. Raises InvalidSeedError, which names the field."""
    applied = AppliedSeed()
    for name in sorted(seed.model_fields_set - {"schema_url", "clock"}):
        applied.counts[name] = len(getattr(seed, name))
    for name, number in seed.sequences.items():
        start_at(tx, name, number)
    people.insert_people(tx, seed)
    applied.ids["customer_lists"] = list(customer_lists.insert_lists(tx, seed))
    applied.ids["audiences"] = audiences.insert_audiences(tx, seed)
    applied.ids["customer_list_uploads"] = list(customer_lists.insert_list_uploads(tx, seed))
    audiences.insert_reports(tx, seed)
    facebook.insert_pixels(tx, seed)
    sharing.insert_shares(tx, seed)
    applied.ids["customer_segments"] = list(segments.insert_segments(tx, seed))
    accounts.insert_accounts(tx, seed)
    tokens.insert_tokens(tx, seed)
    facebook.insert_facebook_ids(tx, seed)
    return applied
