"""The clock of a world over HTTP, with both APIs' own reads as the observers."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from audience_mock.control import clock
from audience_mock.core import agenda
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error, pinterest_error
from helpers.pitchtarget_requests import FILE, FILE_FIELDS, LOOKALIKE

VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
NOON = 1_782_907_200
"""2026-07-01T12:00:00Z."""


@pytest.fixture
def at_noon() -> Iterator[Callable[..., httpx.Client]]:
    """Gives plain HTTP to a server, or to a world of it by its path; the clock stands still at noon."""
    with ExitStack() as opened:

        def connect(mock: MockServer, world: str = "") -> httpx.Client:
            client = httpx.Client(base_url=mock.url + world, headers=PINTEREST_TOKEN)
            set_clock(opened.enter_context(client), now=NOON, frozen=True)
            return client

        yield connect


@pytest.fixture
def client(start: Callable[..., MockServer], at_noon: Callable[..., httpx.Client]) -> httpx.Client:
    """Plain HTTP to a fresh server without rate-limit headers, its clock frozen at noon."""
    return at_noon(start(rate_limits="off"))


def set_clock(client: httpx.Client, **body: Any) -> dict[str, Any]:
    response = client.put("/__admin/clock", json=body)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


def advance(client: httpx.Client, **body: Any) -> dict[str, Any]:
    response = client.post("/__admin/clock/advance", json=body)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


def make(client: httpx.Client) -> str:
    made = client.post(AUDIENCES, json=VISITORS)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def get(client: httpx.Client, id: str) -> dict[str, Any]:
    response = client.get(f"{AUDIENCES}/{id}")
    assert response.status_code == 200, response.text
    audience: dict[str, Any] = response.json()
    return audience


def app_token(client: httpx.Client) -> dict[str, Any]:
    form = {"grant_type": "client_credentials", "scope": "ads:read"}
    response = client.post("/v5/oauth/token", auth=("1", "s"), data=form)
    assert response.status_code == 200, response.text
    given: dict[str, Any] = response.json()
    return given


def events(client: httpx.Client, **query: str | int) -> list[dict[str, Any]]:
    shown = client.get("/__admin/clock/agenda", params=query)
    assert shown.status_code == 200, shown.text
    found: list[dict[str, Any]] = shown.json()["events"]
    return found


@pytest.mark.parametrize(
    ("given", "unix"),
    [
        (NOON, NOON),
        (NOON + 0.25, NOON + 0.25),
        ("2026-07-01T12:00:00Z", NOON),
        ("2026-07-01T14:00:00.250+02:00", NOON + 0.25),
        ("2026-07-01T12:00:00", NOON),
        ("2026-07-01", NOON - 43_200),
        (0, 0),
    ],
)
def test_the_time_is_set_as_number_or_text(client: httpx.Client, given: float | str, unix: float) -> None:
    """`now` is Unix seconds or ISO 8601 text, in UTC where it names no offset, and answered as both."""
    shown = set_clock(client, now=given)
    assert (shown["unix"], shown["frozen"]) == (unix, True)
    assert client.get("/__admin/clock").json() == shown
    assert set_clock(client, now=shown["now"]) == shown
    assert get(client, make(client))["created_timestamp"] == int(unix)


def test_the_time_is_shown_to_the_millisecond(client: httpx.Client) -> None:
    """A moment is shown as ISO 8601 in UTC and as Unix seconds."""
    shown = set_clock(client, now=NOON + 0.007)
    assert shown == {"now": "2026-07-01T12:00:00.007Z", "unix": NOON + 0.007, "frozen": True}


@pytest.mark.parametrize("given", ["soon", True, -1, 253_370_764_800, "1969-12-31", "", [1], 1e300])
def test_an_invalid_time_is_rejected(client: httpx.Client, given: object) -> None:
    """`now` is a time from 1970 to 9998, and what is rejected changes nothing."""
    before = client.get("/__admin/clock").json()
    rejected = client.put("/__admin/clock", json={"now": given, "frozen": False})
    assert control_error(rejected, 400)["field"] == "now"
    assert client.get("/__admin/clock").json() == before


@pytest.mark.parametrize(
    ("path", "method", "body", "field"),
    [
        ("clock", "PUT", {}, None),
        ("clock", "PUT", {"frozen": "maybe"}, "frozen"),
        ("clock", "PUT", {"then": 1}, "then"),
        ("clock/advance", "POST", {}, None),
        ("clock/advance", "POST", {"seconds": 1, "to": "idle"}, None),
        ("clock/advance", "POST", {"seconds": -1}, "seconds"),
        ("clock/advance", "POST", {"seconds": 253_370_000_000}, "seconds"),
        ("clock/advance", "POST", {"seconds": 1, "kinds": ["audience"]}, "kinds"),
        ("clock/advance", "POST", {"to": "the end"}, "to"),
        ("clock/advance", "POST", {"to": "idle", "kinds": ["war"]}, "kinds.0"),
        ("clock/agenda?limit=0", "GET", None, "limit"),
        ("clock/agenda?kinds=audience,war", "GET", None, "kinds.1"),
        ("clock/agenda?since=1", "GET", None, "since"),
    ],
)
def test_what_the_clock_cannot_do_names_the_field(
    client: httpx.Client, path: str, method: str, body: object, field: str | None
) -> None:
    """The error says what to give instead, and the clock stays."""
    before = client.get("/__admin/clock").json()
    rejected = client.request(method, f"/__admin/{path}", json=body)
    assert control_error(rejected, 400).get("field") == field
    assert client.get("/__admin/clock").json() == before


def test_a_clock_runs_on_from_where_it_is_put(client: httpx.Client) -> None:
    """A clock that is let run goes on from its time, and one that is stopped keeps the time it showed."""
    assert set_clock(client, frozen=False)["frozen"] is False
    later = set_clock(client, now=NOON + 1000)
    assert later["frozen"] is False
    assert later["unix"] >= NOON + 1000
    stopped = set_clock(client, frozen=True)
    assert stopped["unix"] >= later["unix"]
    assert client.get("/__admin/clock").json() == stopped
    assert advance(client, seconds=0.5) == {**client.get("/__admin/clock").json(), "fired": 0}
    assert client.get("/__admin/clock").json()["unix"] == pytest.approx(stopped["unix"] + 0.5)


def test_the_clock_rules_status_and_timestamps(client: httpx.Client) -> None:
    """An audience is READY once the clock is moved past its build, and a change has the clock's time."""
    id = make(client)
    assert advance(client, seconds=4.999)["fired"] == 0
    assert get(client, id)["status"] == "INITIALIZING"
    assert advance(client, seconds=0.001)["fired"] == 1
    assert get(client, id)["status"] == "READY"
    changed = client.patch(f"{AUDIENCES}/{id}", json={"name": "w"}).json()
    assert (changed["created_timestamp"], changed["updated_timestamp"]) == (NOON, NOON + 5)


