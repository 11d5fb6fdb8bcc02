"""What the control API has confirmed is found again after a kill. What it has not is there or not; nothing is
in between.

A kill leaves the files as they are: a copy of them, made while the server runs, is what the next start finds.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.store import files
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
CREATE = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
AT = "2026-11-22T12:00:00Z"
SEED = {
    "clock": {"now": 1_795_000_000, "frozen": True},
    "audiences": [
        {"api": "pinterest", "account": "7", "kind": "VISITOR", "name": "soon", "ready_in_s": 60},
        {"api": "pinterest", "account": "7", "kind": "VISITOR", "name": "now", "people": 5},
    ],
}


class Kept:
    """A server whose worlds are in files, and what a start would find if it were killed now."""

    def __init__(self, start: Callable[..., MockServer], folder: Path) -> None:
        self._start = start
        self._folder = folder
        self._copies = 0
        (folder / "first").mkdir()
        self.file = folder / "first/kept.db"
        self.mock = start(database=f"sqlite:///{self.file}", log_level="error")

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        answer = httpx.request(
            method, self.mock.url + path, json=body or {}, headers=PINTEREST_TOKEN, timeout=30
        )
        assert answer.is_success, answer.text
        return answer

    def content(self) -> bytes:
        """A digest of the names and bytes of all files."""
        digest = hashlib.sha256()
        for file in sorted(self.file.parent.rglob("*")):
            if file.is_file():
                digest.update(f"{file} {file.stat().st_size} ".encode() + file.read_bytes())
        return digest.digest()

    def copy(self) -> Path:
        self._copies += 1
        copy = self._folder / f"copy{self._copies}"
        shutil.copytree(self.file.parent, copy)
        return copy

    def after_a_kill(self, copy: Path | None = None) -> Any:
        copy = copy or self.copy()
        with MockServer(database=f"sqlite:///{copy}/kept.db") as again:
            seen = observed(again)
        for file in (copy / "kept.db.worlds").glob("*"):
            assert ".half" not in file.name
            assert file.with_name(file.name.removesuffix("-wal")).exists()
        return seen


def observed(mock: MockServer) -> Any:
    """All that a caller can see of all worlds that stays as it is while nobody calls."""
    with httpx.Client(base_url=mock.url, timeout=30) as client:

        def get(path: str) -> Any:
            return client.get(path).raise_for_status().json()

        found = {}
        for world in get("/__admin/worlds")["worlds"]:
            state = get(f"/worlds/{world}/__admin/state")
            frozen = state.get("clock", {}).get("frozen")
            found[world] = {
                "info": get(f"/__admin/worlds/{world}"),
                "state": state if frozen else {**state, "clock": None},
                "ids": get(f"/worlds/{world}/__admin/ids"),
            }
        return found


@pytest.fixture
def kept(start: Callable[..., MockServer], tmp_path: Path) -> Kept:
    """A default world and one called blue, each with an audience, settings, a clock and two snapshots."""
    kept = Kept(start, tmp_path)
    for world in ("blue", "default"):
        kept.call("PUT", f"/__admin/worlds/{world}", {"settings": {"build_delay_s": 1}})
        kept.call("PUT", f"/worlds/{world}/__admin/clock", {"now": AT, "frozen": True})
        kept.call("POST", f"/worlds/{world}{AUDIENCES}", CREATE)
        kept.call("PUT", f"/worlds/{world}/__admin/snapshots/one")
        kept.call("PUT", f"/__admin/worlds/{world}", {"settings": {"build_delay_s": 2}})
        kept.call("POST", f"/worlds/{world}/__admin/clock/advance", {"seconds": 5})
        kept.call("PUT", f"/worlds/{world}/__admin/snapshots/two")
        kept.call("PUT", f"/__admin/worlds/{world}", {"settings": {"build_delay_s": 3, "match_rate": 0.5}})
        kept.call("POST", f"/worlds/{world}{AUDIENCES}", CREATE)
    return kept


CALLS: dict[str, tuple[str, str, Any]] = {
    "settings": ("PUT", "/__admin/worlds/{world}", {"settings": {"build_delay_s": 9}}),
    "no settings": ("PUT", "/__admin/worlds/{world}", {}),
    "clock": ("PUT", "/worlds/{world}/__admin/clock", {"now": "2020-01-01T00:00:00Z"}),
    "advance": ("POST", "/worlds/{world}/__admin/clock/advance", {"seconds": 77}),
    "ids": ("PUT", "/worlds/{world}/__admin/ids", {"facebook": "6000000000007"}),
    "seed": ("POST", "/worlds/{world}/__admin/seed", SEED),
    "override": (
        "PATCH",
        "/worlds/{world}/__admin/audiences/2542623499806",
        {"status": "TOO_SMALL", "size": 3},
    ),
    "take": ("PUT", "/worlds/{world}/__admin/snapshots/three", None),
    "take again": ("PUT", "/worlds/{world}/__admin/snapshots/one", None),
    "restore": ("POST", "/worlds/{world}/__admin/snapshots/one/restore", None),
    "restore the newer one": ("POST", "/worlds/{world}/__admin/snapshots/two/restore", None),
    "delete a snapshot": ("DELETE", "/worlds/{world}/__admin/snapshots/one", None),
    "reset": ("POST", "/worlds/{world}/__admin/reset", {}),
    "reset to empty": ("POST", "/worlds/{world}/__admin/reset", {"to": "empty"}),
    "fork": ("POST", "/__admin/worlds/{world}/fork", {"name": "green"}),
}
ONE_WORLD: dict[str, tuple[str, str, Any]] = {
    "create with settings": ("PUT", "/__admin/worlds/red", {"settings": {"build_delay_s": 4}}),
    "create by use": ("GET", f"/worlds/red{AUDIENCES}", None),
    "delete": ("DELETE", "/__admin/worlds/blue", None),
}
EACH = [
    *(
        pytest.param((method, path.format(world=world), body), id=f"{name}, {world}")
        for name, (method, path, body) in CALLS.items()
        for world in ("blue", "default")
    ),
    *(pytest.param(call, id=name) for name, call in ONE_WORLD.items()),
]


@pytest.mark.parametrize("call", EACH)
def test_a_kill_finds_what_was_confirmed_and_nothing_in_between(
    kept: Kept, call: tuple[str, str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the answer, a restart shows what the server showed; killed at any statement or file operation
    before the answer, it shows what was before or what is after."""
    before = observed(kept.mock)
    assert kept.after_a_kill() == before
    copies: dict[bytes, Path] = {}

    def at_a_moment(*_: object) -> None:
        content = kept.content()
        if content not in copies:
            copies[content] = kept.copy()

    worlds = kept.mock.app.state.worlds
    for world in ("blue", "default"):
        worlds.find(world).database.driver.set_trace_callback(at_a_moment)
    for module, name in ((files, "sync"), (files, "settle"), (files, "delete")):
        wrapped = getattr(module, name)

        def operation(path: Path, wrapped: Callable[..., None] = wrapped, **more: Any) -> None:
            at_a_moment()
            wrapped(path, **more)
            at_a_moment()

        monkeypatch.setattr(module, name, operation)
    kept.call(*call)
    monkeypatch.undo()
    for world in set(worlds) & {"blue", "default"}:
        worlds.find(world).database.driver.set_trace_callback(None)
    after = observed(kept.mock)
    assert kept.after_a_kill() == after
    assert copies
    for copy in copies.values():
        assert kept.after_a_kill(copy) in (before, after)


