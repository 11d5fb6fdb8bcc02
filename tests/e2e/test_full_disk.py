"""A full disk: what it refuses leaves no half, what was confirmed stays, and the server goes on."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpers.accounts import PINTEREST_TOKEN
from helpers.serve_command import AUDIENCES, CREATE, Run, Runner, command

__all__ = ["command"]

DISK_BYTES = 4 << 20
SPARE_BYTES = 40 << 10
"""What is left on a full disk: the head of a copy, but not all of it."""

UNLIMITED = -1


@dataclass
class Disk:
    """A folder for the database, and what makes a running server's disk full, and puts an end to that."""

    folder: Path
    fill: Callable[[Run], object]
    free: Callable[[Run], object]


@pytest.fixture(params=["a small file system", "a limit for files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "a limit for files":
        yield from _limited(tmp_path)
    else:
        yield from _small(tmp_path)


def _limited(folder: Path) -> Iterator[Disk]:
    """No file of the server may grow: it gets EFBIG where a full disk gives ENOSPC."""
    if sys.platform != "linux":
        pytest.skip("only Linux limits the files of a process that runs already")
    import resource

    def limit(run: Run, size_bytes: int) -> None:
        most = resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (size_bytes, most))

    yield Disk(folder, lambda run: limit(run, SPARE_BYTES), lambda run: limit(run, UNLIMITED))


def _small(folder: Path) -> Iterator[Disk]:
    mounted = folder / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(mounted)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
    filler = mounted / "filler"

    def fill(run: Run) -> None:
        free = os.statvfs(mounted)
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize - SPARE_BYTES))

    try:
        yield Disk(mounted, fill, lambda run: filler.unlink())
    finally:
        # The server is still running; its files go with it.
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def call(run: Run, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, run.url + path, json=body or {}, headers=PINTEREST_TOKEN, timeout=30)


def seen(run: Run) -> dict[str, Any]:
    """The audiences, settings and snapshots of each world."""
    worlds = run.get("/__admin/worlds")["worlds"]
    return {
        world: (run.get(f"/__admin/worlds/{world}"), run.get(f"/worlds/{world}{AUDIENCES}?page_size=250"))
        for world in worlds
    }


REFUSED: dict[str, tuple[str, str, Any]] = {
    "a fork": ("POST", "/__admin/worlds/blue/fork", {"name": "green"}),
    "a new world": ("PUT", "/__admin/worlds/red", {"settings": {"build_delay_s": 1}}),
    "a new snapshot": ("PUT", "/worlds/blue/__admin/snapshots/two", None),
    "another snapshot of a name": ("PUT", "/worlds/blue/__admin/snapshots/one", None),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_full_disk_refuses_without_a_half(command: Runner, disk: Disk, what: str) -> None:
    """A copy that has no space is an error of the server that names the disk, nothing is changed by it, also
    not after a kill; and once there is space, the same call succeeds."""
    flags = ("--database", f"sqlite:///{disk.folder}/kept.db", "--build-delay-s", "0")
    run = command.serve(*flags)
    assert call(run, "POST", f"/worlds/blue{AUDIENCES}", CREATE).status_code == 201
    assert call(run, "PUT", "/worlds/blue/__admin/snapshots/one").status_code == 204
    assert call(run, "POST", f"/worlds/blue{AUDIENCES}", CREATE).status_code == 201
    before, names = seen(run), sorted(disk.folder.glob("kept.db.worlds/*"))
    disk.fill(run)
    for _ in range(2):
        refused = call(run, *REFUSED[what])
        assert refused.status_code == 507, refused.text
        assert "is the disk full?" in refused.json()["error"]
        assert seen(run) == before
        assert sorted(disk.folder.glob("kept.db.worlds/*")) == names
    disk.free(run)
    run.process.kill()
    run.status()
    again = command.serve(*flags)
    assert seen(again) == before
    assert call(again, *REFUSED[what]).is_success
    assert call(again, "POST", "/worlds/blue/__admin/snapshots/one/restore").status_code == 204
    kept = 2 if what == "another snapshot of a name" else 1
    assert len(again.get(f"/worlds/blue{AUDIENCES}")["items"]) == kept
    again.end()


def test_a_full_disk_refuses_changes_and_the_server_goes_on(command: Runner, disk: Disk) -> None:
    """Changes that have no space are errors, of which nothing is kept; reading goes on, and so do changes
    once there is space."""
    run = command.serve("--database", f"sqlite:///{disk.folder}/kept.db", "--build-delay-s", "0")
    frozen = {"now": "2026-11-22T12:00:00Z", "frozen": True}
    assert call(run, "PUT", "/__admin/clock", frozen).status_code == 200
    made = {run.create()}
    assert call(run, "PUT", "/__admin/snapshots/one").status_code == 204
    disk.fill(run)
    long = {**CREATE, "description": "x" * 500}
    refused = None
    for _ in range(1000):
        answer = call(run, "POST", AUDIENCES, long)
        if answer.status_code != 201:
            refused = answer
            break
        made.add(answer.json()["id"])
    assert refused is not None
    assert refused.status_code == 500
    assert run.ids() == made
    settings = run.get("/__admin/worlds/default")["settings"]
    seeded = {"api": "pinterest", "account": "7", "kind": "VISITOR", "name": "a", "description": "x" * 5000}
    large = {"audiences": [seeded] * 20}
    for method, path, body in (
        ("POST", "/__admin/seed", {**large, "clock": {"now": 1, "frozen": True}}),
        ("POST", "/__admin/snapshots/one/restore", None),
        ("POST", "/__admin/reset", None),
    ):
        answer = call(run, method, path, body)
        assert answer.status_code == 507, (path, answer.text)
        assert run.ids() == made
        assert run.get("/__admin/clock")["unix"] == 1795348800
        assert run.get("/__admin/worlds/default")["settings"] == settings
    assert "Traceback" not in run.err
    disk.free(run)
    made.add(run.create())
    assert call(run, "PUT", "/__admin/worlds/default", {"settings": {"build_delay_s": 1}}).status_code == 200
    run.process.kill()
    run.status()
    again = command.serve("--database", f"sqlite:///{disk.folder}/kept.db")
    assert again.ids() == made
    assert call(again, "POST", "/__admin/snapshots/one/restore").status_code == 204
    assert len(again.ids()) == 1
    again.end()
