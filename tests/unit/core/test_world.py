"""Worlds: time, ids, status, transactions, seeds."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from audience_mock.core.audiences import changes, facebook_ids, queries
from audience_mock.core.audiences.lifecycle import size_at, status_at
from audience_mock.core.errors import InvalidSeedError, NotFoundError, StoreError
from audience_mock.core.rules import Rules
from audience_mock.core.seeds import loader
from audience_mock.core.seeds.apply import insert_seed
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.starting_seed import StartingSeed
from audience_mock.core.store import ids
from audience_mock.core.store.database import Database
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.tables import PINTEREST, SCHEMA_VERSION, UserBlock
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users.match_rate import estimate
from audience_mock.core.worlds.clock import Clock
from audience_mock.core.worlds.world import World


def make(world: World, **more: Any) -> AudienceRow:
    given: dict[str, Any] = {"api": PINTEREST, "account": "1", "kind": "VISITOR", "name": "a", **more}
    return world.transact_now(changes.create, **given)


@pytest.fixture
def world() -> Iterator[World]:
    world = World(Database(), rules=Rules(build_delay_s=5))
    world.clock.freeze(1_000_000)
    yield world
    world.close()


@pytest.mark.parametrize(("people", "built"), [(100, "READY"), (99, "TOO_SMALL")])
def test_status_follows_from_the_row_and_the_clock(world: World, people: int, built: str) -> None:
    """An audience is INITIALIZING with nobody in it, and after the build delay READY or TOO_SMALL."""
    audience = make(world, people=people)
    assert (status_at(audience, 1_004_999), size_at(audience, 1_004_999)) == ("INITIALIZING", 0)
    assert (status_at(audience, 1_005_000), size_at(audience, 1_005_000)) == (built, people)


@pytest.mark.parametrize(
    ("held", "size"), [("ELIGIBLE", 7), ("PERSONAS_INITIALIZING", 0), ("TOO_SMALL", 7), ("INITIALIZING", 0)]
)
def test_a_held_status_stays(world: World, held: str, size: int) -> None:
    """A status that a seed holds does not follow the clock, and an initializing audience shows nobody."""
    audience = make(world, people=7, columns={"held_status": held})
    assert status_at(audience, 10**15) == held
    assert size_at(audience, 10**15) == size


def test_a_clock_stands_and_advances() -> None:
    """A frozen clock moves only when it is advanced, and no clock goes back."""
    clock = Clock()
    clock.freeze(1000)
    clock.advance(500)
    assert clock.now_ms() == 1500
    with pytest.raises(ValueError, match="0 ms or more"):
        clock.advance(-1)
    running = Clock()
    before = running.now_ms()
    running.advance(3_600_000)
    assert running.now_ms() >= before + 3_600_000


def test_ids_begin_where_the_published_exchanges_begin(world: World) -> None:
    """A fresh world gives 54, 6006183285954 and 2542623499806 first, and counts on."""
    for sequence, first in ids.FIRST.items():
        taken = [world.transact_now(Transaction.new_id, sequence) for _ in range(3)]
        assert taken == [first, first + 1, first + 2]


def test_a_failed_transaction_writes_nothing_and_gives_its_ids_back(world: World) -> None:
    """After an error within a transaction the store and the sequences are as before."""

    def fails(tx: Transaction) -> None:
        changes.create(tx, api=PINTEREST, account="1", kind="VISITOR", name="a")
        raise LookupError

    with pytest.raises(LookupError):
        world.transact_now(fails)
    assert world.transact_now(queries.count) == 0
    assert make(world).number == ids.FIRST[ids.PINTEREST_AUDIENCE]


def test_pages_hold_each_audience_once_in_order(world: World) -> None:
    """Page after page, rising or falling, the list of an account has each of its audiences once."""
    numbers = [make(world).number for _ in range(7)]
    make(world, account="2")
    for descending in (False, True):
        seen: list[int] = []
        after = None
        while True:
            page, after = world.transact_now(
                queries.list_page, api=PINTEREST, account="1", cursor=after, limit=3, descending=descending
            )
            seen += [audience.number for audience in page]
            if after is None:
                break
        assert seen == sorted(numbers, reverse=descending)


def test_another_accounts_audience_is_not_found(world: World) -> None:
    """An audience is found, changed and removed in its own account only."""
    number = make(world).number
    for action in (queries.find, changes.delete):
        with pytest.raises(NotFoundError):
            world.transact_now(action, api=PINTEREST, account="2", number=number)
    with pytest.raises(NotFoundError):
        world.transact_now(changes.update, api=PINTEREST, account="2", number=number, values={"name": "b"})
    with pytest.raises(NotFoundError):
        world.transact_now(queries.find, api=PINTEREST, account="1", number=10**40)
    assert world.transact_now(queries.find, api=PINTEREST, account="1", number=number).name == "a"


def test_a_file_keeps_its_state(tmp_path: Path) -> None:
    """A store in a file has its audiences and goes on with its ids when it is opened again."""
    url = f"sqlite:///{tmp_path}/a.db"
    first = World(Database(url))
    number = make(first).number
    first.close()
    again = World(Database(url))
    assert again.transact_now(queries.find, api=PINTEREST, account="1", number=number).name == "a"
    assert make(again).number == number + 1
    assert not again.transact_now(StartingSeed(Seed()).may_start)
    again.close()


def test_users_of_an_upload_that_never_ended_are_cleared_away(tmp_path: Path) -> None:
    """Blocks that belong to no audience are gone when a file is opened."""
    url = f"sqlite:///{tmp_path}/a.db"
    database = Database(url)
    with database.transaction() as connection:
        connection.execute(insert(UserBlock), {"user_set": 9, "part": 0, "digests": b"x" * 32})
    database.close()
    again = Database(url)
    assert again.connection.exec_driver_sql("SELECT count(*) FROM user_blocks").scalar_one() == 0
    again.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not a database URL"),
        ("postgresql+nodriver://h/d", "not a database URL"),
        ("sqlite:////nowhere/at/all/a.db", "cannot open"),
    ],
)
def test_a_database_that_cannot_be_used_says_why(url: str, says: str) -> None:
    """A bad URL or file is told in one line."""
    with pytest.raises(StoreError, match=says) as told:
        Database(url)
    assert "\n" not in str(told.value)


def test_a_file_with_anothers_tables_is_refused(tmp_path: Path) -> None:
    """A database of another program that has a table of the same name is left as it was."""
    file = tmp_path / "theirs.db"
    with closing(sqlite3.connect(file)) as theirs:
        theirs.execute("CREATE TABLE audiences (who)")
    with pytest.raises(StoreError, match="table audiences already exists"):
        Database(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as theirs:
        assert theirs.execute("SELECT name, sql FROM sqlite_master").fetchall() == [
            ("audiences", "CREATE TABLE audiences (who)")
        ]


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    """A store that another version made is left alone."""
    url = f"sqlite:///{tmp_path}/a.db"
    database = Database(url)
    database.connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()
    with pytest.raises(StoreError, match="another version"):
        Database(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file is not overwritten."""
    file = tmp_path / "a.db"
    file.write_text("not a database, but long enough to be looked at" * 10)
    with pytest.raises(StoreError, match="not a database"):
        Database(f"sqlite:///{file}")


