"""`audience-mock backup` and `restore`: one file of a running server, and a server of that file."""

import gc
import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.store.database import Database
from audience_mock.core.worlds import backup as backups
from audience_mock.core.worlds import exclusive
from audience_mock.core.worlds.database_files import DatabaseFiles
from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.serve_command import AUDIENCES, CREATE, FIELDS, LIMIT_S, Run, Runner, command
from helpers.waiting import until

__all__ = ["command"]

FLAGS = ("--database", "sqlite:///kept.db")
BLUE = "/worlds/blue"


def fill(run: Run) -> None:
    """Two worlds, each with a snapshot that has less than it; users, settings and a clock."""
    run.create()
    answer = httpx.post(
        f"{run.url}/custom_audiences",
        data=FIELDS,
        files={"file": ("users.txt", b"1\n22\n333\n")},
        headers=PITCHTARGET_TOKEN,
    )
    assert answer.status_code == 201
    control(run, "PUT", "/__admin/clock", {"now": 1760000000, "frozen": True})
    control(run, "PUT", "/__admin/snapshots/early")
    run.create()
    control(run, "PUT", "/__admin/worlds/blue", {"settings": {"build_delay_s": 60}})
    control(run, "PUT", f"{BLUE}/__admin/clock", {"now": 1770000000, "frozen": True})
    control(run, "PUT", f"{BLUE}/__admin/snapshots/one")
    httpx.post(f"{run.url}{BLUE}{AUDIENCES}", json=CREATE, headers=PINTEREST_TOKEN).raise_for_status()


def control(run: Run, method: str, path: str, body: Any = None) -> None:
    httpx.request(method, run.url + path, json=body or {}).raise_for_status()


def everything(run: Run) -> list[Any]:
    """What a server holds; its worlds are restored to their snapshots on the way."""
    found = [run.get("/__admin/worlds"), run.get("/__admin/worlds/blue")["settings"]]
    for prefix, snapshot in (("", "early"), (BLUE, "one")):
        found += [run.get(f"{prefix}/__admin/snapshots"), run.get(f"{prefix}/__admin/state")]
        control(run, "POST", f"{prefix}/__admin/snapshots/{snapshot}/restore")
        found.append(run.get(f"{prefix}/__admin/state"))
    return found


def done(run: Run, status: int = 0) -> str:
    """Its output, once it has ended."""
    assert run.status() == status, run.err
    return run.out


def refused(run: Run) -> str:
    assert run.status() == 2
    assert run.err.count("\n") == 1
    return run.err


@pytest.mark.parametrize("where", ["memory", "a file"])
def test_a_restored_server_holds_all_that_was_backed_up(command: Runner, where: str) -> None:
    """Worlds, snapshots, settings, clocks and ids, also of a server that has them in memory."""
    run = command.serve(*(FLAGS if where == "a file" else ()))
    fill(run)
    assert done(command("backup", run.url, "all.tar")) == "all.tar: 2 worlds and 2 snapshots\n"
    run.create()  # not in it
    made = "new.db: 2 worlds and 2 snapshots, as of"
    assert done(command("restore", "all.tar", "new.db")).startswith(made)
    restored = command.serve("--database", "sqlite:///new.db")
    found = everything(restored)
    restored.end()
    again = command.serve("--database", "sqlite:///new.db")
    assert again.get("/__admin/worlds")["worlds"] == ["blue", "default"]
    assert len(found[3]["audiences"]) == 3
    control(run, "POST", "/__admin/snapshots/early/restore")
    run.create()
    # Ids go on where the snapshot had them, so the original can be brought to what was backed up.
    assert everything(run) == found
    left = {path.name for path in command.folder.iterdir() if path.suffix not in (".out", ".err")}
    assert not [name for name in left if "half" in name]
    assert not list(command.folder.glob("kept.db.worlds/backup*"))


def test_worlds_that_are_not_open_are_backed_up(command: Runner) -> None:
    """After a restart no world has been used yet; all are in the backup, and a deleted one is not."""
    run = command.serve(*FLAGS)
    fill(run)
    control(run, "PUT", "/__admin/worlds/gone")
    run.end()
    run = command.serve(*FLAGS)
    control(run, "DELETE", "/__admin/worlds/gone")
    assert "2 worlds and 2 snapshots" in done(command("backup", run.url, "all.tar"))


def test_a_backup_is_for_admins(command: Runner) -> None:
    """Without the token there is none; the command takes it from the variable or a file."""
    token = "operators-token"
    run = command.serve("--admin-token", token)
    assert httpx.get(f"{run.url}/__admin/backup").status_code == 401
    said = refused(command("backup", run.url, "all.tar"))
    assert "401" in said
    assert token not in said
    assert not (command.folder / "all.tar").exists()
    done(command("backup", run.url, "all.tar", AUDIENCE_MOCK_ADMIN_TOKEN=token))
    (command.folder / "tokens").write_text(f"# mine\n{token}\n")
    done(command("backup", run.url, "all.tar", "--admin-token-file", "tokens"))


