"""The seed that the worlds of a server start from: applied once, copied into each, its times shifted."""

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import select, update

from audience_mock.core.audiences import queries
from audience_mock.core.readiness import NEVER_MS
from audience_mock.core.seeds.apply import AppliedSeed, insert_seed, set_clock
from audience_mock.core.seeds.schemas import Seed, has_pending_builds
from audience_mock.core.seeds.sections.times import to_ms
from audience_mock.core.store import ids
from audience_mock.core.store.tables import Audience, CustomerList, table_of
from audience_mock.core.store.tables import Sequence as IdSequence
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.clock import Clock

_sequences = table_of(IdSequence)
_audiences, _lists = table_of(Audience), table_of(CustomerList)


class _FixedTime(NamedTuple):
    """A row that a seed makes ready at a time of its own (`ready_at`); `api` of an audience, None for a
    list."""

    api: str | None
    number: int
    ready_at_ms: int


class StartingSeed:
    """A `starts.StartingState` made from a seed."""

    def __init__(self, seed: Seed) -> None:
        self._seed = seed
        self._fixed: Sequence[_FixedTime] = ()

    @property
    def sets_clock(self) -> bool:
        return self._seed.clock is not None

    @cached_property
    def digest(self) -> str:
        """The same for seeds that have the same in them."""
        return sha256(repr(self._seed.model_dump()).encode()).hexdigest()

    def set_clock(self, clock: Clock) -> None:
        set_clock(clock, self._seed)

    def may_start(self, tx: Transaction) -> bool:
        """Whether the world is unused: no id was given and there is no audience."""
        first = ids.first_ids()
        moved = [row for row in tx.execute(select(_sequences)).all() if row.next != first.get(row.name)]
        return not moved and queries.count(tx) == 0

    def insert(self, tx: Transaction) -> None:
        self._fixed = _fixed_times(self._seed, insert_seed(tx, self._seed))

    @property
    def has_pending_builds(self) -> bool:
        return has_pending_builds(self._seed)

    def shift_pending_builds(self, tx: Transaction, *, inserted_at_ms: int, by_ms: int) -> None:
        """Move what was to be ready some seconds after the seed was inserted, as if it had been inserted
        later; what has a time of its own keeps it."""
        for table in (_audiences, _lists):
            pending = table.c.ready_at_ms.between(inserted_at_ms + 1, NEVER_MS - 1)
            tx.execute(update(table).where(pending).values(ready_at_ms=table.c.ready_at_ms + by_ms))
        for fixed in self._fixed:
            this = update(_lists).where(_lists.c.number == fixed.number)
            if fixed.api is not None:
                this = update(_audiences).where(
                    _audiences.c.api == fixed.api, _audiences.c.number == fixed.number
                )
            tx.execute(this.values(ready_at_ms=fixed.ready_at_ms))


def _fixed_times(seed: Seed, applied: AppliedSeed) -> list[_FixedTime]:
    lists = zip(seed.customer_lists, applied.ids["customer_lists"], strict=True)
    audiences = zip(seed.audiences, applied.ids["audiences"], strict=True)
    return [
        *(
            _FixedTime(None, int(id), to_ms(given.ready_at))
            for given, id in lists
            if given.ready_at is not None
        ),
        *(
            _FixedTime(given.api, int(id), to_ms(given.ready_at))
            for given, id in audiences
            if given.ready_at is not None
        ),
    ]