def test_a_clock_goes_back(client: httpx.Client) -> None:
    """Set to an earlier time, what was built is not built yet, and what was made keeps its times."""
    set_clock(client, now=NOON + 100)
    id = make(client)
    advance(client, to="idle")
    assert get(client, id)["status"] == "READY"
    set_clock(client, now=NOON)
    audience = get(client, id)
    assert (audience["status"], audience["created_timestamp"]) == ("INITIALIZING", NOON + 100)
    assert events(client)[0]["in_s"] == 105


def test_a_clock_that_goes_back_begins_new_windows(
    start: Callable[..., MockServer], at_noon: Callable[..., httpx.Client]
) -> None:
    """A caller that used up a limit may call again once the clock is set back, even by a moment."""
    client = at_noon(start(rate_limits="standard"))
    codes = [client.get(AUDIENCES).status_code for _ in range(101)]
    assert codes == [200] * 100 + [429]
    set_clock(client, now=NOON + 0.5)
    assert client.get(AUDIENCES).status_code == 429
    set_clock(client, now=NOON + 0.3)
    assert client.get(AUDIENCES).status_code == 200


def test_a_window_of_a_limit_ends_on_the_agenda(
    start: Callable[..., MockServer], at_noon: Callable[..., httpx.Client]
) -> None:
    """The agenda says when a limit's window ends and whose it is, without the token; then calls go on."""
    client = at_noon(start(rate_limits="standard"))
    for _ in range(101):
        rejected = client.get(AUDIENCES)
    assert pinterest_error(rejected)["code"] == 8
    windows = events(client)
    assert [(event["kind"], event["in_s"], event["limit"], event["left"]) for event in windows] == [
        ("limit", 1, "safety_net_app_id_user_id", 0),
        ("limit", 60, "ads_read_app_id_user_id", 900),
    ]
    assert {event["caller"] for event in windows} == {"pina…"}
    assert "pina_test" not in client.get("/__admin/clock/agenda").text
    assert advance(client, to="next-event")["unix"] == NOON + 1
    assert client.get(AUDIENCES).status_code == 200


