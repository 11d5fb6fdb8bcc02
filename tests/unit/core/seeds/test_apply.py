"""Seeds applied to a world."""

from pathlib import Path

import pytest

from audience_mock.core.audiences import queries
from audience_mock.core.audiences.lifecycle import status_at
from audience_mock.core.errors import InvalidSeedError
from audience_mock.core.seeds import loader
from audience_mock.core.seeds.apply import insert_seed
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.starting_seed import StartingSeed
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.api import NAME as PINTEREST
from helpers.worlds import make, seed_file


def test_a_seed_inserts_audiences_and_moves_the_ids(world: World, tmp_path: Path) -> None:
    """Seeded audiences are there as written, and new ids count on behind them."""
    text = """{"sequences": {"facebook": 7000000000000}, "audiences": [
      {"api": "pinterest", "id": "2542700000000", "account": "549755885175", "kind": "ACTALIKE",
       "name": "Alike", "definition": {"country": "US"}, "people": 5000, "created_at": 1451431341},
      {"api": "pitchtarget", "account": "2", "kind": "CUSTOM", "name": "Buyers", "ready_in_s": 60}]}"""
    assert world.transact_now(StartingSeed(Seed()).may_start)
    assert world.transact_now(insert_seed, loader.load(seed_file(tmp_path, text))).counts["audiences"] == 2
    alike = world.transact_now(queries.find, api=PINTEREST, account="549755885175", number=2542700000000)
    assert (alike.definition, alike.created_at_ms) == ('{"country":"US"}', 1451431341000)
    assert status_at(alike, world.clock.now_ms()) == "READY"
    assert make(world, facebook=True).number == 2542700000001
    assert make(world, facebook=True).facebook_id == "7000000000001"


def test_a_seed_with_one_pixel_twice_is_rejected(world: World, tmp_path: Path) -> None:
    """Two pixels cannot have one id."""
    pixel = '{"facebook_id": "5", "account": "1", "name": "a", "tag": "lead", "creator": "b"}'
    seed = loader.load(seed_file(tmp_path, f'{{"pixels": [{pixel}, {pixel}]}}'))
    with pytest.raises(InvalidSeedError, match=r"pixels\.1\.facebook_id: the seed has the pixel 5 twice"):
        world.transact_now(insert_seed, seed)


def test_a_seed_with_one_id_twice_is_rejected_whole(world: World, tmp_path: Path) -> None:
    """Two audiences of one API cannot have one id, and then nothing of the seed is inserted."""
    one = '{"api": "pinterest", "id": "5", "account": "1", "kind": "VISITOR", "name": "a"}'
    seed = loader.load(seed_file(tmp_path, f'{{"audiences": [{one}, {one}]}}'))
    with pytest.raises(
        InvalidSeedError, match=r"audiences\.1\.id: the seed has the pinterest audience 5 twice"
    ):
        world.transact_now(insert_seed, seed)
    assert world.transact_now(queries.count) == 0
