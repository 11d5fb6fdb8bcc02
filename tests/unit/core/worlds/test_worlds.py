"""The worlds of a server, without HTTP: what happens to long operations when a world is replaced."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from audience_mock.core.audiences import queries
from audience_mock.core.errors import WorldReplacedError
from audience_mock.core.seeds.schemas import Seed
from audience_mock.core.seeds.starting_seed import StartingSeed
from audience_mock.core.store import ids
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import user_sets
from audience_mock.core.worlds.world import World
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.providers.pinterest.api import NAME as PINTEREST


def held(world: World, table: str) -> int:
    count: int = world.database.driver.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


@pytest.mark.parametrize("put_back", ["reset", "restore"])
def test_a_set_that_is_being_written_is_interrupted(put_back: str) -> None:
    """A long operation is interrupted when its world is replaced, and leaves nothing in it."""
    worlds = Worlds()
    world = worlds.default
    asyncio.run(worlds.create_snapshot(world, "before"))
    first = world.transact_now(new_id, ids.USER_SET)

    async def write(written: asyncio.Event) -> None:
        async def digests() -> AsyncIterator[bytes]:
            for first_byte in range(3):
                yield bytes([first_byte]) * 32 * (user_sets.PART_BYTES // 32)
            written.set()
            await asyncio.Event().wait()

        async with user_sets.writing(world, digests()):
            raise AssertionError("it never ends by itself")

    async def both() -> None:
        written = asyncio.Event()
        task = asyncio.create_task(write(written))
        await written.wait()
        assert held(world, "user_blocks") > 0
        if put_back == "reset":
            worlds.reset(world)
        else:
            await worlds.restore_snapshot(world, "before")
        with pytest.raises(WorldReplacedError):
            await task
        assert not task.cancelled()

    asyncio.run(both())
    assert held(world, "user_blocks") == 0
    assert world.transact_now(new_id, ids.USER_SET) > first, "a set's number is never given twice"
    worlds.close()


def test_a_cancelled_task_is_not_reported_as_interrupted() -> None:
    """A client that goes away is a cancellation as before."""
    worlds = Worlds()

    async def wait() -> None:
        with worlds.default.interruptible():
            await asyncio.Event().wait()

    async def both() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(both())
    worlds.close()


def test_pending_builds_of_a_seed_start_again_after_a_reset() -> None:
    """`ready_in_s` counts from the start of each world, and again from each reset."""
    seed = Seed.model_validate(
        {
            "audiences": [
                {"api": "pinterest", "account": "1", "kind": "VISITOR", "name": "soon", "ready_in_s": 60},
                {"api": "pinterest", "account": "1", "kind": "VISITOR", "name": "now"},
            ]
        }
    )
    worlds = Worlds(seed=StartingSeed(seed))
    for world in (worlds.default, worlds.get_or_create("other")):
        for _ in range(2):
            now_ms = world.clock.now_ms()
            (soon, now), _ = world.read_now(
                queries.list_page, api=PINTEREST, account="1", cursor=None, limit=2, descending=False
            )
            assert now_ms < soon.ready_at_ms <= now_ms + 60_000
            assert now.ready_at_ms <= now_ms
            world.clock.advance(3_600_000)
            worlds.reset(world)
    worlds.close()


def test_an_operation_in_a_deleted_world_is_interrupted() -> None:
    """An operation in a deleted world raises an error that says why."""
    worlds = Worlds()
    world = worlds.get_or_create("gone")
    worlds.delete("gone")
    with pytest.raises(WorldReplacedError, match="deleted"):
        world.transact_now(new_id, ids.USER_SET)
    with pytest.raises(WorldReplacedError, match="deleted"):
        world.read_now(queries.count)
    with pytest.raises(WorldReplacedError, match="deleted"):
        world.advance_clock(1)
    worlds.close()


def test_a_set_that_is_being_written_in_a_deleted_world_is_interrupted() -> None:
    """A long operation is interrupted when its world is deleted; its task can go on with other things."""
    worlds = Worlds()

    async def write(written: asyncio.Event) -> int:
        async def digests() -> AsyncIterator[bytes]:
            yield b"a" * 32
            written.set()
            await asyncio.Event().wait()

        with pytest.raises(WorldReplacedError, match="deleted"):
            async with user_sets.writing(worlds.get_or_create("gone"), digests()):
                raise AssertionError("it never ends by itself")
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    async def both() -> int:
        written = asyncio.Event()
        task = asyncio.create_task(write(written))
        await written.wait()
        worlds.delete("gone")
        return await task

    assert asyncio.run(both()) == 0
    worlds.close()


def test_a_copy_of_a_world_has_nothing_of_what_is_still_being_written() -> None:
    """A set of users that is half written when a snapshot or a fork is made is in neither."""
    worlds = Worlds()
    world = worlds.default

    async def copy_meanwhile() -> None:
        async def digests() -> AsyncIterator[bytes]:
            for first_byte in range(3):
                yield bytes([first_byte]) * 32 * (user_sets.PART_BYTES // 32)
            assert held(world, "user_blocks") > 0
            await worlds.create_snapshot(world, "mid")
            assert held(await worlds.fork("default", "copy"), "user_blocks") == 0

        async with user_sets.writing(world, digests()):
            pass

    asyncio.run(copy_meanwhile())
    asyncio.run(worlds.restore_snapshot(world, "mid"))
    assert held(world, "user_blocks") == 0
    worlds.close()


def new_id(tx: Transaction, sequence: str) -> int:
    return tx.new_id(sequence)