@pytest.mark.parametrize("back", ["snapshots/one/restore", "reset"])
def test_settings_stay_as_they_are(kept: Kept, back: str) -> None:
    """A restore or a reset brings no older settings back, neither at once nor after a kill; a fork that is
    made then has them too."""
    now = {"build_delay_s": 3, "match_rate": 0.5}
    kept.call("POST", f"/worlds/blue/__admin/{back}")
    kept.call("POST", "/__admin/worlds/blue/fork", {"name": "green"})
    for seen in (observed(kept.mock), kept.after_a_kill()):
        assert seen["blue"]["info"]["settings"] == seen["green"]["info"]["settings"] == now


def test_what_is_in_memory_is_gone_after_a_kill(kept: Kept) -> None:
    """Faults, the journal and windows of the rate limits are not kept: a restart starts them afresh, as a
    reset does."""
    kept.call("POST", "/__admin/faults", {"faults": [{"operation": "audiences/list", "status": 500}]})
    assert kept.call("GET", "/__admin/faults").json()["faults"]
    assert kept.call("GET", "/__admin/journal").json()["entries"]
    with MockServer(database=f"sqlite:///{kept.copy()}/kept.db") as again:
        assert httpx.get(f"{again.url}/__admin/faults").json()["faults"] == []
        assert httpx.get(f"{again.url}/__admin/journal").json()["entries"] == []


def test_a_damaged_world_can_be_deleted(kept: Kept) -> None:
    """A file that cannot be read is a world that cannot be used, and can be deleted, with its snapshots."""
    copy = kept.copy()
    folder = copy / "kept.db.worlds"
    (folder / "blue.db").write_bytes(b"damaged" * 1000)
    (folder / "blue@one.db").write_bytes((folder / "blue@one.db").read_bytes()[:5000])
    with MockServer(database=f"sqlite:///{copy}/kept.db", log_level="error") as mock:
        assert httpx.get(f"{mock.url}/__admin/worlds").json()["worlds"] == ["blue", "default"]
        rejected = httpx.get(f"{mock.url}/__admin/worlds/blue")
        assert rejected.status_code == 400
        assert "blue.db is not a database" in rejected.json()["error"]
        assert httpx.delete(f"{mock.url}/__admin/worlds/blue").status_code == 204
        assert httpx.get(f"{mock.url}/__admin/worlds").json()["worlds"] == ["default"]
        assert httpx.put(f"{mock.url}/__admin/worlds/blue", json={}).json()["snapshots"] == []
    assert not list(folder.glob("blue@*"))


def test_a_damaged_snapshot_can_be_replaced_and_deleted(kept: Kept) -> None:
    """Restoring it is an error that leaves the world as it is."""
    folder = kept.file.parent / "kept.db.worlds"
    for name in ("one", "two"):
        whole = (folder / f"blue@{name}.db").read_bytes()
        (folder / f"blue@{name}.db").write_bytes(whole[:9000])
    before = observed(kept.mock)
    url = f"{kept.mock.url}/worlds/blue/__admin/snapshots"
    assert httpx.post(f"{url}/one/restore").status_code == 400
    assert observed(kept.mock) == before
    assert httpx.put(f"{url}/one").status_code == 204
    assert httpx.post(f"{url}/one/restore").status_code == 204
    assert httpx.delete(f"{url}/two").status_code == 204
    assert observed(kept.mock)["blue"]["info"]["snapshots"] == ["one"]
