"""Facebook ids: those that a seed names, then those of the sequence that nothing has."""

from audience_mock.core.audiences import facebook_ids, queries
from audience_mock.core.seeds.apply import insert_seed
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.store import ids, sequences
from audience_mock.core.store.tables import PITCHTARGET
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.worlds.world import World
from helpers.worlds import make

FIRST = ids.first_ids()[ids.FACEBOOK]


def test_ids_of_a_seed_come_first(world: World) -> None:
    """The ids that a seed names are given in its order, then the sequence goes on."""
    world.transact_now(insert_seed, Seed(facebook_ids=["9", "7"]))
    given = [world.transact_now(facebook_ids.take_next) for _ in range(3)]
    assert given == ["9", "7", str(FIRST)]


def test_a_taken_id_is_skipped(world: World) -> None:
    """An id that an audience has is not given again, wherever the sequence is set to."""
    taken = make(world, facebook=True).facebook_id
    world.transact_now(sequences.set_next, {ids.FACEBOOK: FIRST})
    assert taken == str(FIRST)
    assert world.transact_now(facebook_ids.take_next) == str(FIRST + 1)


def test_facebook_takes_what_is_due_by_number(world: World) -> None:
    """Audiences get ids when they are due, in the order of their numbers; a sync takes all of an account."""
    later, first, second = (
        make(world, api=PITCHTARGET, columns={"ready_at_ms": ready_at_ms})
        for ready_at_ms in (world.clock.now_ms() + 1, 0, 1)
    )

    def known(tx: Transaction) -> list[str | None]:
        return [queries.find_by_key(tx, key=row.key).facebook_id for row in (later, first, second)]

    assert world.transact_now(facebook_ids.assign_due_then, known) == [None, str(FIRST), str(FIRST + 1)]
    world.transact_now(facebook_ids.assign_to_account, account="1")
    assert world.transact_now(known) == [str(FIRST + 2), str(FIRST), str(FIRST + 1)]
