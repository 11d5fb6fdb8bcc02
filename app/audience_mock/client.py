"""The test's hand in Python: a world of a server, steered over HTTP with the standard library alone.

The same class for a server in this process, the pytest fixture and a server elsewhere. It imports nothing of
the server, so it costs nothing where that runs by itself; what the control plane takes and gives goes through
as it is on the wire, and /openapi/control.json describes it.
"""

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NoReturn
from urllib.parse import quote, urlencode, urlsplit

DEFAULT_WORLD = "default"
"""As `core.world.DEFAULT`."""

ANSWERS_WITHIN_S = 60
"""Seconds for one call of the control plane: a state of a hundred thousand audiences takes some. Chosen."""

NOT_VERIFIED = 417
"""The status by which the control plane says that a world was not asked what a test expects."""


CONTROL = "/__admin"


class ControlError(Exception):
    """The control plane refused; the text is its sentence on what to do."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        super().__init__(told.get("error", f"status {status}"))
        self.status = status
        self.field: str | None = told.get("field")


class VerificationError(AssertionError):
    """A world was not asked what was expected; `told` has the nearest request and the fields that differ."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        lines = [told["error"]]
        for difference in told.get("differences", ()):
            found = json.dumps(difference["found"]) if "found" in difference else "nothing"
            lines.append(f"  {difference['path']}: {json.dumps(difference['wanted'])} wanted, {found} found")
        super().__init__("\n".join(lines))
        self.told = dict(told)


class UnusedFaultsError(AssertionError):
    """Faults were planned and did not happen as planned."""


@dataclass(frozen=True)
class Urls:
    """Where a client finds a world: the base for each API."""

    pinterest: str
    pitchtarget: str
    control: str


class MockWorld:
    """A world of the server at `url`, the default one unless `world` names another.

    A world is made when it is first named, from the server's seed. A call opens a connection of its own, so a
    handle may be used from any thread.
    """

    def __init__(self, url: str, *, world: str = DEFAULT_WORLD, admin_token: str | None = None) -> None:
        self._server_url = url.rstrip("/")
        self._admin_token = admin_token
        self.name = world
        self._place = f"/worlds/{quote(world, safe='')}"
        self.url = self._server_url + ("" if world == DEFAULT_WORLD else self._place)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'url', 'not started')}>"

    @property
    def urls(self) -> Urls:
        return Urls(pinterest=f"{self.url}/v5", pitchtarget=self.url, control=f"{self.url}{CONTROL}")

    @property
    def clock(self) -> "Clock":
        return Clock(self)

    @property
    def faults(self) -> "Faults":
        return Faults(self)

    @property
    def journal(self) -> "Journal":
        return Journal(self)

    def in_world(self, name: str) -> "MockWorld":
        """Another world of the same server."""
        return MockWorld(self._server_url, world=name, admin_token=self._admin_token)

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Give this world settings of its own, in the place of those it had."""
        told: dict[str, Any] = self.control("PUT", self._place, {"settings": settings})
        return told

    def fork(self, name: str) -> "MockWorld":
        """A new world that holds what this one holds now."""
        self.control("POST", f"{self._place}/fork", {"name": name})
        return self.in_world(name)

    def delete(self) -> None:
        """Forget this world; it is made anew if it is named again."""
        # Through the default world: a path through this one would make it, if it is gone already.
        self.in_world(DEFAULT_WORLD).control("DELETE", self._place)

    def reset(self, to: Literal["seed", "empty"] = "seed") -> None:
        """Back to the server's seed, or to nothing; settings and snapshots stay."""
        self.control("POST", "/reset", {"to": to})

    def seed(self, seed: Mapping[str, Any] | str | Path) -> dict[str, Any]:
        """Add what a seed, or the file of one, holds."""
        if not isinstance(seed, Mapping):
            seed = json.loads(Path(seed).read_bytes())
        told: dict[str, Any] = self.control("POST", "/seed", seed)
        return told

    def state(self) -> dict[str, Any]:
        """All that the world holds, in the form of a seed."""
        told: dict[str, Any] = self.control("GET", "/state")
        return told

    def snapshot(self, name: str) -> None:
        """Keep what the world holds now under a name."""
        self.control("PUT", f"/snapshots/{quote(name, safe='')}")

    def restore(self, name: str) -> None:
        """Make the world hold what it held when the snapshot was taken."""
        self.control("POST", f"/snapshots/{quote(name, safe='')}/restore")

    def verify(self, operation: str | None = None, **expected: Any) -> dict[str, Any]:
        """Check what the world was asked: `count`, `never`, `order`, `within_s`, and what narrows it down.

        Raises VerificationError, an AssertionError.
        """
        __tracebackhide__ = True
        if operation is not None:
            expected["operation"] = operation
        told: dict[str, Any] = self.control("POST", "/verify", expected)
        return told

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Any call of the control plane, as `control("GET", "/uploads")`; gives the JSON of its answer.

        Raises ControlError.
        """
        __tracebackhide__ = True
        parts = urlsplit(self.url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        # Not urllib: it goes through the proxy that the environment names, also to this machine.
        connection = connect(parts.hostname or "", parts.port, timeout=ANSWERS_WITHIN_S)
        headers = {"Connection": "close"}
        if self._admin_token is not None:
            headers["Authorization"] = f"Bearer {self._admin_token}"
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, f"{parts.path}{CONTROL}{path}", sent, headers)
            response = connection.getresponse()
            received = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            _refused(response.status, received)
        return json.loads(received) if received else None


def connect(url: str, *, world: str = DEFAULT_WORLD, admin_token: str | None = None) -> MockWorld:
    """A world of a server that runs already. Raises OSError, if there is none, and ControlError."""
    held = MockWorld(url, world=world, admin_token=admin_token)
    held.control("GET", "/worlds")
    return held


class Clock:
    """The time of a world, by which every timestamp, status, token and limit goes."""

    def __init__(self, world: MockWorld) -> None:
        self._world = world

    def get(self) -> dict[str, Any]:
        told: dict[str, Any] = self._world.control("GET", "/clock")
        return told

    def set(self, now: float | str | datetime, *, frozen: bool | None = None) -> dict[str, Any]:
        """`now` is in Unix seconds, ISO 8601, or a datetime with its zone."""
        return self._put(now, frozen)

    def freeze(self, at: float | str | datetime | None = None) -> dict[str, Any]:
        """Stand still, now or at the given time."""
        return self._put(at, True)

    def run(self) -> dict[str, Any]:
        """Go on, from the time that it shows."""
        return self._put(None, False)

    def advance(
        self,
        seconds: float | None = None,
        *,
        to: Literal["next-event", "idle"] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Move forward, frozen or running, by `seconds` or `to` what the agenda has."""
        wanted = {"seconds": seconds, "to": to, **more}
        body = {name: value for name, value in wanted.items() if value is not None}
        told: dict[str, Any] = self._world.control("POST", "/clock/advance", body)
        return told

    def agenda(self, **query: Any) -> list[dict[str, Any]]:
        """What will happen by itself, by time."""
        path = "/clock/agenda" + (f"?{urlencode(query)}" if query else "")
        events: list[dict[str, Any]] = self._world.control("GET", path)["events"]
        return events

    def _put(self, now: float | str | datetime | None, frozen: bool | None) -> dict[str, Any]:
        if isinstance(now, datetime):
            if now.tzinfo is None:
                raise ValueError(f"{now!r} says no time zone: give it tzinfo=UTC")
            now = now.isoformat()
        body = {name: value for name, value in (("now", now), ("frozen", frozen)) if value is not None}
        told: dict[str, Any] = self._world.control("PUT", "/clock", body)
        return told


