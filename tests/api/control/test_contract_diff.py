"""GET /__admin/contract-diff: which of a recorded world's calls another version answers otherwise."""

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from audience_mock import app
from audience_mock.cli.main import main
from audience_mock.client import MockWorld
from audience_mock.control import contract_diff
from audience_mock.testing import ContractDiffError, ControlError, MockServer
from audience_mock.web.contract_diff.comparison import Comparison
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.engines import SQLITE
from helpers.tenants import OPERATOR, two_teams, write_tenants

pytestmark = pytest.mark.sqlite_only(reason="PostgreSQL records no world")

Start = Callable[..., MockServer]
LIMIT_S = 60
"""Seconds that anything may take; reached only where something is broken."""

ACCOUNT = f"/ad_accounts/{AD_ACCOUNT}"
AUDIENCES, LISTS, SEGMENTS = (
    f"{ACCOUNT}/{name}" for name in ("audiences", "customer_lists", "customer_segments")
)
VISITORS = {"name": "Buyers", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
BUYERS = {"name": "Buyers", "records": "a@example.com"}
NEW_FIELDS = "responses have is_nca, and is_ctv_enabled in lists of audiences"


@pytest.fixture
def world(start: Start) -> MockWorld:
    """A recorded world whose clock runs, beside others of its server."""
    return recorded(start())


def recorded(server: MockServer, name: str = "shop", **settings: Any) -> MockWorld:
    world = server.in_world(name)
    world.configure(record=True, **settings)
    return world


def client(world: MockWorld, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=world.urls.pinterest, headers={**PINTEREST_TOKEN, **headers})


def places(report: Any) -> dict[str, dict[str, list[int]]]:
    """The calls that differ, by operation and place."""
    return {
        each["operation"]: {one["place"]: one["calls"] for one in each["differences"]}
        for each in report["operations"]
        if each["differences"]
    }


def from_bundle(world: MockWorld, folder: Path, *arguments: str) -> Result:
    """`audience-mock contract-diff` with the bundle of a world."""
    file = folder / "bundle.json"
    file.write_text(json.dumps(world.control("GET", "/bundle")))
    return CliRunner().invoke(main, ["contract-diff", *arguments, "--bundle", str(file)])


# What is answered otherwise


def test_a_change_is_told_at_its_call_and_field(world: MockWorld, tmp_path: Path) -> None:
    """By the control API, the client and the command alike: the call, the field, both values, the evidence;
    calls that do not differ are counted."""
    world.configure(pinterest_contract="5.23")
    with client(world) as pinterest:
        assert pinterest.get("/ad_accounts").is_success
        assert pinterest.post(AUDIENCES, json=VISITORS).is_success
        assert pinterest.get(SEGMENTS).status_code == 404
    report = world.contract_diff("5.28")
    assert (report["from"], report["to"], report["calls"], report["different"]) == ("5.23", "5.28", 3, [2, 3])
    assert places(report) == {
        "audiences/create": {"body $.is_nca": [2]},
        "customer_segment/list": {"status": [3], "body $": [3]},
    }
    (created,) = (each for each in report["operations"] if each["operation"] == "audiences/create")
    (difference,) = created["differences"]
    assert difference["facts"] == [
        {"since": "5.28", "fact": NEW_FIELDS, "grade": "recorded", "source": "production, July 2026"}
    ]
    assert difference["first"] == {
        "number": 2,
        "world": "shop",
        "operation": "audiences/create",
        "method": "POST",
        "path": f"/v5{AUDIENCES}",
        "before": None,
        "after": False,
    }
    assert (report["stopped"], report["replayed_otherwise"], report["other_version"]) == (None, [], [])

    done = from_bundle(world, tmp_path, "--json", "5.23", "newest")
    assert (done.exit_code, json.loads(done.stdout)) == (1, report)
    lines = from_bundle(world, tmp_path, "5.23", "newest").stdout.splitlines()
    assert lines[:2] == [
        "pinterest 5.23 -> 5.28: 2 of 3 calls answered otherwise",
        "compared: the recorded calls of world shop, replayed under both versions",
    ]
    with pytest.raises(ContractDiffError, match="2 of 3 calls answered otherwise by pinterest") as raised:
        world.expect_no_contract_diff("5.28")
    assert f"body $.is_nca: added: false\n      call 2: POST /v5{AUDIENCES}" in str(raised.value)
    assert raised.value.report == report


def test_calls_that_do_not_differ(world: MockWorld, tmp_path: Path) -> None:
    """Nothing is told of a client whose calls both versions answer alike to the byte."""
    with client(world) as pinterest:
        made = pinterest.post(LISTS, json=BUYERS).json()
        assert pinterest.get(f"{LISTS}/{made['id']}").is_success
        assert pinterest.get("/no/such/path").status_code == 404
    report = world.contract_diff("5.28", from_="5.18")
    assert (report["calls"], report["different"], places(report)) == (3, [], {})
    world.expect_no_contract_diff()
    assert from_bundle(world, tmp_path, "5.18", "5.28").exit_code == 0


def test_versions_that_are_not_named(start: Start) -> None:
    """The world's own version is compared with the newest one, of the API that the version is of."""
    world = recorded(start(pinterest_contract="5.18"))
    assert [world.contract_diff()[name] for name in ("from", "to")] == ["5.18", "5.28"]
    world.configure(pinterest_contract="5.23")
    assert world.contract_diff()["from"] == "5.23"
    report = world.contract_diff("2014-05")
    assert [report[name] for name in ("api", "setting", "from", "to")] == [
        *("pitchtarget", "pitchtarget_revision", "2014-05-12", "2014-05-12"),
    ]
    assert world.contract_diff(api="pitchtarget")["to"].startswith("2014")
    listed = world.control("GET", "/contract-diff/versions")["apis"]
    assert [(each["api"], each["current"]) for each in listed] == [
        ("pinterest", "5.23"),
        ("pitchtarget", "2014-05-12"),
    ]
    assert listed[0]["versions"] == ["5.18", "5.23", "5.28"]


@pytest.mark.parametrize("frozen", [False, True])
def test_times(world: MockWorld, frozen: bool) -> None:
    """Each call sees the time that it saw, whether the clock stands still or runs: what becomes ready between
    two calls does so in the replay, and no time differs."""
    if frozen:
        world.clock.freeze("2026-03-01T10:00:00Z")
    with client(world) as pinterest:
        made = pinterest.post(LISTS, json=BUYERS).json()
        assert pinterest.get(f"{LISTS}/{made['id']}").json()["status"] == "PROCESSING"
        world.clock.advance(3600)
        assert pinterest.get(f"{LISTS}/{made['id']}").json()["status"] == "TOO_SMALL"
    report = world.contract_diff("5.18")
    assert (report["calls"], report["different"], report["replayed_otherwise"]) == (3, [], [])


def test_issued_tokens(start: Start, tmp_path: Path) -> None:
    """In a strict world, later calls have the tokens that the replay issues, also where the answer with the
    token differs; no token and no signature is a difference or is shown."""
    world = recorded(start(auth_mode="strict"))
    world.seed(
        {
            "tokens": [
                {"token": "pinr_kept0123456789", "kind": "refresh", "scopes": ["ads:read", "ads:write"]}
            ],
            "apps": [{"id": "123", "secret": "app-secret-9"}],
        }
    )
    with client(world) as pinterest:
        form = {"grant_type": "refresh_token", "refresh_token": "pinr_kept0123456789"}
        granted = pinterest.post("/oauth/token", data=form, auth=("123", "app-secret-9")).json()
        pinterest.headers["Authorization"] = f"Bearer {granted['access_token']}"
        made = pinterest.post(LISTS, json=BUYERS).json()
        uploads = f"{LISTS}/{made['id']}/uploads"
        upload = pinterest.post(uploads, json={"operation": "ADD", "total_parts": 1}).json()
        part = upload["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"]
        assert httpx.put(part, content=b"b@example.com").is_success
        pinterest.headers["Authorization"] = "Bearer pina_unknown0123456789"
        assert pinterest.get(AUDIENCES).status_code == 401
    report = world.contract_diff("5.23")
    assert (report["calls"], report["different"], report["replayed_otherwise"]) == (5, [3], [])
    assert places(report) == {
        "customer_list_uploads/create": {"body $.customer_list_upload.record_counts": [3]}
    }
    shown = json.dumps(report)
    assert [
        secret for secret in (granted["access_token"], "app-secret-9", "pinr_kept") if secret in shown
    ] == []
    assert json.loads(from_bundle(world, tmp_path, "--json", "default", "5.23").stdout) == report


def test_faults(world: MockWorld) -> None:
    """Planned faults fire again: the same error, and no answer in either version where the connection broke
    or the answer was lost; the effect of the latter is there."""
    world.configure(pinterest_contract="5.18")
    world.faults.add("audiences/list", status=503, first=1)
    world.faults.add("audiences/get", reset="in", first=1)
    world.faults.add("customer_lists/create", answer_lost=True, first=1)
    with client(world) as pinterest:
        assert pinterest.get(AUDIENCES).status_code == 503
        for method, path, body in (("GET", f"{AUDIENCES}/1", None), ("POST", LISTS, BUYERS)):
            with pytest.raises(httpx.HTTPError):
                pinterest.request(method, path, json=body)
        assert len(pinterest.get(LISTS).json()["items"]) == 1
        held = pinterest.get(f"{ACCOUNT}/customer_lists", headers={"X-Audience-Mock-Fault": "latency_ms=1"})
        assert held.is_success
    report = world.contract_diff("5.23")
    assert (report["calls"], report["different"], report["replayed_otherwise"]) == (5, [], [])


def test_uploads_and_another_api(world: MockWorld) -> None:
    """A file of a multipart form is sent again, and dates of PitchTarget's documentation are versions."""
    fields = {"fb_ad_account_id": "2", "name": "n", "user_type": "fbid", "description": "d"}
    fields["opt_out_link"] = "http://a.example"
    with httpx.Client(base_url=world.urls.pitchtarget, headers=PITCHTARGET_TOKEN) as pitchtarget:
        made = pitchtarget.post(
            "/custom_audiences", data=fields, files={"file": ("u.csv", b"1\n2\nx\n\xff")}
        ).json()
        id = made["fb_custom_audience"]["id"]
        assert pitchtarget.delete(f"/custom_audiences/{id}").is_success
    report = world.contract_diff("2014-05", from_="2014-04")
    deleted = places(report)["custom_audiences/delete"]
    assert (report["calls"], deleted["status"]) == (2, [2])
    alike = world.contract_diff("2014-04", from_="2014-04")
    assert (alike["different"], alike["calls"]) == ([], 2)
    assert world.contract_diff(api="pitchtarget", from_="default")["different"] == []


def test_a_call_under_another_version(world: MockWorld) -> None:
    """All calls are compared under the two versions that are asked for; those that came under another one
    than the first are named, as what they were answered is not that version's."""
    with client(world) as pinterest:
        world.configure(pinterest_contract="5.18")
        assert pinterest.get(SEGMENTS).status_code == 404
        world.configure(pinterest_contract="5.28")
        assert pinterest.get(SEGMENTS).is_success
    for one, other_version in (("5.28", [1]), ("5.18", [2]), ("5.23", [1, 2])):
        report = world.contract_diff("5.18" if one == "5.28" else "5.28", from_=one)
        assert (report["different"], report["other_version"]) == ([1, 2], other_version)


def test_a_body_that_was_not_read(world: MockWorld) -> None:
    """A request that was rejected before its body was read is replayed with its body: the version that has
    the operation accepts it."""
    world.configure(pinterest_contract="5.23")
    with client(world) as pinterest:
        made = pinterest.post(AUDIENCES, json=VISITORS).json()
        body = {"name": "S", "audience_ids": [made["id"]]}
        assert pinterest.post(SEGMENTS, json=body).status_code == 404
        assert (
            pinterest.post(AUDIENCES, json=VISITORS, headers={"Content-Encoding": "gzip"}).status_code == 415
        )
    report = world.contract_diff("5.28")
    assert (report["different"], report["replayed_otherwise"]) == ([1, 2], [])
    (created,) = (each for each in report["operations"] if each["operation"] == "customer_segment/create")
    assert [created["differences"][0]["first"][name] for name in ("before", "after")] == [404, 201]


def test_what_follows_from_a_difference(world: MockWorld) -> None:
    """A call that names what one version alone has made says from which call it follows; ids do not shift."""
    world.configure(pinterest_contract="5.18")
    custom = {**VISITORS, "sharing_type": "CUSTOM", "data_party": "1p"}
    del custom["audience_type"]
    with client(world) as pinterest:
        made = pinterest.post(f"{AUDIENCES}/custom", json=custom).json()
        other = pinterest.post(AUDIENCES, json=VISITORS).json()
        assert pinterest.get(f"{AUDIENCES}/{made['id']}").is_success
        assert pinterest.get(f"{AUDIENCES}/{other['id']}").is_success
    report = world.contract_diff("5.23")
    assert report["different"] == [1, 3]
    (read,) = (each for each in report["operations"] if each["operation"] == "audiences/get")
    assert [each["follows_from"] for each in read["differences"]] == [1, 1]


@pytest.mark.parametrize("named_by", ["path", "header", "token"])
def test_how_the_world_is_named(start: Start, named_by: str) -> None:
    """Calls are replayed in the world that was recorded, however they named it."""
    server = start()
    world = recorded(server)
    world.seed({"audiences": [{"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "name": "S"}]})
    of = {
        "path": client(world),
        "header": client(server, **{"X-Audience-Mock-World": "shop"}),
        "token": client(server, Authorization="Bearer pina_anything~shop"),
    }
    with of[named_by] as pinterest:
        assert len(pinterest.get(AUDIENCES).json()["items"]) == 1
    report = world.contract_diff("5.23")
    assert (report["different"], report["replayed_otherwise"]) == ([1], [])


def test_a_head_has_no_body(world: MockWorld) -> None:
    """A HEAD is answered without a body, so that none differs."""
    with client(world) as pinterest:
        pinterest.post(AUDIENCES, json=VISITORS)
        assert pinterest.head(AUDIENCES).is_success
    report = world.contract_diff("5.23")
    assert (report["different"], report["replayed_otherwise"]) == ([1], [])


def test_errors_are_compared_too(world: MockWorld) -> None:
    """A body that is no JSON, a wrong method and a page's preflight are replayed as they were answered."""
    with client(world) as pinterest:
        json_type = {"Content-Type": "application/json"}
        assert pinterest.post(AUDIENCES, content=b"{", headers=json_type).status_code == 400
        assert pinterest.delete(AUDIENCES).status_code == 405
        preflight = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
        assert pinterest.options(AUDIENCES, headers=preflight).is_success
    report = world.contract_diff("5.18")
    assert (report["calls"], report["different"], report["replayed_otherwise"]) == (3, [], [])


# What a comparison leaves alone


def test_the_world_stays_as_it_is(world: MockWorld, caplog: pytest.LogCaptureFixture) -> None:
    """A comparison is in no journal, log, count or state of the world: ids, times, limits and the bundle go
    on as if there were none."""
    with client(world) as pinterest:
        pinterest.post(AUDIENCES, json=VISITORS)
        pinterest.get(f"{AUDIENCES}/1")

        def seen() -> Any:
            paths = ("/state", "/journal", "/bundle", "/limits", "/ids", "/faults", "/uploads")
            found = [world.control("GET", path) for path in paths]
            del found[0]["clock"]
            return found

        world.clock.freeze()
        before = seen()
        with caplog.at_level(logging.DEBUG, logger="audience_mock"):
            assert world.contract_diff("5.18")["different"] == [1]
        assert [record for record in caplog.records if record.name.startswith("audience_mock")] == []
        assert seen() == before
        assert world.control("GET", "/worlds")["worlds"] == ["default", "shop"]


def test_others_are_answered_meanwhile(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """While calls are replayed, the server answers others, and a second comparison waits for the first."""
    may_go_on, running = threading.Event(), []
    replica = app.replica

    def slow(settings: Any) -> Any:
        running.append(settings)
        assert may_go_on.wait(LIMIT_S)
        return replica(settings)

    monkeypatch.setattr(app, "replica", slow)
    world = recorded(start())
    with client(world) as pinterest, ThreadPoolExecutor(2) as threads:
        pinterest.post(AUDIENCES, json=VISITORS)
        reports = [threads.submit(world.contract_diff, "5.23") for _ in range(2)]
        assert pinterest.post(AUDIENCES, json=VISITORS).is_success
        assert len(running) <= 1
        may_go_on.set()
        assert all(report.result(LIMIT_S)["different"] for report in reports)
    assert len(running) == 4


def test_a_server_that_stops_ends_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison under way ends with its server, after the call at which it is."""
    calls, replayed, began = 100, [], threading.Event()

    def see(comparison: Comparison, number: int, pair: Any) -> None:
        replayed.append(number)
        began.set()
        time.sleep(0.05)

    monkeypatch.setattr(Comparison, "see", see)
    with ThreadPoolExecutor(1) as threads:
        with MockServer(log_level="error") as server:
            world = recorded(server)
            with client(world) as pinterest:
                for _ in range(calls):
                    pinterest.get("/ad_accounts")
            report = threads.submit(world.contract_diff)
            assert began.wait(LIMIT_S)
        assert report.exception(LIMIT_S) is not None
    assert len(replayed) < calls


# What cannot be compared


def test_a_world_that_is_not_recorded(mock: MockServer) -> None:
    """The error says how to record it, and what it says does so."""
    world = mock.in_world("plain")
    with pytest.raises(ControlError, match="its setting record is off") as raised:
        world.contract_diff()
    assert raised.value.status == 409
    text = str(raised.value)
    assert "--record" in text
    path, body = text.partition("PATCH /__admin")[2].removesuffix(")").split(" with ")
    mock.control("PATCH", path, json.loads(body))
    assert world.contract_diff()["calls"] == 0


def test_what_was_dropped(world: MockWorld) -> None:
    """If the journal has dropped the first requests, was emptied or is off, the error says so: a check does
    not pass because there is nothing left to compare."""
    world.configure(journal_entries=1)
    with client(world) as pinterest:
        for _ in range(3):
            pinterest.get(AUDIENCES)
    with pytest.raises(ControlError, match="the journal had dropped its first 2 requests") as raised:
        world.contract_diff()
    assert raised.value.status == 409
    world.journal.clear()
    with pytest.raises(ControlError, match="the journal had dropped its first 3 requests"):
        world.contract_diff()
    world.configure(journal_entries=0)
    with pytest.raises(ControlError, match="world shop keeps no journal"):
        world.contract_diff()


def test_what_was_not_kept(world: MockWorld, tmp_path: Path) -> None:
    """A request whose body was too large ends the comparison, which says so; a check does not pass then, and
    the command's exit status is 2 where nothing before it differs."""
    records = ",".join(f"p{number}@shop.example" for number in range(60_000))
    with client(world) as pinterest:
        pinterest.get("/ad_accounts")
        assert pinterest.post(LISTS, json={**BUYERS, "records": records}).is_success
        pinterest.post(AUDIENCES, json=VISITORS)
    report = world.contract_diff("5.23")
    assert (report["calls"], report["different"]) == (1, [])
    assert report["stopped"] == "request 2 cannot be sent again: its body was too large to be kept"
    with pytest.raises(ContractDiffError, match="not all was compared: request 2 cannot be sent again"):
        world.expect_no_contract_diff("5.23")
    done = from_bundle(world, tmp_path, "default", "5.23")
    assert (done.exit_code, "not all was compared: request 2" in done.stdout) == (2, True)


def test_a_comparison_that_takes_too_long(world: MockWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with what it has, and says how to compare all."""
    monkeypatch.setattr(contract_diff, "LIMIT_S", 0)
    with client(world) as pinterest:
        for _ in range(2):
            pinterest.post(AUDIENCES, json=VISITORS)
    report = world.contract_diff("5.23")
    assert (report["calls"], report["different"]) == (1, [1])
    assert "audience-mock contract-diff --bundle" in report["stopped"]


@pytest.mark.parametrize(
    ("query", "field", "why"),
    [
        ({"to": "6.0"}, "to", "6.0 is no version of an API: pinterest: 5.18, 5.23, 5.28; pitchtarget"),
        ({"from_": "6.0"}, "from", "6.0 and newest are not versions of one API"),
        ({"from_": "2014-05", "to": "5.18"}, "to", "2014-05 and 5.18 are not versions of one API"),
        ({"api": "pitchtarget", "to": "5.18"}, "to", "5.18 is no version"),
        ({"api": "other"}, "api", "must be one of 'pinterest', 'pitchtarget'"),
    ],
)
def test_unknown_versions(world: MockWorld, query: dict[str, str], field: str, why: str) -> None:
    """A version that no API has, or two of different APIs, are rejected with those that there are."""
    with pytest.raises(ControlError) as raised:
        world.contract_diff(**query)
    assert (raised.value.status, raised.value.field) == (400, field)
    assert why in str(raised.value)


def test_a_reader_may_compare(start: Start, tmp_path: Path) -> None:
    """A comparison changes nothing, so a token that may only read is enough."""
    tenants = write_tenants(tmp_path / "tenants.toml", tenants=two_teams())
    server = start(tenants=tenants, admin_token=OPERATOR)
    MockWorld(server.url, world="team-a", admin_token="team-a-admin").configure(record=True)
    reader = MockWorld(server.url, world="team-a", admin_token="team-a-reads")
    assert reader.contract_diff()["calls"] == 0


@pytest.mark.both_engines
def test_only_sqlite_records(start: Start, engine: str) -> None:
    """On PostgreSQL, the error says that there is nothing to compare, whatever the world's setting."""
    world = recorded(start())
    listed = world.control("GET", "/contract-diff/versions")
    if engine == SQLITE:
        assert listed["why_not_recorded"] is None
        return
    with pytest.raises(ControlError, match="this world is not recorded: only SQLite can record"):
        world.contract_diff()
    assert listed["why_not_recorded"] == "this world is not recorded: only SQLite can record"
