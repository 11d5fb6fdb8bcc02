"""/__admin/clock: the time of a world, and what will happen in it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, ConfigDict, Field

from audience_mock.control.errors import invalid_input
from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core import agenda
from audience_mock.core.worlds.clock import LATEST_MS
from audience_mock.core.worlds.world import World
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import Timestamp, iso_8601, unix_seconds

router = APIRouter(route_class=ControlRoute, prefix="/__admin/clock", tags=["clock"])

DEFAULT_EVENTS = 100
"""On an agenda, unless the request has a `limit`. Chosen."""

EventKind = Literal["audience", "facebook_id", "customer_list", "upload", "token", "limit"]
"""The kinds of `core.agenda`."""


class ClockState(ApiModel):
    now: str = Field(description="ISO 8601 in UTC, to the millisecond.")
    unix: float = Field(description="The same in Unix seconds.")
    frozen: bool = Field(description="Whether the clock stands still.")


class ClockSet(ApiModel):
    """Keys that are left out keep their value: a frozen clock stays frozen at its new time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "minProperties": 1,
            "examples": [{"now": "2026-07-01T12:00:00Z", "frozen": True}, {"frozen": False}],
        },
    )

    now: Timestamp | None = None
    frozen: bool | None = Field(default=None, description="`true` stops the clock, `false` lets it run.")


class Advance(ApiModel):
    """Either `seconds`, or `to` an event on the agenda."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"minProperties": 1, "examples": [{"seconds": 60}, {"to": "next-event"}]},
    )

    seconds: float | None = Field(default=None, ge=0, le=LATEST_MS / 1000)
    to: Literal["next-event", "idle"] | None = Field(
        default=None,
        description=(
            "`next-event`: the time of the first event on the agenda. `idle`: that of the last one. If there"
            " is none, the clock stays."
        ),
    )
    kinds: list[EventKind] = Field(
        default=[],
        description=(
            "With `to`: the kinds of events that count. By default all, so `idle` also lets tokens expire."
        ),
    )


class Advanced(ClockState):
    fired: int = Field(description="Number of these events that fired in between.")


class Event(ApiModel):
    """An event of the agenda, with keys by its kind:

    `audience`, which is built: `api`, `id`, `account`, and the status that it `becomes`. `facebook_id`, which
    an audience of PitchTarget's gets: `api`, `id`, `account`. `customer_list`, which is built: `id`,
    `account`, `becomes`. `upload`, which finishes: `id`, `customer_list`, `becomes`. `token`, which expires:
    its kind as `token`, and the first digits of its SHA-256 as `digest`. `limit`, a window that ends: the
    rate limit `limit`, the calls that are `left`, and the beginning and `digest` of the `caller`'s token.
    """

    model_config = ConfigDict(extra="allow")

    at: str = Field(description="ISO 8601 in UTC, to the millisecond.")
    unix: float
    in_s: float = Field(description="Seconds from now.")
    kind: EventKind


class Agenda(ApiModel):
    events: list[Event] = Field(description="The next events, in the order of their times.")
    total: int = Field(description="Number of events on the agenda.")


def _comma_separated(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


class AgendaQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    kinds: Annotated[list[EventKind], BeforeValidator(_comma_separated)] = Field(
        default=[], description="Kinds of events to show, separated by commas."
    )
    limit: int = Field(default=DEFAULT_EVENTS, ge=1, le=1000, description="Number of events to show at most.")


def clock_as_json(world: World) -> dict[str, Any]:
    now_ms = world.clock.now_ms()
    return {"now": iso_8601(now_ms), "unix": unix_seconds(now_ms), "frozen": world.clock.frozen}


_EXAMPLE = {"now": "2026-11-22T12:00:05.000Z", "unix": 1795348805.0, "frozen": True}
_EVENT_EXAMPLE = {
    "at": "2026-11-22T12:00:05.000Z",
    "unix": 1795348805.0,
    "in_s": 5.0,
    "kind": "audience",
    "api": "pinterest",
    "id": "2542623499806",
    "account": "549755885175",
    "becomes": "READY",
}


@router.get(
    "",
    operation_id="clock/get",
    summary="Get the time",
    response_model=ClockState,
    responses=success(_EXAMPLE),
)
async def get(request: MockRequest) -> RawResponse:
    """Show the time of this world, which decides every timestamp, status, token expiry and rate limit."""
    return json_response(clock_as_json(request.world))


@router.put(
    "",
    operation_id="clock/put",
    summary="Set the time",
    response_model=ClockState,
    responses=success(_EXAMPLE),
)
async def put(request: MockRequest, body: ClockSet) -> RawResponse:
    """Set the time, stop the clock or let it run. When the clock goes back, rows keep their timestamps, what
    the clock had built is not built yet, and rate-limit windows start anew."""
    if body.now is None and body.frozen is None:
        raise invalid_input((), "give now, frozen, or both", {})
    request.world.set_clock(now_ms=body.now, frozen=body.frozen)
    return json_response(clock_as_json(request.world))


@router.post(
    "/advance",
    operation_id="clock/advance",
    summary="Advance the clock",
    response_model=Advanced,
    responses=success({**_EXAMPLE, "fired": 1}),
)
async def advance(request: MockRequest, body: Advance) -> RawResponse:
    """Move the time forward, frozen or running."""
    _check(body)
    world = request.world
    now_ms = world.clock.now_ms()
    before = agenda.next_events(world, kinds=body.kinds, limit=0 if body.to is None else 1)
    by_ms = _step_ms(body, before, now_ms)
    if now_ms + by_ms >= LATEST_MS:
        raise invalid_input(
            ("seconds",), "the clock cannot go beyond the year 9998: advance it by less", body.seconds
        )
    world.advance_clock(by_ms)
    fired = before.total - agenda.next_events(world, kinds=body.kinds, limit=0).total
    return json_response({**clock_as_json(world), "fired": fired})


@router.get(
    "/agenda",
    operation_id="clock/agenda",
    summary="List what will happen",
    response_model=Agenda,
    responses=success({"events": [_EVENT_EXAMPLE], "total": 1}),
)
async def show_agenda(request: MockRequest, query: Annotated[AgendaQuery, Query()]) -> RawResponse:
    """List the events that the clock will cause. A status that is held, or waits for reads or for the test,
    is not among them."""
    found = agenda.next_events(request.world, kinds=query.kinds, limit=query.limit)
    now_ms = request.world.clock.now_ms()
    events = [_event_as_json(event, now_ms) for event in found.events]
    return json_response({"events": events, "total": found.total})


def _check(body: Advance) -> None:
    """Raises InvalidInputError for fields that contradict each other."""
    if (body.seconds is None) == (body.to is None):
        raise invalid_input((), "give either seconds or to", body.model_dump(exclude_unset=True))
    if body.to is None and body.kinds:
        raise invalid_input(("kinds",), "is valid with to only: leave it out", body.kinds)


def _step_ms(body: Advance, upcoming: agenda.Agenda, now_ms: int) -> int:
    """How far to advance; 0 where nothing is upcoming."""
    if body.seconds is not None:
        return round(body.seconds * 1000)
    if upcoming.last_at_ms is None:
        return 0
    to_ms = upcoming.last_at_ms if body.to == "idle" else upcoming.events[0].at_ms
    return max(0, to_ms - now_ms)


def _event_as_json(event: agenda.Event, now_ms: int) -> dict[str, Any]:
    return {
        "at": iso_8601(event.at_ms),
        "unix": unix_seconds(event.at_ms),
        "in_s": unix_seconds(event.at_ms - now_ms),
        "kind": event.kind,
        **event.about,
    }
