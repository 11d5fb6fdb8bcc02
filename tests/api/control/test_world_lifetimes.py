"""Worlds that nobody uses: listed with their last use, deleted by pattern and by age, closed while idle."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.worlds import lifetimes
from audience_mock.core.worlds.lifetimes import LOOKED_AT, Lifetimes
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import control_error
from helpers.tenants import OPERATOR, bearer, two_teams, write_tenants
from helpers.waiting import until

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
SAVERS = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}
Start = Callable[..., MockServer]


def make(mock: MockServer, world: str) -> None:
    made = httpx.post(f"{mock.url}/worlds/{world}{AUDIENCES}", headers=PINTEREST_TOKEN, json=SAVERS)
    assert made.status_code == 201, made.text


def audiences_of(mock: MockServer, world: str) -> int:
    return len(httpx.get(f"{mock.url}/worlds/{world}{AUDIENCES}", headers=PINTEREST_TOKEN).json()["items"])


def worlds_of(mock: MockServer, **query: Any) -> Any:
    return httpx.get(f"{mock.url}/__admin/worlds", params=query).json()


def file_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a.db'}"


def open_files(tmp_path: Path) -> list[str]:
    """Files of worlds that this process has open."""
    links = (Path("/proc/self/fd") / fd for fd in os.listdir("/proc/self/fd"))
    return [target for link in links if link.is_symlink() and str(tmp_path) in (target := os.readlink(link))]


def test_details_tell_size_and_last_use(mock: MockServer) -> None:
    """Each world has its tenant, bytes, last use, number of snapshots, and whether it is open."""
    before = datetime.now(UTC)
    make(mock, "team-a.x")
    small = worlds_of(mock, details=True, match="team-*")["details"]
    httpx.put(f"{mock.url}/worlds/team-a.x/__admin/snapshots/s")
    listed = worlds_of(mock, details=True)
    assert [each["name"] for each in listed["details"]] == listed["worlds"] == ["default", "team-a.x"]
    (shown,) = (each for each in listed["details"] if each["name"] == "team-a.x")
    assert (shown["tenant"], shown["snapshots"], shown["open"]) == ("team-a", 1, True)
    assert shown["bytes"] > small[0]["bytes"] > 0
    assert before.timestamp() - 1 <= datetime.fromisoformat(shown["last_used_at"]).timestamp()


def test_worlds_are_listed_and_deleted_by_a_pattern(mock: MockServer) -> None:
    """A pattern selects by the whole name; the default world stays whatever it is."""
    for world in ("ci-1", "ci-2", "team-a.ci-1", "CI-3"):
        make(mock, world)
    assert worlds_of(mock, match="ci-*")["worlds"] == ["ci-1", "ci-2"]
    url = f"{mock.url}/__admin/worlds"
    assert httpx.delete(url, params={"match": "ci-*"}).json() == {"deleted": ["ci-1", "ci-2"]}
    assert httpx.delete(url, params={"match": "none"}).json() == {"deleted": []}
    for query in ({}, {"match": ""}, {"matches": "*"}):
        assert control_error(httpx.delete(url, params=query), 400)["field"] in ("match", "matches")
    assert httpx.delete(url, params={"match": "*"}).json() == {"deleted": ["CI-3", "team-a.ci-1"]}
    assert worlds_of(mock)["worlds"] == ["default"]


def test_a_tenant_deletes_and_lists_its_own_by_a_pattern(start: Start, tmp_path: Path) -> None:
    """A tenant's pattern matches nothing of others."""
    file = write_tenants(tmp_path / "t.toml", tenants=two_teams())
    mock = start(tenants=file, admin_token=OPERATOR)
    for world in ("team-a.x", "team-b.x"):
        make(mock, world)
    url = f"{mock.url}/__admin/worlds"
    listed = httpx.get(url, params={"details": True, "match": "*.x"}, headers=bearer("team-a-admin")).json()
    assert [each["name"] for each in listed["details"]] == listed["worlds"] == ["team-a.x"]
    deleted = httpx.delete(url, params={"match": "*"}, headers=bearer("team-a-admin"))
    assert deleted.json() == {"deleted": ["team-a.x"]}
    assert httpx.delete(url, params={"match": "*"}, headers=bearer("team-b-reads")).status_code == 403
    assert httpx.get(url, headers=bearer(OPERATOR)).json() == {"worlds": ["default", "team-b.x"]}


