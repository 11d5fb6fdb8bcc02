"""Worlds over HTTP: how a request selects one, and that they are isolated."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error

VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"


def make(base_url: str, path: str = AUDIENCES, **headers: str) -> str:
    """Make an audience, wherever the request is led; answers its id."""
    made = httpx.post(base_url + path, json=VISITORS, headers={**PINTEREST_TOKEN, **headers})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def ids_in(mock: MockServer, world: str) -> list[str]:
    listed = httpx.get(f"{mock.url}/worlds/{world}{AUDIENCES}", headers=PINTEREST_TOKEN)
    return [item["id"] for item in listed.json()["items"]]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"/worlds/blue{AUDIENCES}", {}),
        (f"/worlds/blue/ad_accounts/{AD_ACCOUNT}/audiences", {}),
        (AUDIENCES, {"X-Audience-Mock-World": "blue"}),
        (AUDIENCES, {"Authorization": "Bearer pina_anything~blue"}),
        (f"/worlds/blue{AUDIENCES}", {"X-Audience-Mock-World": "red"}),
        (f"/worlds/blue{AUDIENCES}", {"Authorization": "Bearer pina_x~green"}),
        (AUDIENCES, {"X-Audience-Mock-World": "blue", "Authorization": "Bearer pina_x~green"}),
    ],
)
def test_a_world_is_named_by_path_header_or_token(
    mock: MockServer, path: str, headers: dict[str, str]
) -> None:
    """The path names the world before the header does, and the header before the token."""
    made = make(mock.url, path, **headers)
    assert ids_in(mock, "blue") == [made]
    assert ids_in(mock, "default") == []
    assert httpx.get(f"{mock.url}/__admin/worlds").json() == {"worlds": ["blue", "default"]}


def test_pitchtargets_token_names_a_world_too(mock: MockServer) -> None:
    """`OAuth <token>~<world>` leads to the world, and the token is what stands before."""
    token = PITCHTARGET_TOKEN["Authorization"]
    for authorization in (f"{token}~blue", token):
        listed = httpx.get(f"{mock.url}/custom_audiences/54", headers={"Authorization": authorization})
        assert listed.status_code == 404
    assert httpx.get(f"{mock.url}/__admin/worlds").json() == {"worlds": ["blue", "default"]}


def test_worlds_begin_alike_and_part(start: Callable[..., MockServer]) -> None:
    """Each world starts from the seed, gives the same ids, and knows nothing of the others."""
    mock = start(seed="demo")
    seeded = ids_in(mock, "default")
    assert ids_in(mock, "a") == ids_in(mock, "b") == seeded
    first = make(f"{mock.url}/worlds/a")
    assert make(f"{mock.url}/worlds/b") == first
    assert make(f"{mock.url}/worlds/b") != first
    assert (len(ids_in(mock, "a")), len(ids_in(mock, "b"))) == (
        min(len(seeded) + 1, 25),
        min(len(seeded) + 2, 25),
    )
    assert ids_in(mock, "default") == seeded


def test_a_world_has_settings_of_its_own(mock: MockServer) -> None:
    """PUT makes a world with settings in the place of the server's, or changes those that it had."""
    blue = f"{mock.url}/__admin/worlds/blue"
    made = httpx.put(blue, json={"settings": {"pinterest_create_status": 200, "auth_mode": "strict"}})
    assert made.status_code == 201
    assert made.json()["settings"] == {"pinterest_create_status": 200, "auth_mode": "strict"}
    url = f"{mock.url}/worlds/blue{AUDIENCES}"
    assert httpx.post(url, json=VISITORS, headers=PINTEREST_TOKEN).status_code == 401
    known = {"Authorization": "Bearer pina_mock.ads:write"}
    assert httpx.post(url, json=VISITORS, headers=known).status_code == 200
    assert httpx.put(blue, json={}).status_code == 200
    assert httpx.post(url, json=VISITORS, headers=PINTEREST_TOKEN).status_code == 201
    assert make(mock.url)


def test_some_settings_of_a_world_are_changed(mock: MockServer) -> None:
    """PATCH sets what is given and keeps the rest; it makes a world that is not there, as PUT does."""
    blue = f"{mock.url}/__admin/worlds/blue"
    made = httpx.patch(blue, json={"settings": {"pinterest_create_status": 200}})
    assert made.status_code == 201
    changed = httpx.patch(blue, json={"settings": {"build_delay_s": 0}})
    assert changed.status_code == 200
    assert changed.json()["settings"] == {"pinterest_create_status": 200, "build_delay_s": 0}
    for settings in ({"build_delay_s": -1}, {"build_delays": 1}):
        control_error(httpx.patch(blue, json={"settings": settings}), 400)
    assert httpx.patch(blue).json()["settings"] == {"pinterest_create_status": 200, "build_delay_s": 0}
    url = f"{mock.url}/worlds/blue{AUDIENCES}"
    answer = httpx.post(url, json=VISITORS, headers=PINTEREST_TOKEN)
    assert (answer.status_code, answer.json()["status"]) == (200, "READY")


