"""/__admin/events: what happens in a world, as server-sent events.

A subscriber gets notices in batches, ten times a second at most, from a queue that is bounded: a browser can
follow any number of requests. Nothing is made for a world without subscribers.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from audience_mock.control.clock import clock_as_json
from audience_mock.control.journal_summary import entry_summary
from audience_mock.control.openapi_responses import error
from audience_mock.control.route import CHANGE, ControlRoute
from audience_mock.core.controls.subscriptions import MAX_SUBSCRIBERS, MAX_WAITING, Notice, Subscription
from audience_mock.core.worlds.world import World
from audience_mock.web.journal import REQUEST
from audience_mock.web.request import MockRequest
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["events"])

POLL_S = 0.1
"""Seconds between two batches. Chosen: a person sees no delay, and a thousand notices cost one write."""

HEARTBEAT_S = 15.0
"""Seconds of silence until a comment is sent: proxies close a connection that is idle for longer. Chosen."""

_EXAMPLE = (
    'id: 0.0\nevent: hello\ndata: {"world":"default","last_number":0,"resumed":false}\n\n'
    'id: 0.1\nevent: request\ndata: {"number":1,"method":"GET","status":200}\n\n'
)


class EventsQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    for_s: float | None = Field(
        default=None, ge=0, le=86_400, description="Real seconds after which the stream ends."
    )


@router.get(
    "/events",
    operation_id="events/subscribe",
    summary="Follow what happens",
    response_class=Response,
    responses={
        200: {
            "description": "A stream of events, without an end",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **error(
            409,
            "There are too many subscribers",
            f"a world has {MAX_SUBSCRIBERS} subscribers at most: close one first",
        ),
    },
)
async def subscribe(request: MockRequest, query: Annotated[EventsQuery, Query()]) -> Response:
    """Send what happens in this world as server-sent events.

    `hello` comes first. `request` is an entry of the journal in short. `change` names the operation of the
    control API that changed something. `missed` counts events that came faster than they were taken. `end`
    says why the stream ends: the world was `deleted`, the server is `stopping`, or the time is `over`.
    `hello` and `change` have the clock. A client that sends the `Last-Event-ID` it has seen gets the requests
    since.
    """
    request.world.subscribers.check_room()
    return _EventStream(request.world, request.header(b"last-event-id"), query.for_s)


class _EventStream(Response):
    """Subscribes when it is sent, so that no subscription is left behind."""

    def __init__(self, world: World, last_id: str | None, for_s: float | None) -> None:
        # nginx would collect the events without the last header.
        super().__init__(
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        del self.headers["content-length"]
        self._world, self._last_id, self._for_s = world, last_id, for_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        async def write(events: str) -> None:
            await send({"type": "http.response.body", "body": events.encode(), "more_body": True})

        listening = asyncio.create_task(_until_disconnected(receive))
        try:
            with self._world.subscribers.subscribed() as subscription:
                await self._follow(subscription, write, listening.done)
        finally:
            listening.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _follow(
        self, subscription: Subscription, write: Callable[[str], Any], is_gone: Callable[[], bool]
    ) -> None:
        world = self._world
        await write(_beginning(world, self._last_id))
        clock_s = asyncio.get_running_loop().time  # that of Python may be faked by the test
        started_s = last_sent_s = clock_s()
        while not is_gone():
            why = subscription.ended
            missed, notices = subscription.take()
            events = [_event("missed", {"missed": missed})] if missed else []
            events += [_of_notice(world, notice) for notice in notices]
            now_s = clock_s()
            if why is None and self._for_s is not None and now_s - started_s >= self._for_s:
                why = "over"
            if why is not None:
                events.append(_event("end", {"why": why}))
            elif not events and now_s - last_sent_s >= HEARTBEAT_S:
                events.append(": nothing happened\n\n")
            if events:
                await write("".join(events))
                last_sent_s = now_s
            if why is not None:
                return
            await asyncio.sleep(POLL_S)


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _beginning(world: World, last_id: str | None) -> str:
    """`hello`, and what a client that comes back has missed."""
    incarnation, _, number = (last_id or "").partition(".")
    seen = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None
    journal, last = world.journal, world.journal.last_number
    resumed = seen is not None and incarnation == str(world.incarnation) and seen <= last
    hello = {
        "world": world.name,
        "last_number": last,
        "resumed": resumed,
        "clock": clock_as_json(world),
    }
    events = []
    if resumed and seen is not None:
        newer = [*journal.snapshot(after=seen, before=last + 1)][-MAX_WAITING:]
        events = [_event(REQUEST, entry_summary(entry), _id(world, entry.number)) for entry in newer]
        missed = last - seen - len(newer)
        if missed:
            events.insert(0, _event("missed", {"missed": missed}))
    return "".join([_event("hello", hello, None if events else _id(world, last)), *events])


def _of_notice(world: World, notice: Notice) -> str:
    if notice.kind == REQUEST:
        return _event(REQUEST, entry_summary(notice.about), _id(world, notice.about.number))
    changed = {"operation": notice.about, "clock": clock_as_json(world)}
    return _event(CHANGE, changed, _id(world, world.journal.last_number))


def _id(world: World, number: int) -> str:
    """Numbers of requests start anew when the world is reset."""
    return f"{world.incarnation}.{number}"


def _event(kind: str, about: Any, id: str | None = None) -> str:
    first = "" if id is None else f"id: {id}\n"
    return f"{first}event: {kind}\ndata: {to_json(about).decode()}\n\n"