@pytest.mark.parametrize("in_file", [False, True])
def test_an_unused_world_is_deleted(start: Start, tmp_path: Path, in_file: bool) -> None:
    """A world goes once it was not used for its lifetime, with its file; the default world stays."""
    mock = start(world_ttl="1s", **({"database": file_url(tmp_path)} if in_file else {}))
    for world in ("old", "default"):
        make(mock, world)
    until(lambda: worlds_of(mock)["worlds"] == ["default"], "the end of the world")
    assert not list(tmp_path.glob("**/old.db*"))
    assert audiences_of(mock, "default") == 1


@pytest.mark.sqlite_only(reason="it counts breaks of the process")
def test_a_sweep_of_many_worlds_takes_breaks(mock: MockServer) -> None:
    """Among a hundred worlds, a sweep stops to look at other work, and finds all that is due."""
    worlds = mock.app.state.worlds
    for number in range(2 * LOOKED_AT):
        worlds.get_or_create(f"old-{number:03}").last_use_s = 0
    kept = worlds.get_or_create("kept")
    kept.last_use_s = time.time()
    steps = list(Lifetimes(worlds, lifetime_of=lambda tenant: 60).sweep(time.time()))
    assert steps.count(None) == 2
    assert len(steps) == 2 * LOOKED_AT + 2
    assert worlds_of(mock)["worlds"] == ["default", "kept"]


@pytest.mark.sqlite_only(reason="it sets when the process saw a use")
def test_a_request_is_a_use(mock: MockServer) -> None:
    """A sweep deletes what no request has named for the lifetime, and nothing else: a request by path, header
    or token is a use, and so are new settings; a list is none."""
    worlds = mock.app.state.worlds
    long_ago_s = time.time() - 3600
    for name in ("old", "by-path", "by-header", "by-token", "by-settings"):
        make(mock, name)
        worlds.find(name).last_use_s = long_ago_s
    httpx.get(f"{mock.url}/worlds/by-path/__admin/clock")
    httpx.get(f"{mock.url}/__admin/clock", headers={"X-Audience-Mock-World": "by-header"})
    httpx.get(mock.url + AUDIENCES, headers={"Authorization": "Bearer pina_a~by-token"})
    httpx.patch(f"{mock.url}/__admin/worlds/by-settings", json={"settings": {}})
    worlds_of(mock, details=True)
    assert list(Lifetimes(worlds, lifetime_of=lambda tenant: 1800).sweep(time.time())) == ["old"]
    assert worlds_of(mock)["worlds"] == ["by-header", "by-path", "by-settings", "by-token", "default"]