def test_settings_that_no_world_has_are_rejected(mock: MockServer) -> None:
    """A wrong setting is named, and makes no world."""
    for settings, says in (
        ({"port": 1}, "settings.port: unknown setting 'port' (known: build_delay_s, "),
        ({"build_delay_s": -1}, "settings.build_delay_s: must be a number from 0 to 1000000000 (given: -1)"),
    ):
        rejected = httpx.put(f"{mock.url}/__admin/worlds/blue", json={"settings": settings})
        assert says in control_error(rejected, 400)["error"]
    assert httpx.get(f"{mock.url}/__admin/worlds").json() == {"worlds": ["default"]}


def test_a_name_that_no_world_can_have_is_rejected(mock: MockServer) -> None:
    """The error says what a name may be, wherever it was given."""
    for path, headers in (
        ("/worlds/.hidden/v5/x", {}),
        ("/worlds/", {}),
        ("/v5/x", {"X-Audience-Mock-World": "a b"}),
        ("/v5/x", {"X-Audience-Mock-World": "x" * 101}),
    ):
        if path != "/worlds/":
            rejected = httpx.get(mock.url + path, headers=headers)
            assert "is not a valid name" in control_error(rejected, 400)["error"]
    assert httpx.get(f"{mock.url}/__admin/worlds").json() == {"worlds": ["default"]}


@pytest.mark.both_engines
def test_a_fork_holds_what_its_origin_held(mock: MockServer) -> None:
    """A fork has the rows, ids, clock and settings, and goes its own way; names are given once."""
    settings = {"settings": {"pinterest_create_status": 200}}
    httpx.put(f"{mock.url}/__admin/worlds/a", json=settings)
    url = f"{mock.url}/worlds/a{AUDIENCES}"
    first = httpx.post(url, json=VISITORS, headers=PINTEREST_TOKEN).json()["id"]
    forked = httpx.post(f"{mock.url}/__admin/worlds/a/fork", json={"name": "b"})
    assert forked.status_code == 201
    assert forked.json() == {"name": "b", "audiences": 1, "snapshots": [], **settings}
    second = httpx.post(f"{mock.url}/worlds/b{AUDIENCES}", json=VISITORS, headers=PINTEREST_TOKEN)
    assert (second.status_code, int(second.json()["id"])) == (200, int(first) + 1)
    assert (len(ids_in(mock, "a")), len(ids_in(mock, "b"))) == (1, 2)
    again = httpx.post(f"{mock.url}/__admin/worlds/a/fork", json={"name": "b"})
    assert "world b is already" in control_error(again, 409)["error"]
    unknown = httpx.post(f"{mock.url}/__admin/worlds/none/fork", json={"name": "c"})
    assert "no world 'none'" in control_error(unknown, 404)["error"]


def test_a_deleted_world_starts_again(mock: MockServer) -> None:
    """DELETE removes a world; the default one cannot be deleted."""
    make(f"{mock.url}/worlds/a")
    assert httpx.delete(f"{mock.url}/__admin/worlds/a").status_code == 204
    assert control_error(httpx.get(f"{mock.url}/__admin/worlds/a"), 404)
    assert ids_in(mock, "a") == []
    assert "reset it" in control_error(httpx.delete(f"{mock.url}/__admin/worlds/default"), 409)["error"]


@pytest.mark.sqlite_only(reason="ids of requests are of chance, which differs between servers")
def test_reset_goes_back_to_the_seed_or_to_nothing(start: Callable[..., MockServer]) -> None:
    """After a reset everything is as at the start, request ids included, and only in that world."""
    mock = start(seed="demo")
    mock.world.clock.freeze()
    before = httpx.get(mock.url + AUDIENCES, headers=PINTEREST_TOKEN)
    first = make(mock.url)
    make(f"{mock.url}/worlds/other")
    assert httpx.post(f"{mock.url}/__admin/reset").status_code == 204
    after = httpx.get(mock.url + AUDIENCES, headers=PINTEREST_TOKEN)
    assert after.content == before.content
    assert after.headers["x-pinterest-rid"] == before.headers["x-pinterest-rid"]
    assert after.headers["x-ratelimit-remaining"] == before.headers["x-ratelimit-remaining"]
    assert make(mock.url) == first
    assert httpx.post(f"{mock.url}/__admin/reset", json={"to": "empty"}).status_code == 204
    assert ids_in(mock, "default") == []
    assert httpx.get(f"{mock.url}/__admin/worlds/other").json()["audiences"] == 36
    wrong = httpx.post(f"{mock.url}/__admin/reset", json={"to": "hell"})
    assert control_error(wrong, 400)["field"] == "to"