def test_a_token_expires_on_the_agenda(client: httpx.Client) -> None:
    """An issued token expires by the clock; the agenda shows its kind and digest, not its text."""
    given = app_token(client)
    bearer = {"Authorization": f"Bearer {given['access_token']}"}
    [expiry] = events(client)
    assert (expiry["kind"], expiry["token"], expiry["in_s"]) == ("token", "app", given["expires_in"])
    assert len(expiry["digest"]) == 8
    assert given["access_token"] not in client.get("/__admin/clock/agenda").text
    advance(client, seconds=given["expires_in"] - 0.001)
    assert client.get(AUDIENCES, headers=bearer).status_code == 200
    assert advance(client, to="next-event")["fired"] == 1
    assert pinterest_error(client.get(AUDIENCES, headers=bearer))["code"] == 2
    set_clock(client, now=NOON)
    assert client.get(AUDIENCES, headers=bearer).status_code == 200


def test_a_revoked_token_is_not_on_the_agenda(client: httpx.Client) -> None:
    """The agenda has no expiry for a revoked token."""
    given = app_token(client)
    revoked = client.post("/v5/oauth/token/revoke", auth=("1", "s"), data={"token": given["access_token"]})
    assert revoked.status_code < 300
    assert events(client) == []


def test_the_agenda_is_sorted_by_time(client: httpx.Client) -> None:
    """The agenda lists the events of both APIs by time, with a count of all."""
    list_id = client.post(LISTS, json={"name": "l", "records": "ann@example.com"}).json()["id"]
    upload = client.post(f"{LISTS}/{list_id}/uploads", json={"operation": "ADD", "total_parts": 1}).json()
    url = upload["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"]
    httpx.put(url, content=b"bob@example.com\n").raise_for_status()
    advance(client, seconds=1)
    first = make(client)
    client.post("/custom_audiences", data=FILE_FIELDS, files=FILE, headers=PITCHTARGET_TOKEN)
    advance(client, seconds=1)
    upload_id = upload["customer_list_upload"]["id"]
    client.post(f"{LISTS}/{list_id}/uploads/{upload_id}/run").raise_for_status()
    assert [
        (event["kind"], event["id"], event["in_s"], event.get("becomes")) for event in events(client)
    ] == [
        ("customer_list", list_id, 3, "TOO_SMALL"),
        ("audience", first, 4, "READY"),
        ("audience", "54", 4, "TOO_SMALL"),
        ("facebook_id", "54", 4, None),
        ("upload", upload_id, 5, "SUCCEEDED"),
    ]
    page = client.get("/__admin/clock/agenda", params={"limit": 2}).json()
    assert ([event["id"] for event in page["events"]], page["total"]) == ([list_id, first], 5)
    of_kinds = events(client, kinds="upload,audience")
    assert [event["kind"] for event in of_kinds] == ["audience", "audience", "upload"]
    assert events(client)[0]["at"] == "2026-07-01T12:00:05.000Z"


def test_the_clock_goes_from_event_to_event(client: httpx.Client) -> None:
    """`next-event` stops at each time on the agenda, `idle` at the last; both stay where there is none."""
    made = []
    for _ in range(3):
        made.append(make(client))
        advance(client, seconds=1)
    assert (advance(client, to="next-event")["unix"], len(events(client))) == (NOON + 5, 2)
    assert [get(client, id)["status"] for id in made] == ["READY", "INITIALIZING", "INITIALIZING"]
    assert advance(client, to="idle") == {
        "now": "2026-07-01T12:00:07.000Z",
        "unix": NOON + 7,
        "frozen": True,
        "fired": 2,
    }
    assert {get(client, id)["status"] for id in made} == {"READY"}
    for to in ("next-event", "idle"):
        shown = advance(client, to=to)
        assert (shown["unix"], shown["fired"]) == (NOON + 7, 0)