def test_a_world_that_cannot_be_read_is_named(command: Runner) -> None:
    """Everything else is in the backup; the command says what is not, and ends with 1."""
    run = command.serve(*FLAGS)
    fill(run)
    run.end()
    (command.folder / "kept.db.worlds" / "blue.db").write_bytes(b"damaged" * 1000)
    run = command.serve(*FLAGS)
    backup = command("backup", run.url, "all.tar")
    assert "1 world and 2 snapshots" in done(backup, status=1)
    assert "not in the backup: worlds/blue.db" in backup.err
    assert "2 snapshots" in done(command("restore", "all.tar", "new.db"))


def test_a_backup_replaces_no_database_and_no_device(command: Runner) -> None:
    """The name of the database itself, or of a device or a pipe, is a mistake: what is there stays."""
    run = command.serve(*FLAGS)
    os.mkfifo(command.folder / "pipe")
    for name, what in (("kept.db", "a database"), ("pipe", "a device or a pipe")):
        said = f"{name} is {what}: give the name of a new file, or of a backup to replace"
        assert said in refused(command("backup", run.url, name))
    assert (command.folder / "pipe").is_fifo()
    run.create()


def test_worlds_beside_a_database_of_any_name(command: Runner) -> None:
    """A folder and a file may have names with characters that mean something in a URL."""
    folder = command.folder / "a?b%41 ü#"
    folder.mkdir()
    flags = ("--database", "sqlite:///a%3Fb%2541 ü%23/x%25y.db")
    run = command.serve(*flags)
    fill(run)
    kept = run.get(f"{BLUE}/__admin/state")
    run.end()
    assert {file.name for file in (folder / "x%y.db.worlds").iterdir()} >= {"blue.db", "blue@one.db"}
    assert [file.name for file in command.folder.iterdir() if file.name.startswith("a")] == [folder.name]
    again = command.serve(*flags)
    assert again.get(f"{BLUE}/__admin/state") == kept
    control(again, "POST", f"{BLUE}/__admin/snapshots/one/restore")


def test_what_replaces_nothing(command: Runner) -> None:
    """A restore overwrites neither a file nor a folder of worlds; a failed backup leaves the last one."""
    run = command.serve(*FLAGS)
    fill(run)
    done(command("backup", run.url, "all.tar"))
    before = (command.folder / "all.tar").read_bytes()
    assert "kept.db exists" in refused(command("restore", "all.tar", "kept.db"))
    (command.folder / "new.db.worlds").mkdir()
    assert "new.db.worlds exists" in refused(command("restore", "all.tar", "new.db"))
    assert not (command.folder / "new.db").exists()
    run.end()
    refused(command("backup", run.url, "all.tar"))
    assert (command.folder / "all.tar").read_bytes() == before
    assert not list(command.folder.glob("*.half"))


