"""Two servers over one database: whatever one answered, the other knows. One world, whoever is asked."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import FILE, FILE_FIELDS
from helpers.postgres import Cluster
from helpers.replicas import AUDIENCES, CREATE
from helpers.tenants import OPERATOR, bearer, two_teams, write_tenants
from helpers.waiting import until

LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
APP = ("1", "secret")
LIMIT_S = 60

pytestmark = pytest.mark.replicas


class Turns:
    """Servers over one database, called by turns."""

    def __init__(self, servers: list[MockServer], world: str = "blue") -> None:
        self.servers = servers
        self.world = world
        self._turn = itertools.count()

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        server = self.servers[next(self._turn) % len(self.servers)]
        url = f"{server.url}/worlds/{self.world}{path}"
        more = {"headers": PINTEREST_TOKEN, "timeout": LIMIT_S, **more}
        return httpx.request(method, url, json=body, **more)

    def json(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self(method, path, body, **more)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def create(self, name: str = "Visitors", **more: Any) -> str:
        return str(self.json("POST", AUDIENCES, {**CREATE, "name": name}, **more)["id"])

    def names(self) -> list[str]:
        return [item["name"] for item in self.json("GET", f"{AUDIENCES}?page_size=250")["items"]]


Pair = Callable[..., Turns]


@pytest.fixture
def pair(postgresql: Cluster, database: str, start: Callable[..., MockServer]) -> Iterator[Pair]:
    """Starts two servers with the same settings."""

    def started(**settings: Any) -> Turns:
        url = postgresql.url(database)
        return Turns([start(database=url, **settings) for _ in range(2)])

    return started  # type: ignore[return-value]


def test_ids_have_no_gap_and_no_duplicate(pair: Pair) -> None:
    """By turns, and from eight threads at once, each id follows another; reads see each create."""
    turns = pair()
    made = [int(turns.create(f"a{number}")) for number in range(6)]
    assert made == [*range(made[0], made[0] + 6)]
    with ThreadPoolExecutor(8) as pool:
        made += [int(id) for id in pool.map(turns.create, (f"b{number}" for number in range(24)))]
    assert sorted(made) == [*range(made[0], made[0] + 30)]
    for _ in turns.servers:
        assert len(turns.names()) == 30


def test_a_change_is_read_at_once(pair: Pair) -> None:
    """Each of many renames is what the other server answers next, by id and in the list."""
    turns = pair()
    one = f"{AUDIENCES}/{turns.create()}"
    for number in range(9):
        body = {"ad_account_id": AD_ACCOUNT, "name": f"n{number}"}
        turns.json("PATCH", one, body)
        assert turns.json("GET", one)["name"] == f"n{number}"
        assert turns.names() == [f"n{number}"]


def test_there_is_one_clock(pair: Pair) -> None:
    """Set, stopped or moved at one server, the time is the same at the other, and so is what it decides."""
    turns = pair()
    now = turns.json("PUT", "/__admin/clock", {"now": "2026-11-22T12:00:00Z", "frozen": True})
    one = f"{AUDIENCES}/{turns.create()}"
    for _ in turns.servers:
        assert turns.json("GET", "/__admin/clock") == now
        assert turns.json("GET", one)["status"] != "READY"
    turns.json("POST", "/__admin/clock/advance", {"seconds": 60})
    for _ in turns.servers:
        assert turns.json("GET", "/__admin/clock")["unix"] == now["unix"] + 60
        assert turns.json("GET", one)["status"] == "READY"
    turns.json("PUT", "/__admin/clock", {"frozen": False})
    seen = [turns.json("GET", "/__admin/clock")["unix"] for _ in range(6)]
    assert seen == sorted(seen), "time runs forward by turns"


def test_settings_apply_everywhere(pair: Pair) -> None:
    """What one server is told, the other keeps to with its next request."""
    turns = pair()
    turns.json("PUT", "/__admin/worlds/blue", {"settings": {"build_delay_s": 0}})
    for _ in turns.servers:
        assert turns.json("GET", f"{AUDIENCES}/{turns.create()}")["status"] == "READY"
        assert turns.json("GET", "/__admin/worlds/blue")["settings"] == {"build_delay_s": 0}
    turns.json("PUT", "/__admin/worlds/blue", {"settings": {"build_delay_s": 1000}})
    for _ in turns.servers:
        turns("GET", f"{AUDIENCES}/1")
        assert turns.json("GET", f"{AUDIENCES}/{turns.create()}")["status"] != "READY"


def test_a_revoked_token_is_revoked_everywhere(pair: Pair) -> None:
    """A token from one server opens the other; revoked at one, it opens none, though both have used it."""
    turns = pair(auth_mode="strict")
    form = {"grant_type": "client_credentials", "scope": "ads:read"}
    made = turns.json("POST", "/v5/oauth/token", data=form, auth=APP, headers={})["access_token"]
    for _ in range(4):
        assert turns("GET", AUDIENCES, headers=bearer(made)).status_code == 200
    gone = turns("POST", "/v5/oauth/token/revoke", data={"token": made}, auth=APP, headers={})
    assert gone.status_code == 200
    for _ in range(4):
        assert turns("GET", AUDIENCES, headers=bearer(made)).status_code == 401


def test_a_fault_fires_as_often_as_planned(pair: Pair) -> None:
    """Planned at one server, it fires in either, as often as it is to, and is then used up in both."""
    turns = pair()
    fault = {"operation": "audiences/list", "first": 3, "status": 503}
    (planned,) = turns.json("POST", "/__admin/faults", fault)["ids"]
    statuses = [turns("GET", AUDIENCES).status_code for _ in range(6)]
    assert statuses == [503, 503, 503, 200, 200, 200]
    for _ in turns.servers:
        assert turns.json("GET", f"/__admin/faults/{planned}")["fired"] == 3
    turns.json("POST", "/__admin/faults", {**fault, "first": 1})
    turns.json("DELETE", "/__admin/faults")
    assert [turns("GET", AUDIENCES).status_code for _ in range(2)] == [200, 200]


def test_a_fault_fires_once_among_calls_at_once(pair: Pair) -> None:
    """Of many calls at the same time, at both servers, exactly as many fail as planned."""
    turns = pair()
    turns.json("POST", "/__admin/faults", {"operation": "audiences/list", "first": 5, "status": 503})
    with ThreadPoolExecutor(8) as pool:
        statuses = [*pool.map(lambda _: turns("GET", AUDIENCES).status_code, range(24))]
    assert statuses.count(503) == 5
    assert statuses.count(200) == 19


def test_limits_count_at_both(pair: Pair) -> None:
    """Calls by turns use one window, and are rejected as one server rejects them."""
    turns = pair(rate_limits="standard")
    turns.json("PUT", "/__admin/clock", {"frozen": True})
    left = [int(turns("GET", AUDIENCES).headers["x-ratelimit-remaining"]) for _ in range(100)]
    assert left == [*range(99, -1, -1)]
    assert [turns("GET", AUDIENCES).status_code for _ in range(2)] == [429, 429]
    turns.json("DELETE", "/__admin/limits")
    assert turns("GET", AUDIENCES).headers["x-ratelimit-remaining"] == "99"
    turns.json("POST", "/__admin/clock/advance", {"seconds": 1})
    assert turns("GET", AUDIENCES).headers["x-ratelimit-remaining"] == "99"


def test_there_is_one_journal(pair: Pair) -> None:
    """Its entries are numbered in the order of the calls, whichever server answered, and both show it all."""
    turns = pair()
    for number in range(6):
        turns.create(f"a{number}")
    journals = [turns.json("GET", "/__admin/journal")["entries"] for _ in turns.servers]
    assert journals[0] == journals[1]
    assert [entry["number"] for entry in journals[0]] == [1, 2, 3, 4, 5, 6]
    names = [entry["request"]["body"]["name"] for entry in journals[0]]
    assert names == [f"a{number}" for number in range(6)]
    expected = {"operation": "audiences/create", "count": 6}
    for _ in turns.servers:
        assert turns("POST", "/__admin/verify", expected).status_code == 200
    turns.json("DELETE", "/__admin/journal")
    for _ in turns.servers:
        assert turns.json("GET", "/__admin/journal")["entries"] == []


def test_snapshots_resets_and_forks_are_shared(pair: Pair) -> None:
    """Taken at one server and restored at the other; a reset and a fork are seen at once, and start ids where
    one server starts them."""
    turns = pair()
    first = turns.create("one")
    turns.json("PUT", "/__admin/snapshots/kept")
    turns.create("two")
    turns.json("POST", "/__admin/snapshots/kept/restore")
    for _ in turns.servers:
        assert turns.names() == ["one"]
        assert turns.json("GET", "/__admin/worlds/blue")["snapshots"] == ["kept"]
    turns.json("POST", "/__admin/worlds/blue/fork", {"name": "green"})
    green = Turns(turns.servers, "green")
    for _ in turns.servers:
        assert green.names() == ["one"]
    green.create("three")
    turns.json("POST", "/__admin/reset")
    for _ in turns.servers:
        assert turns.names() == []
        assert green.names() == ["three", "one"] or green.names() == ["one", "three"]
    assert turns.create("again") == first
    turns.json("DELETE", "/__admin/worlds/green")
    for _ in turns.servers:
        assert turns("GET", "/__admin/worlds/green").status_code == 404
        assert "green" not in turns.json("GET", "/__admin/worlds")["worlds"]


def test_an_upload_in_parts_may_go_to_any_server(pair: Pair) -> None:
    """Begun at one, its parts sent to both, run at one and read at the other."""
    turns = pair()
    turns.json("PUT", "/__admin/clock", {"frozen": True})
    made = turns.json("POST", LISTS, {"name": "l", "records": "ann@example.com"})["id"]
    begun = turns.json("POST", f"{LISTS}/{made}/uploads", {"operation": "ADD", "total_parts": 4})
    upload = f"{LISTS}/{made}/uploads/{begun['customer_list_upload']['id']}"
    for number, part in enumerate(begun["s3_multipart_upload_data"]["file_parts"]):
        path = part["presigned_url"].partition("/worlds/blue")[2]
        sent = f"u{number}@example.com\nv{number}@example.com\n".encode()
        assert turns("PUT", path, content=sent).status_code == 200
    turns.json("POST", f"{upload}/run")
    turns.json("POST", "/__admin/clock/advance", {"seconds": 5})
    for _ in turns.servers:
        counts = turns.json("GET", upload)["record_counts"]
        assert counts == {"processed": 8, "valid": 8, "invalid": 0}


def test_users_that_one_server_took_are_in_the_audience_at_the_other(pair: Pair) -> None:
    """A file of users, uploaded to one, is what the other adds to and reports on."""
    turns = pair()
    form = {"data": FILE_FIELDS, "files": FILE, "headers": PITCHTARGET_TOKEN}
    made = turns.json("POST", "/custom_audiences", **form)["fb_custom_audience"]
    for _ in turns.servers:
        (upload,) = turns.json("GET", "/__admin/uploads")["uploads"]
        assert (upload["valid"], upload["audience"]) == (5, made["id"])


def test_a_reset_at_one_server_breaks_off_what_another_does(pair: Pair) -> None:
    """A request that waits within one server ends when the other replaces its world, and does nothing in the
    next one."""
    turns = pair()
    turns.json("POST", "/__admin/faults", {"operation": "audiences/create", "latency_ms": 60_000})
    server, other = turns.servers
    with ThreadPoolExecutor(1) as pool:
        url = f"{server.url}/worlds/blue{AUDIENCES}"
        late = pool.submit(httpx.post, url, json=CREATE, headers=PINTEREST_TOKEN, timeout=LIMIT_S)
        until(lambda: len(server.app.state.worlds.find("blue").long_operations) == 1, "a request that waits")
        httpx.post(f"{other.url}/worlds/blue/__admin/reset").raise_for_status()
        assert late.result(LIMIT_S).status_code == 500
    for _ in turns.servers:
        assert turns.names() == []


def test_the_default_world_is_one(pair: Pair) -> None:
    """Also the world of requests that name none, which each server has from its start."""
    servers = pair(seed="demo").servers
    listed = [httpx.get(f"{each.url}{AUDIENCES}", headers=PINTEREST_TOKEN).json() for each in servers]
    assert listed[0] == listed[1]
    body = {**CREATE, "name": "one"}
    made = httpx.post(f"{servers[0].url}{AUDIENCES}", json=body, headers=PINTEREST_TOKEN).json()["id"]
    found = httpx.get(f"{servers[1].url}{AUDIENCES}/{made}", headers=PINTEREST_TOKEN)
    assert (found.status_code, found.json()["name"]) == (200, "one")


def test_worlds_made_at_once_are_made_once(pair: Pair) -> None:
    """The first requests of a world may come to both servers at the same time: all are answered in one."""
    turns = pair()
    together = threading.Barrier(4)

    def first(number: int) -> int:
        together.wait(LIMIT_S)
        return int(turns.create(f"a{number}"))

    for world in ("w1", "w2", "w3"):
        turns.world = world
        with ThreadPoolExecutor(4) as pool:
            made = sorted(pool.map(first, range(4)))
        assert made == [*range(made[0], made[0] + 4)]
        assert len(turns.names()) == 4


def test_quotas_count_at_both(pair: Pair, tmp_path: Path) -> None:
    """What a tenant made at one server counts against what it makes at the other."""
    quotas = {"audiences": 5, "worlds": 2}
    file = write_tenants(
        tmp_path / "tenants.toml",
        server={"quotas": {}},
        defaults={"quotas": {}},
        tenants=two_teams(quotas=quotas),
    )
    turns = pair(tenants=file, admin_token=OPERATOR)
    turns.world = "team-a.1"
    statuses = [turns("POST", AUDIENCES, {**CREATE, "name": str(number)}).status_code for number in range(7)]
    assert statuses == [201] * 5 + [429] * 2
    turns.world = "team-a.2"
    assert turns("GET", AUDIENCES).status_code == 200
    for name in ("team-a.3", "team-a.4"):
        turns.world = name
        assert turns("GET", AUDIENCES).status_code == 429
