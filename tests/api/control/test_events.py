"""The server-sent events of a world."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from audience_mock.control import events as events_module
from audience_mock.core.controls.subscriptions import MAX_SUBSCRIBERS, MAX_WAITING
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import control_error
from helpers.waiting import LIMIT_S, until

EVENTS = "/__admin/events"
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"

Event = tuple[str | None, str, dict[str, Any]]


@contextmanager
def following(url: str, **headers: str) -> Iterator[Iterator[Event]]:
    """The events from now on; the first, `hello`, is read already."""
    with httpx.stream("GET", url, headers=headers, timeout=LIMIT_S) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
        yield parsed(response)


def parsed(response: httpx.Response) -> Iterator[Event]:
    event: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        else:
            if "event" in event:
                yield event.get("id"), event["event"], json.loads(event["data"])
            event = {}


def test_requests_are_seen_as_they_come(mock: MockServer, pinterest: httpx.Client) -> None:
    """`hello` has the clock; then comes each request in short, with the number it has in the journal."""
    with following(mock.url + EVENTS) as events:
        id, kind, hello = next(events)
        assert (id, kind) == ("0.0", "hello")
        assert (hello["world"], hello["last_number"], hello["resumed"]) == ("default", 0, False)
        assert hello["clock"]["frozen"] is True
        pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences?access_token=secret-of-mine")
        id, kind, seen = next(events)
        assert (id, kind) == ("0.1", "request")
        (kept,) = httpx.get(f"{mock.url}/__admin/journal/summary").json()["requests"]
        assert seen == kept
        assert (seen["operation"], seen["status"], seen["fault"]) == ("audiences/list", 200, None)
        assert "secret-of-mine" not in json.dumps(seen)


def test_changes_name_their_operation(mock: MockServer) -> None:
    """What the control API changes is announced with the clock; what only reads, or fails, is not."""
    with following(mock.url + EVENTS) as events:
        next(events)
        httpx.get(f"{mock.url}/__admin/clock")
        httpx.post(f"{mock.url}/__admin/journal/search", json={})
        httpx.post(f"{mock.url}/__admin/verify", json={"never": True})
        httpx.post(f"{mock.url}/__admin/clock/advance", json={"seconds": -1})
        mock.clock.set(1_800_000_000, frozen=True)
        _, kind, change = next(events)
        assert (kind, change["operation"], change["clock"]["unix"]) == ("change", "clock/put", 1_800_000_000)
        mock.faults.add("*", status=503)
        assert next(events)[2]["operation"] == "faults/add"
        mock.in_world("other").faults.add("*", status=503)
        mock.in_world("third").configure(build_delay_s=0)
        assert next(events)[2]["operation"] == "worlds/update"


def test_worlds_are_followed_apart(mock: MockServer) -> None:
    """A subscriber of one world sees no request of another, and learns that its world was deleted."""
    blue = mock.in_world("blue")
    with following(f"{blue.url}{EVENTS}") as events:
        next(events)
        httpx.get(mock.url + AUDIENCES, headers=PINTEREST_TOKEN)
        httpx.get(blue.url + AUDIENCES, headers=PINTEREST_TOKEN)
        _, _, seen = next(events)
        assert seen["path"].startswith("/worlds/blue/")
        blue.delete()
        kinds = [(kind, data.get("why")) for _, kind, data in events]
        assert kinds[-1] == ("end", "deleted")


def test_a_client_that_comes_back_gets_what_it_missed(mock: MockServer, pinterest: httpx.Client) -> None:
    """With the id of the last event come the requests since; after a reset they are other requests."""
    for _ in range(3):
        pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences")
    with following(mock.url + EVENTS, **{"Last-Event-ID": "0.1"}) as events:
        assert next(events)[2]["resumed"] is True
        assert [next(events)[0], next(events)[0]] == ["0.2", "0.3"]
    mock.reset()
    for stale in ("0.1", "1.7", "x", "1.x", ""):
        with following(mock.url + EVENTS, **{"Last-Event-ID": stale}) as events:
            id, _, hello = next(events)
            assert (id, hello["resumed"]) == ("1.0", False)


@pytest.mark.sqlite_only(reason="it notifies within the process; subscribers of a database read its journal")
def test_what_came_too_fast_is_counted(
    mock: MockServer, pinterest: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more requests than may wait, the newest are sent and the others counted."""
    journal, world = mock.world.journal, mock.world
    pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audiences")
    entry = next(iter(journal))
    with following(mock.url + EVENTS) as events:
        next(events)
        # At once, as far as the server can tell: it looks ten times a second.
        for _ in range(2 * MAX_WAITING):
            world.subscribers.notify("request", entry)
        seen = [next(events)]
        while sum(data.get("missed", 0) for _, _, data in seen) + len(seen) - 1 < 2 * MAX_WAITING:
            seen.append(next(events))
        kinds = {kind for _, kind, _ in seen}
        assert kinds == {"missed", "request"}


def test_silence_is_broken(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing happens, comments keep the connection alive."""
    monkeypatch.setattr(events_module, "HEARTBEAT_S", 0.0)
    with httpx.stream("GET", mock.url + EVENTS, timeout=LIMIT_S) as response:
        assert ": nothing happened" in response.iter_lines()


def test_a_stream_may_be_given_an_end(mock: MockServer) -> None:
    """`for_s` ends it: a script gets what happened in between."""
    with following(f"{mock.url}{EVENTS}?for_s=0") as events:
        assert [(kind, data.get("why")) for _, kind, data in events] == [("hello", None), ("end", "over")]
    assert control_error(httpx.get(f"{mock.url}{EVENTS}?for_s=-1"), 400)["field"] == "for_s"


def test_the_server_stops_in_time(start: Callable[..., MockServer]) -> None:
    """A server with a subscriber tells it, and stops as fast as without one."""
    ended: list[Event] = []
    with ExitStack() as stack:
        with MockServer() as mock:
            events = stack.enter_context(following(mock.url + EVENTS))
            next(events)
            reader = threading.Thread(target=lambda: ended.extend(events))
            reader.start()
        reader.join(LIMIT_S)
    assert [(kind, data["why"]) for _, kind, data in ended] == [("end", "stopping")]


def test_nobody_is_left_behind(mock: MockServer) -> None:
    """A subscriber that disconnects is forgotten."""
    with following(mock.url + EVENTS) as events:
        next(events)
        assert len(mock.world.subscribers) == 1
    until(lambda: not mock.world.subscribers, "its end")


def test_subscribers_are_bounded(mock: MockServer) -> None:
    """One too many is told so."""
    opened = [mock.world.subscribers.subscribed() for _ in range(MAX_SUBSCRIBERS)]
    for each in opened:
        each.__enter__()
    assert "close one first" in control_error(httpx.get(mock.url + EVENTS), 409)["error"]


def test_it_needs_the_token(start: Callable[..., MockServer]) -> None:
    """The events are under the access rules of the control API."""
    mock = start(admin_token="open-sesame")
    assert control_error(httpx.get(mock.url + EVENTS), 401)
    with following(mock.url + EVENTS, Authorization="Bearer open-sesame") as events:
        assert next(events)[1] == "hello"
