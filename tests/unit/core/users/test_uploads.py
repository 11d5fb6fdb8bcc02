"""Uploads: the users of an audience, and the report on their file."""

import asyncio
import random
from typing import Any

import pytest

from audience_mock.core.audiences import changes, queries
from audience_mock.core.errors import NotFoundError
from audience_mock.core.rules import Rules
from audience_mock.core.seeds import schemas
from audience_mock.core.seeds.apply import insert_seed
from audience_mock.core.store.database import Database
from audience_mock.core.store.rows import AudienceRow
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import uploads, user_lines, user_sets
from audience_mock.core.users.match_rate import is_matched
from audience_mock.core.users.user_lines import UserLines
from audience_mock.core.worlds.world import World
from audience_mock.providers.pitchtarget.api import NAME as PITCHTARGET
from helpers.users import ANN, BOB, CYD, hashed, users_of


@pytest.fixture(params=["in one transaction", "part by part"])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The users of a new audience are written as those of a small file, and as those of a large one."""
    if request.param == "part by part":
        monkeypatch.setattr(uploads, "SMALL_BYTES", -1)


class Kept:
    """A world with one audience from a file, and what the store says of it."""

    def __init__(self, *people: str, match_rate: float = 1.0) -> None:
        self.world = World(Database(), rules=Rules(match_rate=match_rate))
        self.audience = self.upload(*people)

    def upload(self, *people: str, to: AudienceRow | None = None) -> AudienceRow:
        with UserLines(user_lines.EMAIL_HASH) as users:
            users.feed("".join(f"{person}\n" for person in people).encode())
            if to is not None:
                return asyncio.run(uploads.add_users(self.world, users, key=to.key or 0))
            return asyncio.run(
                uploads.create_audience(
                    self.world, users, api=PITCHTARGET, account="2", kind="CUSTOM", name="Buyers", columns={}
                )
            )

    def users(self) -> list[bytes]:
        found = self.world.transact_now(queries.find_by_key, key=self.audience.key or 0)
        return self.world.transact_now(lambda tx: users_of(tx, found.user_set))

    def reports(self) -> list[dict[str, Any]]:
        return self.world.transact_now(uploads.list_reports, limit=10)

    def count(self, table: str) -> int:
        counted = self.world.database.connection.exec_driver_sql(f"SELECT count(*) FROM {table}")
        return int(counted.scalar_one())


def raw(*people: str) -> list[bytes]:
    return sorted(bytes.fromhex(person) for person in people)


@pytest.mark.parametrize("few", [3, 3000])
def test_few_users_stay_when_many_come(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """What a store in memory holds of users stays as it is when it prepares for many more."""
    people = hashed(*(f"{number}@example.com" for number in range(few)))
    kept = Kept(*people)
    monkeypatch.setattr(user_sets, "MANY_BYTES", 0)
    monkeypatch.setattr(uploads, "SMALL_BYTES", 0)
    page_bytes = "PRAGMA attached.page_size"
    small = kept.world.database.driver.execute(page_bytes).fetchone()[0]
    kept.upload(ANN, BOB)
    assert kept.users() == raw(*people)
    assert kept.count("user_blocks") == 2
    large = kept.world.database.driver.execute(page_bytes).fetchone()[0]
    assert (small, large) == (4096, 65536)


@pytest.mark.usefixtures("_either_way")
def test_an_upload_makes_an_audience_its_users_and_a_report_together() -> None:
    """The audience has as many people as the file had distinct users, and they can be read back."""
    kept = Kept(ANN, BOB, ANN, "nobody")
    assert (kept.audience.number, kept.audience.people, kept.audience.user_type) == (54, 2, "email_hash")
    assert kept.users() == raw(ANN, BOB)
    (report,) = kept.reports()
    assert report["audience"] == 54
    assert {name: report[name] for name in ("lines", "valid", "distinct", "added", "matched", "invalid")} == {
        "lines": 4,
        "valid": 3,
        "distinct": 2,
        "added": 2,
        "matched": 2,
        "invalid": 1,
    }
    assert report["invalid_lines"] == [{"line": 4, "why": "is not of type email_hash"}]


def test_added_users_join_those_that_are_there() -> None:
    """A second upload adds the users that are new, counts them once, and leaves one set behind."""
    kept = Kept(ANN, BOB)
    after = kept.upload(BOB, CYD, CYD, to=kept.audience)
    assert after.people == 3
    assert kept.users() == raw(ANN, BOB, CYD)
    last = kept.reports()[0]
    assert (last["valid"], last["distinct"], last["added"]) == (3, 2, 1)
    assert kept.count("user_blocks") == 1


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("held", [64, 320, 1 << 20])
def test_sets_of_any_size_are_joined_in_parts(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """However the parts of two sets lie, their union is sorted and distinct as a whole."""
    monkeypatch.setattr("audience_mock.core.users.digests.HELD_BYTES", held)
    monkeypatch.setattr("audience_mock.core.users.digests.FEW_BYTES", held)
    monkeypatch.setattr(user_sets, "PART_BYTES", held)
    chance = random.Random(11)
    people = [chance.randbytes(32).hex() for _ in range(300)]
    kept = Kept(*people[:200])
    kept.upload(*people[150:], to=kept.audience)
    kept.upload(to=kept.audience)
    assert kept.users() == raw(*people)
    assert kept.reports()[0]["added"] == 0


def test_two_uploads_to_one_audience_at_once_lose_no_users() -> None:
    """Uploads that overlap end with the users of both."""
    kept = Kept(ANN)

    async def both() -> None:
        with UserLines(user_lines.EMAIL_HASH) as left, UserLines(user_lines.EMAIL_HASH) as right:
            left.feed(BOB.encode())
            right.feed(CYD.encode())
            key = kept.audience.key or 0
            await asyncio.gather(
                uploads.add_users(kept.world, left, key=key), uploads.add_users(kept.world, right, key=key)
            )

    asyncio.run(both())
    assert kept.users() == raw(ANN, BOB, CYD)
    assert kept.count("user_blocks") == 1
    assert sum(report["added"] for report in kept.reports()) == 3


@pytest.mark.usefixtures("_either_way")
def test_the_match_rate_says_who_is_known() -> None:
    """Users whose last four bytes are below the rate are people of the audience; the others are kept too."""
    low, high = "a" * 56 + "3fffffff", "a" * 56 + "40000000"
    assert is_matched(bytes.fromhex(low), 0.25)
    assert not is_matched(bytes.fromhex(high), 0.25)
    assert is_matched(b"\xff" * 32, 1)
    assert not is_matched(b"\0" * 32, 0)
    kept = Kept(low, high, match_rate=0.25)
    assert kept.audience.people == 1
    assert len(kept.users()) == 2
    assert kept.reports()[0]["matched"] == 1


def test_seeded_people_always_match() -> None:
    """A person whom the seed names, by address or by digest, is known at any rate."""
    kept = Kept(match_rate=0)
    kept.world.transact_now(insert_seed, schemas.Seed(people=[" Ann@Example.com ", BOB]))
    assert kept.upload(ANN, BOB, CYD, to=kept.audience).people == 2


@pytest.mark.usefixtures("_either_way")
def test_an_upload_that_fails_leaves_nothing_behind() -> None:
    """If the audience cannot be made, or is gone, no block of users and no report stays."""
    kept = Kept()
    with UserLines(user_lines.EMAIL_HASH) as users:
        users.feed(f"{ANN}\n".encode())
        nowhere = uploads.create_audience(
            kept.world, users, api="nowhere", account="2", kind="", name="", columns={}
        )
        with pytest.raises(KeyError):
            asyncio.run(nowhere)
    kept.world.transact_now(changes.delete, api=PITCHTARGET, account="2", number=54)
    with pytest.raises(NotFoundError):
        kept.upload(ANN, to=kept.audience)
    assert [kept.count(table) for table in ("user_blocks", "uploads", "audiences")] == [0, 0, 0]


def test_an_audience_that_goes_during_an_upload_takes_its_users_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the audience is deleted while its upload is written, the upload fails and nothing stays."""
    kept = Kept(ANN)
    insert_part = user_sets._insert_part

    def delete_first(tx: Transaction, **part: Any) -> None:
        changes.delete(tx, api=PITCHTARGET, account="2", number=54)
        insert_part(tx, **part)

    monkeypatch.setattr(user_sets, "_insert_part", delete_first)
    with pytest.raises(NotFoundError):
        kept.upload(BOB, to=kept.audience)
    assert [kept.count(table) for table in ("user_blocks", "uploads", "audiences")] == [0, 0, 0]
