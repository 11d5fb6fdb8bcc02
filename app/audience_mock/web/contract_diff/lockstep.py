"""Recorded calls replayed by two applications of this process, one call after the other."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from threading import get_ident
from typing import NamedTuple

from fastapi import FastAPI

from audience_mock.core.store import sequences
from audience_mock.core.worlds.world import World
from audience_mock.web.exchanges import Answer, Exchange, Replay

_log = logging.getLogger("audience_mock")

Make = Callable[[], FastAPI]


class Pair(NamedTuple):
    """A recorded call with the answers of both versions to it."""

    call: Exchange
    before: Answer
    after: Answer


@asynccontextmanager
async def applications(*makes: Make) -> AsyncIterator[Sequence[FastAPI]]:
    """Applications of this thread, which logs nothing of them. Raises what they raise."""
    made: list[FastAPI] = []
    with _unlogged():
        try:
            made += [make() for make in makes]
            yield made
        finally:
            for app in made:
                await app.state.worlds.until_all_free()
                app.state.worlds.close()


async def replay(
    exchanges: Iterable[Exchange], apps: Sequence[FastAPI], *, prepare: Callable[[Exchange], None]
) -> AsyncGenerator[Pair]:
    """Send the recorded requests to two applications. Before each one, `prepare` sets the time, and makes the
    worlds alike."""
    replays = [Replay(app) for app in apps]
    for exchange in exchanges:
        prepare(exchange)
        before, after = [await each.answer(exchange) for each in replays]
        yield Pair(exchange, before, after)


def make_alike(model: World, world: World) -> None:
    """Set ids and random numbers of a world to those of another one: what differs in the next answers is not
    what an earlier difference has shifted."""
    world.random.setstate(model.random.getstate())
    wanted, has = (each.read_now(sequences.all_numbers) for each in (model, world))
    if numbers := {each: number for each, number in wanted.items() if has.get(each) != number}:
        world.transact_now(sequences.set_next, numbers)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Within the block, this thread logs nothing: what is replayed was logged when it happened."""
    here = get_ident()

    def is_of_another(record: logging.LogRecord) -> bool:
        return record.thread != here

    _log.addFilter(is_of_another)
    try:
        yield
    finally:
        _log.removeFilter(is_of_another)