class Faults:
    """Calls of a world that shall go wrong."""

    def __init__(self, world: MockWorld) -> None:
        self._world = world

    def add(self, operation: str, **fault: Any) -> str:
        """Plan one: which calls, and what happens, as `add("audiences/create", status=503)`; its id."""
        made: list[str] = self._world.control("POST", "/faults", {"operation": operation, **fault})["ids"]
        return made[0]

    def list(self) -> Sequence[dict[str, Any]]:
        """All planned faults, used or not."""
        faults: list[dict[str, Any]] = self._world.control("GET", "/faults")["faults"]
        return faults

    def unused(self) -> Sequence[dict[str, Any]]:
        """Those that did not happen as planned."""
        told = self._world.control("GET", "/faults")
        return [fault for fault in told["faults"] if fault["id"] in told["unused"]]

    def expect_used(self) -> None:
        """Raises UnusedFaultsError, an AssertionError, if there are any."""
        __tracebackhide__ = True  # pytest then shows the line of the test
        if unused := self.unused():
            ids = ", ".join(fault["id"] for fault in unused)
            raise UnusedFaultsError(
                "\n  ".join([f"never fired, or not as often as planned: {ids}", *map(json.dumps, unused)])
            )

    def remove(self, fault: str) -> None:
        self._world.control("DELETE", f"/faults/{quote(fault, safe='')}")

    def clear(self) -> None:
        self._world.control("DELETE", "/faults")


class Journal:
    """What a world was asked, and what it answered."""

    def __init__(self, world: MockWorld) -> None:
        self._world = world

    def entries(self, **criteria: Any) -> list[dict[str, Any]]:
        """The newest last; by `operation`, `path`, `status`, `match`, `after`, `limit`, …"""
        entries: list[dict[str, Any]] = self._world.control("POST", "/journal/search", criteria)["entries"]
        return entries

    def clear(self) -> None:
        self._world.control("DELETE", "/journal")


def _refused(status: int, received: bytes) -> NoReturn:
    __tracebackhide__ = True
    try:
        told = json.loads(received)
    except ValueError:
        told = {"error": f"what answers there is not Audience Mock: status {status}"}
    if status == NOT_VERIFIED:
        raise VerificationError(told)
    raise ControlError(status, told)