def test_a_tenant_may_have_a_lifetime_of_its_own(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lifetime of a tenant's worlds stands in its table, else in the defaults, else in the setting."""
    monkeypatch.setattr(lifetimes, "INTERVAL_S", lifetimes.MIN_INTERVAL_S)
    file = write_tenants(
        tmp_path / "t.toml", tenants={"team-a": {"world_ttl": "1s"}, "team-b": {"world_ttl": "9d"}}
    )
    mock = start(tenants=file, admin_token=OPERATOR)
    for world in ("team-a.x", "team-b.x", "other"):
        make(mock, world)
    url = f"{mock.url}/__admin/worlds"
    until(lambda: "team-a.x" not in httpx.get(url, headers=bearer(OPERATOR)).json()["worlds"], "its end")
    assert httpx.get(url, headers=bearer(OPERATOR)).json()["worlds"] == ["default", "other", "team-b.x"]


def test_the_age_of_a_world_survives_a_restart(start: Start, tmp_path: Path) -> None:
    """A file that was marked as used long ago is deleted by the next server, without being opened."""
    with MockServer(database=file_url(tmp_path), world_ttl="1d") as mock:
        make(mock, "old")
        make(mock, "young")
        mock.app.state.worlds.find("old").last_use_s -= 2 * 86400
    mock = start(database=file_url(tmp_path), world_ttl="1h", world_idle="1s")
    until(lambda: worlds_of(mock)["worlds"] == ["default", "young"], "the end of the old one")
    assert not [each for each in worlds_of(mock, details=True)["details"] if each["bytes"] == 0]


def test_an_idle_file_is_closed_and_opened_again(start: Start, tmp_path: Path) -> None:
    """A world that nobody uses has no open file, and is used later as if nothing had happened: rows, journal
    and faults are there. The default world's file stays open."""
    mock = start(database=file_url(tmp_path), world_idle="1s", metrics=True)
    make(mock, "idle")
    httpx.post(
        f"{mock.url}/worlds/idle/__admin/faults",
        json={"operation": "audiences/get", "first": 1, "status": 503},
    )

    def is_closed() -> bool:
        httpx.get(f"{mock.url}/metrics")
        (shown,) = worlds_of(mock, details=True, match="idle")["details"]
        assert shown["bytes"] > 0
        return not shown["open"]

    until(is_closed, "a closed file")
    assert not any("idle.db" in file for file in open_files(tmp_path))
    assert any(file.endswith("/a.db") for file in open_files(tmp_path))
    assert audiences_of(mock, "idle") == 1
    make(mock, "idle")
    assert audiences_of(mock, "idle") == 2
    assert len(httpx.get(f"{mock.url}/worlds/idle/__admin/faults").json()["faults"]) == 1
    assert httpx.get(f"{mock.url}/worlds/idle/__admin/journal").json()["entries"]
    assert any("idle.db" in file for file in open_files(tmp_path))


@pytest.mark.parametrize(
    "path", ["reset", "snapshots/s", "clock/advance", "seed", "fork", "settings", "delete", "state"]
)
def test_whatever_uses_a_closed_world_opens_it(start: Start, tmp_path: Path, path: str) -> None:
    """Each kind of use finds a world whose file was closed as it was."""
    mock = start(database=file_url(tmp_path), world_idle="never")
    make(mock, "idle")
    worlds = mock.app.state.worlds
    assert worlds.close_idle("idle")
    assert not worlds.close_idle("idle")
    admin, url = f"{mock.url}/worlds/idle/__admin", f"{mock.url}/__admin/worlds/idle"
    answer = {
        "reset": lambda: httpx.post(f"{admin}/reset"),
        "snapshots/s": lambda: httpx.put(f"{admin}/snapshots/s"),
        "clock/advance": lambda: httpx.post(f"{admin}/clock/advance", json={"seconds": 1}),
        "seed": lambda: httpx.post(f"{admin}/seed", json={"audiences": []}),
        "fork": lambda: httpx.post(f"{url}/fork", json={"name": "copy"}),
        "settings": lambda: httpx.patch(url, json={"settings": {"match_rate": 0.5}}),
        "delete": lambda: httpx.delete(url),
        "state": lambda: httpx.get(f"{admin}/state"),
    }[path]()
    assert answer.is_success, answer.text
    expected = {"reset": 0, "delete": 0}.get(path, 1)
    assert audiences_of(mock, "idle") == expected
    if path == "fork":
        assert audiences_of(mock, "copy") == 1


def test_a_closed_world_whose_file_is_gone_is_not_made_anew(start: Start, tmp_path: Path) -> None:
    """If the file of a closed world was deleted, its use fails, and it can be deleted and made again."""
    mock = start(database=file_url(tmp_path), world_idle="never")
    make(mock, "idle")
    assert mock.app.state.worlds.close_idle("idle")
    (tmp_path / "a.db.worlds" / "idle.db").unlink()
    failed = httpx.get(f"{mock.url}/worlds/idle/__admin/ids")
    assert "idle.db was deleted" in control_error(failed, 400)["error"]
    assert httpx.delete(f"{mock.url}/__admin/worlds/idle").status_code == 204
    assert audiences_of(mock, "idle") == 0
