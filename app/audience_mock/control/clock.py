"""/__admin/clock: the time of a world, and what it will bring."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, ConfigDict, Field

from audience_mock.control.errors import response
from audience_mock.control.instants import Instant, iso, unix
from audience_mock.control.route import ControlRoute
from audience_mock.core import agenda
from audience_mock.core.worlds.clock import LATEST_MS
from audience_mock.core.worlds.world import World
from audience_mock.web.errors import InvalidInputError
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin/clock", tags=["clock"])

EVENTS_SHOWN = 100
"""On an agenda, if nobody asks for more."""

Kind = Literal["audience", "facebook_id", "customer_list", "upload", "token", "limit"]
"""Those of `core.agenda`."""


class ClockState(ApiModel):
    now: str = Field(description="ISO 8601 in UTC, to the millisecond.")
    unix: float = Field(description="The same in Unix seconds.")
    frozen: bool = Field(description="Whether the clock stands still.")


class ClockSet(ApiModel):
    """Keys that are left out keep their value: a frozen clock stays frozen at its new time."""

    model_config = ConfigDict(extra="forbid")

    now: Instant | None = None
    frozen: bool | None = Field(default=None, description="`true` stops the clock, `false` lets it run.")


class Advance(ApiModel):
    """Either `seconds`, or `to` an event on the agenda."""

    model_config = ConfigDict(extra="forbid")

    seconds: float | None = Field(default=None, ge=0, le=LATEST_MS / 1000)
    to: Literal["next-event", "idle"] | None = Field(
        default=None,
        description=(
            "`next-event`: the time of the first event on the agenda. `idle`: that of the last one. If there"
            " is none, the clock stays."
        ),
    )
    kinds: list[Kind] = Field(
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
    kind: Kind


class Agenda(ApiModel):
    events: list[Event] = Field(description="The next events, in the order of their times.")
    total: int = Field(description="Number of events on the agenda.")


def _comma_separated(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


class AgendaQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    kinds: Annotated[list[Kind], BeforeValidator(_comma_separated)] = Field(
        default=[], description="Kinds of events to show, separated by commas."
    )
    limit: int = Field(default=EVENTS_SHOWN, ge=1, le=1000, description="Number of events to show at most.")


def _shown(world: World) -> dict[str, Any]:
    now_ms = world.clock.now_ms()
    return {"now": iso(now_ms), "unix": unix(now_ms), "frozen": world.clock.frozen}


@router.get("", operation_id="clock/get", response_model=ClockState)
async def get(request: MockRequest) -> RawResponse:
    """Show the time of this world, which decides every timestamp, status, token expiry and rate limit."""
    return response(200, _shown(request.world))


@router.put("", operation_id="clock/put", response_model=ClockState)
async def put(request: MockRequest, body: ClockSet) -> RawResponse:
    """Set the time, stop the clock or let it run. When the clock goes back, rows keep their timestamps, what
    the clock had built is not built yet, and rate-limit windows start anew."""
    if body.now is None and body.frozen is None:
        raise _refused((), "give now, frozen, or both", {})
    request.world.set_clock(now_ms=body.now, frozen=body.frozen)
    return response(200, _shown(request.world))


@router.post("/advance", operation_id="clock/advance", response_model=Advanced)
async def advance(request: MockRequest, body: Advance) -> RawResponse:
    """Move the time forward, frozen or running."""
    if (body.seconds is None) == (body.to is None):
        raise _refused((), "give either seconds or to", body.model_dump(exclude_unset=True))
    if body.to is None and body.kinds:
        raise _refused(("kinds",), "goes with to, not with seconds", body.kinds)
    world = request.world
    before = agenda.next_events(world, kinds=body.kinds)
    now_ms = world.clock.now_ms()
    by_ms = round((body.seconds or 0) * 1000)
    if body.to is not None and before.last_at_ms is not None:
        to_ms = before.last_at_ms if body.to == "idle" else before.events[0].at_ms
        by_ms = max(0, to_ms - now_ms)
    if now_ms + by_ms >= LATEST_MS:
        raise _refused(("seconds",), "no clock goes beyond the year 9998", body.seconds)
    world.advance_clock(by_ms)
    fired = before.total - agenda.next_events(world, kinds=body.kinds).total
    return response(200, {**_shown(world), "fired": fired})


@router.get("/agenda", operation_id="clock/agenda", response_model=Agenda)
async def show_agenda(request: MockRequest, query: Annotated[AgendaQuery, Query()]) -> RawResponse:
    """List the events that the clock will cause. A status that is held, or waits for reads or for the test,
    is not among them."""
    found = agenda.next_events(request.world, kinds=query.kinds, limit=query.limit)
    now_ms = request.world.clock.now_ms()
    events = [
        {
            "at": iso(event.at_ms),
            "unix": unix(event.at_ms),
            "in_s": unix(event.at_ms - now_ms),
            "kind": event.kind,
            **event.about,
        }
        for event in found.events
    ]
    return response(200, {"events": events, "total": found.total})


def _refused(place: tuple[str, ...], message: str, given: Any) -> InvalidInputError:
    return InvalidInputError("body", [{"type": "refused", "loc": place, "msg": message, "input": given}])