def test_only_some_kinds_of_events_may_count(
    start: Callable[..., MockServer], at_noon: Callable[..., httpx.Client]
) -> None:
    """With `kinds`, the clock passes over other events, so that a token outlives the wait for audiences."""
    client = at_noon(start())
    given = app_token(client)
    make(client)
    moved = advance(client, to="next-event", kinds=["audience"])
    assert (moved["unix"], moved["fired"]) == (NOON + 5, 1)
    make(client)
    assert advance(client, to="idle", kinds=["audience"])["unix"] == NOON + 10
    assert advance(client, to="idle")["unix"] == NOON + given["expires_in"]


def test_a_running_clock_is_moved_to_an_event(client: httpx.Client) -> None:
    """A clock that runs has reached the event after `next-event`, and still runs."""
    id = make(client)
    set_clock(client, frozen=False)
    shown = advance(client, to="next-event")
    assert shown["unix"] >= NOON + 5
    assert shown["frozen"] is False
    assert get(client, id)["status"] == "READY"


def test_facebook_gives_ids_by_the_clock(client: httpx.Client) -> None:
    """An audience from a file has no Facebook id until the clock comes to it, and then it has."""
    made = client.post("/custom_audiences", data=FILE_FIELDS, files=FILE, headers=PITCHTARGET_TOKEN).json()
    assert made["fb_custom_audience"]["fb_id"] is None
    advance(client, to="next-event", kinds=["facebook_id"])
    read = client.get("/custom_audiences/54", headers=PITCHTARGET_TOKEN).json()["fb_custom_audience"]
    assert str(read["fb_id"]) == "6006183285954"
    assert events(client) == []


def test_a_lookalike_is_ready_by_the_clock(
    start: Callable[..., MockServer], at_noon: Callable[..., httpx.Client]
) -> None:
    """Facebook's own object says `updating` until the build is over, then `ready`."""
    client = at_noon(start(pitchtarget_revision="2014-04"))
    id = client.post("/custom_audiences", json=LOOKALIKE, headers=PITCHTARGET_TOKEN).json()["id"]
    for status in ("updating", "ready"):
        read = client.get(f"/custom_audiences/{id}", headers=PITCHTARGET_TOKEN).json()
        assert (read["status"], read["time_updated"]) == (status, NOON)
        advance(client, to="next-event", kinds=["audience"])


def test_each_world_has_its_time(
    start: Callable[..., MockServer], at_noon: Callable[..., httpx.Client]
) -> None:
    """Setting the clock of one world leaves those of the others alone."""
    mock = start()
    blue = at_noon(mock, "/worlds/blue")
    red = httpx.get(f"{mock.url}/worlds/red/__admin/clock").json()
    assert red["frozen"] is False
    advance(blue, seconds=60)
    assert httpx.get(f"{mock.url}/worlds/blue/__admin/clock").json()["unix"] == NOON + 60
    assert httpx.get(f"{mock.url}/__admin/clock").json()["frozen"] is False


def test_the_clock_is_in_the_file_at_once(
    start: Callable[..., MockServer], at_noon: Callable[..., httpx.Client], tmp_path: Path
) -> None:
    """A server that starts from the file of one that never ended shows the time that was set or advanced."""
    client = at_noon(start(database=f"sqlite:///{tmp_path}/kept.db"))
    for seconds in (0, 30):
        advance(client, seconds=seconds)
        copy = tmp_path / f"copy{seconds}"
        copy.mkdir()
        for file in tmp_path.glob("kept.db*"):
            if file.is_file():
                shutil.copy(file, copy / file.name)
        again = start(database=f"sqlite:///{copy}/kept.db")
        shown = httpx.get(f"{again.url}/__admin/clock").json()
        assert (shown["unix"], shown["frozen"]) == (NOON + seconds, True)


def test_the_kinds_are_those_of_the_core() -> None:
    """What a request may name are all kinds of events that there are."""
    assert get_args(clock.EventKind) == agenda.KINDS
