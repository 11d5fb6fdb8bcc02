"""Operations on much data are cut into steps, or run beside the event loop: others are answered meanwhile."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core import steps
from audience_mock.core.users import digests, user_sets
from audience_mock.core.worlds import exclusive
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.held_steps import ask_while_held
from helpers.tenants import OPERATOR, bearer, two_teams, write_tenants

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
SAVERS = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}
ROWS = 40
LIMIT_S = 20

Ask = Callable[[httpx.Client], httpx.Response]
CREATE, LIST, GET = ({"operation": f"audiences/{name}"} for name in ("create", "list", "get"))


def verifying(**wanted: Any) -> Ask:
    return lambda client: client.post("/__admin/verify", json=wanted)


def getting(path: str) -> Ask:
    return lambda client: client.get(path)


@pytest.fixture
def client(start: Callable[..., MockServer]) -> Any:
    """A world of so many audiences, each of which was created, and a copy of it."""
    mock = start(metrics=True)
    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN, timeout=LIMIT_S) as client:
        for number in range(ROWS):
            client.post(AUDIENCES, json={**SAVERS, "name": f"a {number}"})
        assert client.post("/__admin/worlds/default/fork", json={"name": "copy"}).status_code == 201
        yield client


@pytest.mark.parametrize(
    ("ask", "status", "least"),
    [
        (verifying(**CREATE, count=ROWS), 200, 2 * ROWS),
        (verifying(**CREATE, match={"body": {"name": "a 7"}}), 200, 2 * ROWS),
        (verifying(**GET), 417, 3 * ROWS),
        (verifying(order=[CREATE, CREATE]), 200, 3 * ROWS),
        (verifying(order=[CREATE, LIST]), 417, 4 * ROWS),
        (verifying(order=[CREATE] * 3, within_s=0), 417, 4 * ROWS),
        (getting("/__admin/conduct"), 200, ROWS),
        (getting("/__admin/state"), 200, ROWS),
        (getting("/__admin/bridge?source=pinterest"), 200, ROWS),
        (getting("/__admin/worlds/default/diff/copy"), 200, 2 * ROWS),
        (getting("/__admin/worlds/default/diff/copy?by=content"), 200, 2 * ROWS),
        (getting("/__admin/sweep"), 200, ROWS),
        pytest.param(
            getting("/metrics"),
            200,
            2,
            marks=pytest.mark.sqlite_only(reason="PostgreSQL adds up the worlds in a statement"),
        ),
    ],
    ids=lambda given: "" if callable(given) else None,
)
def test_others_are_answered_between_the_steps(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, ask: Ask, status: int, least: int
) -> None:
    """Each row and each request is a step at most, and the answer is the same as in one."""
    whole = ask(client)
    answer, other, pauses = ask_while_held(monkeypatch, client, ask, "/v5/user_account")
    assert other.status_code < 500
    assert (answer.status_code, pauses >= least) == (status, True), (answer.text[:200], pauses)
    if "metrics" not in str(answer.url):
        assert answer.json().keys() == whole.json().keys()
        assert answer.json().get("matched") == whole.json().get("matched")


@pytest.fixture(params=["sqlite://", "sqlite:///{}"], ids=["memory", "file"])
def kept(request: pytest.FixtureRequest, start: Callable[..., MockServer], tmp_path: Path) -> MockServer:
    """A server whose worlds are in memory, and one whose worlds are in files."""
    return start(database=request.param.format(tmp_path / "a.db"))


@pytest.mark.sqlite_only(reason="PostgreSQL copies its rows itself")
@pytest.mark.parametrize(
    ("ask", "left"),
    [
        (lambda client: client.post("/__admin/worlds/default/fork", json={"name": "blue"}), 1),
        (lambda client: client.put("/__admin/snapshots/a"), 1),
        (lambda client: client.post("/__admin/snapshots/first/restore"), 1),
        (lambda client: client.post("/__admin/reset"), 0),
        (getting("/__admin/state"), 1),
    ],
    ids=["fork", "snapshot", "restore", "reset", "state"],
)
def test_large_worlds_are_copied_beside_the_event_loop(
    kept: MockServer, monkeypatch: pytest.MonkeyPatch, ask: Ask, left: int
) -> None:
    """In memory as in a file, in a thread of their own; small ones are copied at once, which is quicker."""
    beside, run = 0, steps.beside

    async def counted(*given: Any) -> Any:
        nonlocal beside
        beside += 1
        return await run(*given)

    monkeypatch.setattr(exclusive, "beside", counted)
    with httpx.Client(base_url=kept.url, headers=PINTEREST_TOKEN, timeout=LIMIT_S) as client:
        client.post(AUDIENCES, json=SAVERS)
        client.put("/__admin/snapshots/first")
        assert ask(client).is_success
        assert beside == 0
        monkeypatch.setattr(exclusive, "BESIDE_BYTES", 0)
        client.delete("/__admin/worlds/blue")
        assert ask(client).is_success
        assert beside >= 1
        assert len(client.get(AUDIENCES).json()["items"]) == left


def upload(url: str, users: int) -> httpx.Response:
    return httpx.post(
        f"{url}/custom_audiences",
        data={"fb_ad_account_id": "2", "name": "n", "user_type": "fbid", "description": "d"}
        | {"opt_out_link": "http://a.example"},
        files={"file": ("u.csv", b"".join(b"%d\n" % number for number in range(1, users + 1)))},
        headers=PITCHTARGET_TOKEN,
        timeout=LIMIT_S,
    )


def test_uploads_are_sorted_beside_the_event_loop_and_stored_in_parts(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many users a file has: none that is large is sorted by the thread that answers requests, and
    each part is written by itself."""
    monkeypatch.setattr(steps, "SLICE_BYTES", 1 << 11)
    monkeypatch.setattr(digests, "BESIDE_BYTES", 1 << 12)
    monkeypatch.setattr(digests, "HELD_BYTES", 1 << 16)
    monkeypatch.setattr(digests, "ROOM_BYTES", 1 << 15)
    monkeypatch.setattr(user_sets, "PART_BYTES", 1 << 13)
    monkeypatch.setattr(user_sets, "PIECE_BYTES", 1 << 12)
    sorts, parts = list[tuple[int, str]](), list[int]()
    sort, write = digests.sorted_distinct, user_sets._insert_part

    def sorting(some: Any, *width: int) -> bytes:
        sorts.append((len(some), threading.current_thread().name))
        return sort(some, *width)

    def writing(tx: Any, **given: Any) -> None:
        parts.append(len(given["digests"]))
        write(tx, **given)

    monkeypatch.setattr(digests, "sorted_distinct", sorting)
    monkeypatch.setattr(user_sets, "_insert_part", writing)
    assert upload(mock.url, 10_000).status_code == 201
    assert sum(parts) == 10_000 * 32
    assert max(parts) <= 1 << 13
    large = {name.partition("_")[0] for size, name in sorts if size > 1 << 12}
    # What the threads of an event loop's executor are called.
    assert large
    assert large <= {"asyncio", "uvloop"}


