"""MockWorld, the Python client of a world: of `MockServer`, and of a server that runs elsewhere."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from audience_mock.testing import ControlError, MockServer, MockWorld, VerificationError, connect
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN

SAVERS = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}
AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
LIMIT_S = 60


def create(world: MockWorld) -> dict[str, str]:
    made = httpx.post(world.urls.pinterest + AUDIENCES, json=SAVERS, headers=PINTEREST_TOKEN)
    assert made.status_code == 201, made.text
    told: dict[str, str] = made.json()
    return told


def ids(world: MockWorld) -> list[str]:
    listed = httpx.get(world.urls.pinterest + AUDIENCES, headers=PINTEREST_TOKEN)
    return [item["id"] for item in listed.raise_for_status().json()["items"]]


@pytest.fixture(params=["started", "connected", "another world", "with a token"])
def world(request: pytest.FixtureRequest, start: Callable[..., MockServer]) -> MockWorld:
    """A MockWorld, obtained in each possible way."""
    match request.param:
        case "connected":
            return connect(start().url + "/")
        case "another world":
            return start().in_world("blue")
        case "with a token":
            return connect(start(admin_token="open-sesame").url, admin_token="open-sesame", world="blue")
        case _:
            return start()


def test_urls(world: MockWorld) -> None:
    """The URLs of a handle are the bases of both APIs and of the control API in its world."""
    made = create(world)["id"]
    assert ids(world) == [made]
    assert httpx.get(world.urls.pitchtarget + "/custom_audiences?fb_ad_account_id=1").status_code == 401
    assert world.url == world.urls.pitchtarget == world.urls.control.removesuffix("/__admin")
    assert httpx.get(f"{world.urls.control}/health").json()["audiences"] == 1
    assert world.url in repr(world)


def test_a_world_is_searched_and_followed(world: MockWorld) -> None:
    """The overview, the audiences and lists that meet criteria, and the events in their order."""
    events = world.events(for_s=LIMIT_S)
    assert next(events)[0] == "hello"
    made = create(world)["id"]
    kind, seen = next(events)
    assert (kind, seen["operation"], seen["status"]) == ("request", "audiences/create", 201)
    world.clock.freeze()
    assert next(events)[1]["operation"] == "clock/put"
    events.close()
    assert [kind for kind, _ in world.events(for_s=0)] == ["hello", "end"]
    assert [audience["id"] for audience in world.audiences(text="SAVE", kind="ENGAGEMENT")] == [made]
    assert world.audiences(status="READY", limit=1) == world.customer_lists() == []
    assert world.overview()["audiences"] == {"pinterest": {"INITIALIZING": 1}}
    with pytest.raises(ControlError, match="for_s"):
        next(world.events(for_s=-1))


def test_reset(world: MockWorld) -> None:
    """A reset leaves what the server started with."""
    create(world)
    world.reset()
    assert ids(world) == []
    create(world)
    world.reset("empty")
    assert ids(world) == []


def test_snapshot(world: MockWorld) -> None:
    """A world that is restored holds what it held, under any name that the server takes."""
    kept = create(world)["id"]
    world.snapshot("one.kept")
    create(world)
    world.restore("one.kept")
    assert ids(world) == [kept]
    assert world.control("GET", "/snapshots") == {"snapshots": ["one.kept"]}


def test_seed_and_state(world: MockWorld, tmp_path: Path) -> None:
    """A seed is added from a mapping or a file, and the state of one world is a seed for another."""
    seeded = {"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "name": "n"}
    world.seed({"audiences": [{**seeded, "id": "77"}]})
    (tmp_path / "seed.json").write_text(json.dumps({"audiences": [{**seeded, "id": "78"}]}))
    world.seed(tmp_path / "seed.json")
    assert sorted(ids(world)) == ["77", "78"]
    other = world.in_world("other")
    other.reset("empty")
    other.seed(world.state())
    assert ids(other) == ids(world)
    with pytest.raises(ControlError):
        world.seed({"audiences": [{**seeded, "id": "77"}]})


def test_settings(world: MockWorld) -> None:
    """Settings are those of one world; each call adds to them, unless all are replaced."""
    world.configure(build_delay_s=60, match_rate=0.5)
    assert world.configure(build_delay_s=0)["settings"] == {"build_delay_s": 0, "match_rate": 0.5}
    assert world.replace_settings(build_delay_s=0)["settings"] == {"build_delay_s": 0}
    assert create(world)["status"] == "READY"
    assert create(world.in_world("another"))["status"] == "INITIALIZING"


def test_fork_and_delete(world: MockWorld) -> None:
    """A fork holds what its origin held and goes its own way; a world that is deleted is gone, once."""
    made = create(world)["id"]
    fork = world.fork("fork")
    assert isinstance(fork, MockWorld)
    create(fork)
    assert len(ids(fork)) == 2
    assert ids(world) == [made]
    fork.delete()
    assert "fork" not in world.control("GET", "/worlds")["worlds"]
    with pytest.raises(ControlError, match="there is no world 'fork'") as rejected:
        fork.delete()
    assert rejected.value.status == 404


def test_a_rejection_is_an_error(world: MockWorld) -> None:
    """What the control API rejects raises its sentence, its status and the field."""
    with pytest.raises(
        ControlError, match=r"^to: must be one of 'seed', 'empty' \(given: 'start'\)$"
    ) as rejected:
        world.reset("start")  # type: ignore[arg-type]
    assert (rejected.value.status, rejected.value.field) == (400, "to")
    with pytest.raises(ControlError, match="no snapshot 'never-taken'"):
        world.restore("never-taken")


def test_connecting_without_the_token(start: Callable[..., MockServer]) -> None:
    """To connect without the token of the server, or with another, is rejected at once."""
    url = start(admin_token="open-sesame").url
    for token in (None, "open-barley"):
        with pytest.raises(ControlError, match="Authorization: Bearer"):
            connect(url, admin_token=token)


def test_connecting_to_nothing(start: Callable[..., MockServer]) -> None:
    """To connect to where nothing listens is an OSError at once."""
    with MockServer() as ended:
        url = ended.url
    with pytest.raises(OSError, match="refused"):
        connect(url)


@pytest.fixture
def stranger() -> Iterator[str]:
    """The URL of some other server, which answers 501 in HTML."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_connecting_to_another_server(stranger: str) -> None:
    """To connect to what is not Audience Mock says so."""
    with pytest.raises(ControlError, match="not Audience Mock: status 501"):
        connect(stranger)


