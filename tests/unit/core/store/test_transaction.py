"""Transactions: ids and failures."""

import pytest

from audience_mock.core.audiences import changes, queries
from audience_mock.core.store import ids
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.api import NAME as PINTEREST
from helpers.worlds import make


def test_ids_begin_where_the_published_exchanges_begin(world: World) -> None:
    """A fresh world gives 54, 6006183285954 and 2542623499806 first, and counts on."""
    for sequence, first in ids.first_ids().items():
        taken = [world.transact_now(new_id, sequence) for _ in range(3)]
        assert taken == [first, first + 1, first + 2]


def test_a_failed_transaction_writes_nothing_and_uses_up_no_ids(world: World) -> None:
    """After an error within a transaction the store and the sequences are as before."""

    def fails(tx: Transaction) -> None:
        changes.create(tx, api=PINTEREST, account="1", kind="VISITOR", name="a")
        raise LookupError

    with pytest.raises(LookupError):
        world.transact_now(fails)
    assert world.transact_now(queries.count) == 0
    assert make(world).number == ids.first_ids()["pinterest_audience"]


def new_id(tx: Transaction, sequence: str) -> int:
    return tx.new_id(sequence)
