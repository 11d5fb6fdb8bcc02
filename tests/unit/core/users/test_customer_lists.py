"""Customer lists: whose digests are kept, however they come, and what a killed process leaves behind."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from audience_mock.core.errors import InvalidStateError
from audience_mock.core.store.database import Database
from audience_mock.core.store.rows import CustomerListRow
from audience_mock.core.users import customer_lists, list_uploads, user_sets
from audience_mock.core.users.records import Records
from audience_mock.core.worlds.world import World
from helpers.users import users_of

ADDRESSES = [f"shopper{number}@example.com" for number in range(120)]


def batch(world: World, text: str, to: CustomerListRow | None = None, action: str = "ADD") -> CustomerListRow:
    with Records("EMAIL") as records:
        records.feed(text.encode())
        records.finish()
        if to is not None:
            return asyncio.run(
                customer_lists.apply_batch(world, records, account="1", number=to.number, action=action)
            )
        return asyncio.run(
            customer_lists.create(world, records, account="1", name="a", list_type="EMAIL", is_nca=False)
        )


def people(world: World, row: CustomerListRow) -> list[bytes]:
    return world.transact_now(lambda tx: users_of(tx, row.user_set))


def sha256(*addresses: str) -> list[bytes]:
    return sorted(hashlib.sha256(address.encode()).digest() for address in addresses)


@pytest.mark.parametrize("held", [64, 320, 1 << 20])
def test_forms_meet_in_sets_of_any_size(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """However the parts of people and links lie, each person is kept once, by the SHA-256."""
    monkeypatch.setattr("audience_mock.core.users.digests.HELD_BYTES", held)
    monkeypatch.setattr("audience_mock.core.users.digests.FEW_BYTES", held)
    monkeypatch.setattr(user_sets, "PART_BYTES", held)
    world, chance = World(Database()), random.Random(5)
    forms = [
        form
        for address in ADDRESSES
        for form in (
            address,
            *(hashlib.new(a, address.encode()).hexdigest() for a in ("md5", "sha1", "sha256")),
        )
    ]
    chance.shuffle(forms)
    row = batch(world, ",".join(forms[:100]))
    for at in range(100, len(forms), 100):
        row = batch(world, "\n".join(forms[at : at + 100]), to=row)
    assert people(world, row) == sha256(*ADDRESSES)
    assert (row.people, row.batches, row.uploaded_records) == (120, 5, 480)
    gone = [hashlib.md5(address.encode()).hexdigest() for address in ADDRESSES[:50]]
    row = batch(world, ",".join(gone), to=row, action="REMOVE")
    assert people(world, row) == sha256(*ADDRESSES[50:])
    sets = world.database.connection.exec_driver_sql("SELECT count(DISTINCT user_set) FROM user_blocks")
    assert sets.scalar_one() == 2, "the people, and the links"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65, 1000])
def test_where_the_text_is_cut_into_pieces_makes_no_difference(size: int) -> None:
    """Records read the same in pieces of any size, too long ones too."""
    hashes = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(9)]
    text = (
        f"{','.join(hashes)}\r\nann@example.com, bob@example.com ,,{'x' * 5000},nobody\n{'y' * 5000}".encode()
    )
    with Records("EMAIL") as records:
        for at in range(0, len(text), size):
            records.feed(text[at : at + size])
        records.finish()
        assert (records.sent, records.invalid.total()) == (14, 3)
        assert len(b"".join(records.people.parts())) == 11 * 32


def test_two_batches_at_once_lose_no_people() -> None:
    """Batches that overlap end with the people of both."""
    world = World(Database())
    row = batch(world, "ann@example.com")

    async def both() -> None:
        with Records("EMAIL") as left, Records("EMAIL") as right:
            for records, address in ((left, "bob@example.com"), (right, "cyd@example.com")):
                records.feed(address.encode())
                records.finish()
            this: dict[str, Any] = {"account": "1", "number": row.number, "action": "ADD"}
            await asyncio.gather(
                customer_lists.apply_batch(world, left, **this),
                customer_lists.apply_batch(world, right, **this),
            )

    asyncio.run(both())
    after = world.transact_now(customer_lists.find, account="1", number=row.number)
    assert people(world, after) == sha256("ann@example.com", "bob@example.com", "cyd@example.com")
    assert (after.batches, after.uploaded_records) == (3, 3)


def test_an_upload_that_was_being_run_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails while its records are read, or is cut off by the end of the process, is as before its run;
    meanwhile it cannot be run a second time."""
    url = f"sqlite:///{tmp_path}/a.db"
    world = World(Database(url))
    row = batch(world, "ann@example.com")
    made = world.transact_now(
        list_uploads.create, account="1", customer_list=row.number, action="ADD", total_parts=1
    )

    async def content() -> AsyncIterator[bytes]:
        yield b"bob@example.com"

    asyncio.run(list_uploads.store_part(world, upload=made.number, part=1, content=content()))
    this: dict[str, Any] = {"account": "1", "customer_list": row.number, "number": made.number}
    with monkeypatch.context() as patched:
        patched.setattr(customer_lists, "_replace_sets", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            asyncio.run(list_uploads.run(world, **this))
    assert world.transact_now(list_uploads.find, **this).started_at_ms is None
    world.transact_now(list_uploads._start, **this)
    with pytest.raises(InvalidStateError):
        asyncio.run(list_uploads.run(world, **this))
    world.close()
    again = World(Database(url))
    assert asyncio.run(list_uploads.run(again, **this)).valid == 1
    assert people(again, again.transact_now(customer_lists.find, account="1", number=row.number)) == sha256(
        "ann@example.com", "bob@example.com"
    )
    again.close()