def seed_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "seed.json"
    file.write_text(text)
    return file


def test_a_seed_plants_audiences_and_moves_the_ids(world: World, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", r":1:2: not JSON: Expecting property name"),
        ('{"audience": []}', r":1:14: audience: unknown key 'audience', did you mean 'audiences'\?$"),
        ('{"audiences": [{"api": "pinterest"}]}', r":1:16: audiences\.0\.account: missing \(and 2 more"),
        ('{"audiences": [{"api": "meta", "account": "1", "kind": "x", "name": "y"}]}', r"audiences\.0\.api"),
    ],
)
def test_a_seed_that_is_not_right_names_file_and_field(tmp_path: Path, text: str, says: str) -> None:
    """What is wrong with a seed is told in one line that names the file and the field."""
    file = seed_file(tmp_path, text)
    with pytest.raises(InvalidSeedError, match=says) as told:
        loader.load(file)
    assert str(file) in str(told.value)


AUDIENCE = '"api": "pitchtarget", "account": "1", "name": "a"'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"sequences": {"pinterest_audience": 9223372036854775807}}', "sequences.pinterest_audience"),
        (f'{{"audiences": [{{{AUDIENCE}, "kind": "x\\"y"}}]}}', "audiences.0.kind"),
        (f'{{"audiences": [{{{AUDIENCE}, "kind": "APP", "status": "\\u0000"}}]}}', "audiences.0.status"),
        (
            f'{{"audiences": [{{{AUDIENCE}, "kind": "APP", "retention_days": 9223372036854775808}}]}}',
            "audiences.0.retention_days",
        ),
        *(
            (f'{{"audiences": [{{{AUDIENCE}, "kind": "APP", "{key}": {value}}}]}}', f"audiences.0.{key}")
            for key in ("definition", "facebook_object")
            for value in ('"not json"', '"[]"', '"{\\"a\\": NaN}"', '{"a": Infinity}', "[]")
        ),
    ],
)
def test_a_seed_that_no_answer_could_carry_is_refused(tmp_path: Path, text: str, where: str) -> None:
    """Numbers without end, text that breaks an answer and ids that cannot count on are refused at start."""
    with pytest.raises(InvalidSeedError, match=re.escape(where)) as told:
        loader.load(seed_file(tmp_path, text))
    assert "\n" not in str(told.value)