@pytest.mark.both_engines
def test_a_snapshot_is_restored(mock: MockServer) -> None:
    """Restore brings back the rows, the ids and the clock of a snapshot, as often as it is called."""
    first = make(mock.url)
    snapshots = f"{mock.url}/__admin/snapshots"
    assert httpx.put(f"{snapshots}/one").status_code == 204
    assert httpx.get(snapshots).json() == {"snapshots": ["one"]}
    now_ms = mock.world.clock.now_ms()
    second = make(mock.url)
    for _ in range(2):
        mock.world.clock.advance(5000)
        assert httpx.post(f"{snapshots}/one/restore").status_code == 204
        assert ids_in(mock, "default") == [first]
        assert mock.world.clock.now_ms() == now_ms
        assert make(mock.url) == second
    assert httpx.delete(f"{snapshots}/one").status_code == 204
    assert "no snapshot 'one'" in control_error(httpx.post(f"{snapshots}/one/restore"), 404)["error"]


def test_worlds_and_snapshots_in_files_outlive_a_restart(
    start: Callable[..., MockServer], tmp_path: Path
) -> None:
    """With a store in a file, worlds, their settings, clocks and snapshots lie beside it."""
    database = f"sqlite:///{tmp_path}/kept.db"
    with MockServer(database=database, seed="demo") as mock:
        httpx.put(f"{mock.url}/__admin/worlds/blue", json={"settings": {"build_delay_s": 7}})
        first = make(f"{mock.url}/worlds/blue")
        httpx.put(f"{mock.url}/worlds/blue/__admin/snapshots/one")
        second = make(f"{mock.url}/worlds/blue")
        httpx.put(f"{mock.url}/__admin/snapshots/one")
        mock.world.set_clock(now_ms=1_700_000_000_000, frozen=True)
    again = start(database=database)
    assert again.world.clock.now_ms() == 1_700_000_000_000
    state = httpx.get(f"{again.url}/__admin/worlds/blue").json()
    assert state == {"name": "blue", "audiences": 37, "settings": {"build_delay_s": 7}, "snapshots": ["one"]}
    assert httpx.post(f"{again.url}/worlds/blue/__admin/snapshots/one/restore").status_code == 204
    assert httpx.get(f"{again.url}/__admin/worlds/blue").json()["audiences"] == 36
    assert make(f"{again.url}/worlds/blue") == second != first
    assert httpx.delete(f"{again.url}/__admin/worlds/blue").status_code == 204
    assert [file.name for file in (tmp_path / "kept.db.worlds").iterdir()] == ["default@one.db"]


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.ci)])
def test_many_worlds_live_in_one_server(mock: MockServer, count: int) -> None:
    """A thousand worlds are made at first use, each with its own first id."""
    with httpx.Client(headers=PINTEREST_TOKEN) as client:
        made = {
            client.post(f"{mock.url}/worlds/w{number}{AUDIENCES}", json=VISITORS).json()["id"]
            for number in range(count)
        }
    assert len(made) == 1
    assert len(httpx.get(f"{mock.url}/__admin/worlds").json()["worlds"]) == count + 1


def test_a_snapshot_whose_file_is_gone_is_not_there(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """Deleting a snapshot's file deletes the snapshot; the world stays as it is."""
    mock = start(database=f"sqlite:///{tmp_path}/kept.db")
    made = make(mock.url)
    snapshots = f"{mock.url}/__admin/snapshots"
    httpx.put(f"{snapshots}/one")
    for file in (tmp_path / "kept.db.worlds").iterdir():
        file.unlink()
    assert "no snapshot 'one'" in control_error(httpx.post(f"{snapshots}/one/restore"), 404)["error"]
    assert ids_in(mock, "default") == [made]
    assert httpx.delete(f"{snapshots}/one").status_code == 204
    assert httpx.get(snapshots).json() == {"snapshots": []}