def test_no_proxy(start: Callable[..., MockServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is not asked: it could not reach this machine's servers."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    start().reset()


def test_clock(world: MockWorld) -> None:
    """The clock is set, stopped, moved on and let run, and its agenda says what will happen."""
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert world.clock.freeze(noon)["unix"] == noon.timestamp()
    made = create(world)["id"]
    (event,) = world.clock.agenda(kinds="audience")
    assert (event["id"], event["in_s"]) == (made, 5.0)
    assert world.clock.advance(2)["now"] == "2026-07-01T12:00:02.000Z"
    assert world.clock.advance(to="next-event", kinds=["audience"])["fired"] == 1
    assert world.clock.set(noon.timestamp())["frozen"] is True
    assert world.clock.run()["frozen"] is False
    assert world.clock.set("2026-07-01T12:00:00Z", frozen=True) == world.clock.get()


def test_faults(world: MockWorld) -> None:
    """Faults are planned, looked at and taken back."""
    first, second = world.faults.add("audiences/list", status=503, first=1), world.faults.add("*", status=500)
    assert [fault["id"] for fault in world.faults.unused()] == [first, second]
    world.faults.remove(second)
    assert httpx.get(world.urls.pinterest + AUDIENCES, headers=PINTEREST_TOKEN).status_code == 503
    world.faults.expect_used()
    assert [fault["fired"] for fault in world.faults.list()] == [1]
    world.faults.clear()
    assert world.faults.list() == []
    with pytest.raises(ControlError, match="audiences/create"):
        world.faults.add("audiences/creat", status=503)


def test_journal_and_verify(world: MockWorld) -> None:
    """What was asked is found and verified; what was not is an AssertionError with what differs."""
    create(world)
    (entry,) = world.journal.entries(match={"body": {"name": "Savers"}})
    assert entry["operation"] == "audiences/create"
    assert world.verify("audiences/create", count=1)["matched"] == [entry["number"]]
    with pytest.raises(
        VerificationError, match=r'match\.body\.name: "Buyers" wanted, "Savers" found'
    ) as failed:
        world.verify("audiences/create", match={"body": {"name": "Buyers"}})
    assert isinstance(failed.value, AssertionError)
    assert failed.value.body["nearest"]["number"] == entry["number"]
    world.journal.clear()
    assert world.journal.entries() == []
    world.verify(never=True)


def test_a_time_needs_a_zone(mock: MockServer) -> None:
    """A datetime without a time zone is ambiguous and is rejected before anything is sent."""
    with pytest.raises(ValueError, match="tzinfo=UTC"):
        mock.clock.freeze(datetime(2026, 1, 1))  # noqa: DTZ001