def test_a_seed_with_one_pixel_twice_is_refused(world: World, tmp_path: Path) -> None:
    """Two pixels cannot have one id."""
    pixel = '{"facebook_id": "5", "account": "1", "name": "a", "tag": "lead", "creator": "b"}'
    seed = loader.load(seed_file(tmp_path, f'{{"pixels": [{pixel}, {pixel}]}}'))
    with pytest.raises(InvalidSeedError, match=r"pixels\.1\.facebook_id: the seed has the pixel 5 twice"):
        world.transact_now(insert_seed, seed)


def test_a_seed_with_one_id_twice_is_refused_whole(world: World, tmp_path: Path) -> None:
    """Two audiences of one API cannot have one id, and then none of the seed is planted."""
    one = '{"api": "pinterest", "id": "5", "account": "1", "kind": "VISITOR", "name": "a"}'
    seed = loader.load(seed_file(tmp_path, f'{{"audiences": [{one}, {one}]}}'))
    with pytest.raises(
        InvalidSeedError, match=r"audiences\.1\.id: the seed has the pinterest audience 5 twice"
    ):
        world.transact_now(insert_seed, seed)
    assert world.transact_now(queries.count) == 0


def test_a_seed_that_is_not_there_is_told() -> None:
    """A missing file is named, with the system's reason."""
    with pytest.raises(InvalidSeedError, match=r"/nowhere\.json: No such file"):
        loader.load(Path("/nowhere.json"))


def test_estimates_follow_from_the_facts_alone() -> None:
    """The same facts give the same number, within the bounds; other facts give another."""
    assert estimate(10, 20, "a", "b") == estimate(10, 20, "a", "b")
    assert all(10 <= estimate(10, 20, str(fact)) <= 20 for fact in range(100))
    assert len({estimate(0, 10**9, str(fact)) for fact in range(100)}) == 100


def test_no_hot_statement_reads_a_whole_table(world: World) -> None:
    """Finding, paging and what Facebook has to take go over an index."""
    for statement in (queries.FIND, queries.PAGE_ASCENDING, queries.PAGE_DESCENDING, facebook_ids.DUE):
        sql = statement.text
        marks = [1] * sql.count("?")
        plan = world.database.driver.execute(f"EXPLAIN QUERY PLAN {sql}", marks).fetchall()
        for *_, step in plan:
            if "SUBQUERY" not in step:  # whose own steps follow
                assert " USING INDEX " in step or " USING COVERING INDEX " in step, (sql, plan)


def test_looking_for_what_facebook_takes_next_reads_what_waits_only(world: World) -> None:
    """PitchTarget's calls look into the index of what waits, however many audiences there are."""
    due = facebook_ids.DUE
    plan = world.database.driver.execute(f"EXPLAIN QUERY PLAN {due.text}", due.values({"now_ms": 0}))
    assert "INDEX audiences_waiting (api=? AND ready_at_ms<?)" in plan.fetchone()[3]
