"""Clock, faults and journal of a world: parts of the client of the control API, whose module exports them."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, Unpack
from urllib.parse import quote, urlencode

from audience_mock.client_errors import UnusedFaultsError
from audience_mock.client_types import Criteria, PlannedFault


class World(Protocol):
    """What they need of `MockWorld`."""

    def control(self, method: str, path: str, body: Any = None) -> Any: ...


class Clock:
    """The time of a world, which decides every timestamp, status, token expiry and rate limit.

    Methods return the clock: `now` (ISO 8601 in UTC), `unix` (seconds) and `frozen`. They raise ControlError.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def get(self) -> dict[str, Any]:
        """What the clock shows."""
        clock: dict[str, Any] = self._world.control("GET", "/clock")
        return clock

    def set(self, now: float | str | datetime, *, frozen: bool | None = None) -> dict[str, Any]:
        """Set the time: Unix seconds, ISO 8601 text, or a datetime with a time zone.

        `frozen` stops the clock or lets it run; without it, that stays as it is. Raises ValueError for a
        datetime without a time zone.
        """
        return self._put(now, frozen)

    def freeze(self, at: float | str | datetime | None = None) -> dict[str, Any]:
        """Stop the clock, now or at a time that `set` takes."""
        return self._put(at, True)

    def run(self) -> dict[str, Any]:
        """Let a stopped clock run, from the time that it shows."""
        return self._put(None, False)

    def advance(
        self,
        seconds: float | None = None,
        *,
        to: Literal["next-event", "idle"] | None = None,
        kinds: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Move the time forward, by `seconds`, or `to` the next or the last event on the agenda.

        With `to`, only events of these `kinds` count. Returns the clock and `fired`, the number of events
        that fired in between.
        """
        wanted = {"seconds": seconds, "to": to, "kinds": kinds}
        body = {name: value for name, value in wanted.items() if value is not None}
        clock: dict[str, Any] = self._world.control("POST", "/clock/advance", body)
        return clock

    def agenda(
        self, *, kinds: str | Sequence[str] | None = None, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """The next events, in the order of their times: all, or those of `kinds`; `limit` is 100 by default.

        Each has `at` (ISO 8601), `unix` (seconds), `in_s` (seconds from now), `kind`, and what it concerns.
        """
        joined = kinds if kinds is None or isinstance(kinds, str) else ",".join(kinds)
        wanted = {"kinds": joined, "limit": limit}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        events: list[dict[str, Any]] = self._world.control("GET", f"/clock/agenda?{query}")["events"]
        return events

    def _put(self, now: float | str | datetime | None, frozen: bool | None) -> dict[str, Any]:
        if isinstance(now, datetime):
            if now.tzinfo is None:
                raise ValueError(f"{now!r} has no time zone: give it tzinfo=UTC")
            now = now.isoformat()
        body = {name: value for name, value in (("now", now), ("frozen", frozen)) if value is not None}
        clock: dict[str, Any] = self._world.control("PUT", "/clock", body)
        return clock


class Faults:
    """Faults planned in a world: calls that are to fail, be slow or be cut off."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, operation: str, **fault: Unpack[PlannedFault]) -> str:
        """Plan a fault, as `add("audiences/create", status=503, first=1)`, and return its id.

        `operation` is the id of an operation, or "*" for all. Raises ControlError.
        """
        ids: list[str] = self._world.control("POST", "/faults", {"operation": operation, **fault})["ids"]
        return ids[0]

    def list(self) -> Sequence[dict[str, Any]]:
        """All planned faults, in the order of planning.

        Each has what it was planned with, and `id`, `seen` (calls that it matched), `fired` (calls that it
        changed), `left` (how many more, or None for no limit), `used` and `window_left_s` (seconds).
        """
        faults: list[dict[str, Any]] = self._world.control("GET", "/faults")["faults"]
        return faults

    def unused(self) -> Sequence[dict[str, Any]]:
        """The planned faults that never fired, or not as often as planned."""
        body = self._world.control("GET", "/faults")
        return [fault for fault in body["faults"] if fault["id"] in body["unused"]]

    def expect_used(self) -> None:
        """Raise UnusedFaultsError, an AssertionError, if a fault is unused."""
        __tracebackhide__ = True  # pytest then shows the line of the test
        if unused := self.unused():
            ids = ", ".join(fault["id"] for fault in unused)
            raise UnusedFaultsError(
                "\n  ".join([f"never fired, or not as often as planned: {ids}", *map(json.dumps, unused)])
            )

    def remove(self, fault: str) -> None:
        """Remove a fault by its id. Raises ControlError if there is none."""
        self._world.control("DELETE", f"/faults/{quote(fault, safe='')}")

    def clear(self) -> None:
        """Remove all faults."""
        self._world.control("DELETE", "/faults")


class Journal:
    """The requests that a world received, and what it responded."""

    def __init__(self, world: World) -> None:
        self._world = world

    def entries(self, **criteria: Unpack[Criteria]) -> list[dict[str, Any]]:
        """The requests that meet all criteria, oldest first, as `entries(operation="audiences/create")`.

        The criteria are the body of POST /journal/search: `operation`, `path`, `status`, `match`, `after`, …;
        `limit` bounds the number. Raises ControlError.
        """
        entries: list[dict[str, Any]] = self._world.control("POST", "/journal/search", criteria)["entries"]
        return entries

    def clear(self) -> None:
        """Remove all entries."""
        self._world.control("DELETE", "/journal")