def tar_of(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def members_of(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened}  # type: ignore[union-attr]


def with_manifest(members: dict[str, bytes], **changed: Any) -> bytes:
    """An archive whose manifest is right about its members, but for what is changed."""
    manifest = json.loads(members[backups.MANIFEST])
    others = {name: content for name, content in members.items() if name != backups.MANIFEST}
    manifest["databases"] = {name: hashlib.sha256(content).hexdigest() for name, content in others.items()}
    return tar_of(others | {backups.MANIFEST: json.dumps(manifest | changed).encode()})


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


def without_pages(content: bytes) -> bytes:
    return content[:4096] + b"\xff" * (len(content) - 4096)


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda archive: b"", "not a complete backup"),
    "a text": (lambda archive: b"dear diary\n" * 1000, "not a complete backup"),
    "cut in a member": (lambda archive: archive[:3000], "not a complete backup"),
    "cut before the manifest": (
        lambda archive: archive[: archive.rindex(b"manifest.json")],
        "not a complete backup",
    ),
    "a changed byte": (lambda archive: flipped(archive, 9000), "default.db is not what was backed up"),
    "a missing member": (
        lambda archive: tar_of({n: c for n, c in members_of(archive).items() if n != "worlds/blue.db"}),
        "worlds/blue.db is not what was backed up",
    ),
    "no default world": (
        lambda archive: with_manifest({n: c for n, c in members_of(archive).items() if n != "default.db"}),
        "default.db is missing",
    ),
    "another place": (
        lambda archive: with_manifest({"../outside.db": b"x", **members_of(archive)}),
        "unexpected '../outside.db'",
    ),
    "another program's": (
        lambda archive: with_manifest({**members_of(archive), "worlds/blue.db": b"x" * 9000}),
        "worlds/blue.db is damaged",
    ),
    "a damaged database": (
        lambda archive: with_manifest(
            {n: without_pages(c) if "@" in n else c for n, c in members_of(archive).items()}
        ),
        "is damaged",
    ),
    "a later schema": (
        lambda archive: with_manifest(members_of(archive), schema=99, version="7.1.0"),
        "use version 7.1.0",
    ),
    "a later format": (
        lambda archive: with_manifest(members_of(archive), format=99, version="7.1.0"),
        "was made by Audience Mock 7.1.0",
    ),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup of two worlds and a snapshot."""
    file = tmp_path_factory.mktemp("sound") / "kept.db"
    with MockServer(database=f"sqlite:///{file}") as mock:
        for path in ("worlds/blue", "snapshots/one"):
            httpx.put(f"{mock.url}/__admin/{path}", json={}).raise_for_status()
        return httpx.get(f"{mock.url}/__admin/backup").raise_for_status().content


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_backup_is_not_restored(command: Runner, sound: bytes, what: str) -> None:
    """The command ends with 2 and one line that says why, and makes nothing."""
    damage, why = DAMAGED[what]
    (command.folder / "all.tar").write_bytes(damage(sound))
    assert why in refused(command("restore", "all.tar", "new.db"))
    assert not list(command.folder.parent.glob("outside*"))
    assert not [path for path in command.folder.iterdir() if path.name.startswith("new.db")]


def test_the_members_are_plain_databases(sound: bytes, tmp_path: Path) -> None:
    """A backup can be looked into with tar and sqlite3 alone."""
    members = members_of(sound)
    assert list(members) == ["default.db", "worlds/default@one.db", "worlds/blue.db", "manifest.json"]
    (tmp_path / "default.db").write_bytes(members["default.db"])
    with closing(sqlite3.connect(tmp_path / "default.db")) as driver:
        assert driver.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("where", ["a large file", "memory"])
def test_others_are_served_while_a_world_is_copied(
    start: Callable[..., MockServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Worlds and snapshots are copied beside the event loop, and are as they were at one moment."""
    monkeypatch.setattr(exclusive, "BESIDE_BYTES", 0)
    mock = start(database=f"sqlite:///{tmp_path}/kept.db") if where == "a large file" else start()
    copying, may_copy, copy = threading.Semaphore(0), threading.Semaphore(0), DatabaseFiles.write_copy

    def waiting(*arguments: Any) -> None:
        copying.release()
        assert may_copy.acquire(timeout=LIMIT_S)
        copy(*arguments)

    with httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN) as client, ThreadPoolExecutor(1) as thread:
        client.post(AUDIENCES, json=CREATE).raise_for_status()
        client.post(f"{BLUE}{AUDIENCES}", json=CREATE).raise_for_status()
        # A snapshot of a file is a file, which is not copied again.
        mock.snapshot("one")
        monkeypatch.setattr(DatabaseFiles, "write_copy", waiting)
        asked = thread.submit(httpx.get, f"{mock.url}/__admin/backup")
        for _ in range(2 if where == "a large file" else 3):
            assert copying.acquire(timeout=LIMIT_S)
            assert client.get(AUDIENCES).status_code == 200
            assert client.get(f"{BLUE}{AUDIENCES}").status_code == 200
            may_copy.release()
        archive = asked.result().raise_for_status().content
        assert client.post(AUDIENCES, json=CREATE).status_code == 201
    members = members_of(archive)
    for name in ("default.db", "worlds/default@one.db", "worlds/blue.db"):
        (tmp_path / "copy.db").write_bytes(members[name])
        with closing(sqlite3.connect(tmp_path / "copy.db")) as driver:
            assert driver.execute("SELECT count(*) FROM audiences").fetchone() == (1,)


def test_a_client_that_leaves_during_a_backup(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """A backup whose client leaves ends with the copy that is being made, deletes it, and logs no error."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    copying, may_copy, copy = threading.Event(), threading.Event(), DatabaseFiles.write_copy

    def waiting(self: DatabaseFiles, file: Path, database: Database, finish: Any) -> None:
        if database is blue:
            copying.set()
            assert may_copy.wait(LIMIT_S)
        copy(self, file, database, finish)

    with MockServer() as mock:
        mock.in_world("blue").configure(build_delay_s=60)
        blue = mock.app.state.worlds.find("blue").database
        monkeypatch.setattr(DatabaseFiles, "write_copy", waiting)
        with httpx.stream("GET", f"{mock.url}/__admin/backup") as answer:
            assert answer.status_code == 200
            assert copying.wait(LIMIT_S)
        # Read after the end of the connection: the server has seen that the client left.
        assert httpx.get(f"{mock.url}/__admin/health").status_code == 200
        assert [*tmp_path.iterdir()] != []
        may_copy.set()
        until(lambda: not [*tmp_path.iterdir()], "the copy was deleted")
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