@pytest.fixture
def shared(start: Callable[..., MockServer], tmp_path: Path) -> Callable[..., MockServer]:
    """A server with tenants, of which team a has these quotas."""

    def started(database: str = "sqlite://", **quotas: int) -> MockServer:
        file = write_tenants(tmp_path / "t.toml", tenants=two_teams(quotas=quotas))
        return start(tenants=file, admin_token=OPERATOR, database=database.format(tmp_path / "a.db"))

    return started


def put(mock: MockServer, world: str) -> httpx.Response:
    path = f"{mock.url}/__admin/worlds/{world}"
    return httpx.put(path, json={"settings": {"build_delay_s": 7}}, headers=bearer(OPERATOR), timeout=LIMIT_S)


@pytest.mark.parametrize("database", ["sqlite://", "sqlite:///{}"], ids=["memory", "file"])
def test_whoever_names_a_world_that_is_being_made_waits_for_it(
    shared: Callable[..., MockServer], database: str
) -> None:
    """Of several that make one, one makes it and all are served, in the same world."""
    mock = shared(database)
    with ThreadPoolExecutor(8) as threads:
        puts = [threads.submit(put, mock, "team-a.1") for _ in range(4)]
        url = f"{mock.url}/worlds/team-a.1{AUDIENCES}"
        creates = [
            threads.submit(httpx.post, url, json=SAVERS, headers=PINTEREST_TOKEN, timeout=LIMIT_S)
            for _ in range(4)
        ]
    assert {each.result().status_code for each in creates} == {201}
    assert {*[each.result().status_code for each in puts]} <= {200, 201}
    seen = httpx.get(f"{mock.url}/__admin/worlds/team-a.1", headers=bearer(OPERATOR)).json()
    assert (seen["audiences"], seen["settings"]) == (4, {"build_delay_s": 7})


@pytest.mark.parametrize("database", ["sqlite://", "sqlite:///{}"], ids=["memory", "file"])
def test_worlds_that_are_made_at_once_keep_to_the_quota(
    shared: Callable[..., MockServer], tmp_path: Path, database: str
) -> None:
    """Those beyond it are rejected when the others are there, and nothing is left of them."""
    mock = shared(database, worlds=3)
    with ThreadPoolExecutor(8) as threads:
        made = [threads.submit(put, mock, f"team-a.{number}") for number in range(8)]
    assert sorted(each.result().status_code for each in made) == [201] * 3 + [429] * 5
    kept = httpx.get(f"{mock.url}/__admin/worlds", headers=bearer("team-a-admin")).json()["worlds"]
    assert len(kept) == 3
    files = {file.name for file in tmp_path.glob("*.worlds/*") if file.suffix in (".db", ".half")}
    assert files == ({f"{name}.db" for name in kept} if "{}" in database else set())
