"""Database files and the processes that use them: one at a time, ended fast, and cheap once deleted."""

import platform
import re
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from helpers.accounts import PINTEREST_TOKEN
from helpers.serve_command import AUDIENCES, CREATE, LISTS, Run, Runner, command, connect, read_all, upload
from helpers.waiting import until

__all__ = ["command"]

FLAGS = ("--database", "sqlite:///kept.db")


def refused(run: Run) -> str:
    """The line of a start that failed."""
    assert run.status() == 2
    assert run.out == ""
    assert re.fullmatch(r"audience-mock: [^\n]+\n", run.err)
    return run.err


def test_a_second_server_is_refused(command: Runner) -> None:
    """It ends with 2 and a line that names the file; what the first is receiving meanwhile is not lost."""
    first = command.serve(*FLAGS)
    head, body = upload(b"1\n22\n333\n" * 100_000)
    with connect(first.url) as half:
        half.sendall(head + body[:-100])
        until(lambda: first.get("/__admin/health")["status"] == "ready", "an answer amid the upload")
        assert "kept.db is in use by another process" in refused(command("serve", "--port", "0", *FLAGS))
        half.sendall(body[-100:])
        assert half.recv(12) == b"HTTP/1.1 201"
    assert first.get("/__admin/health")["audiences"] == 1
    first.process.kill()
    assert first.status() == -signal.SIGKILL
    assert command.serve(*FLAGS).get("/__admin/health")["audiences"] == 1


def test_a_part_that_is_being_received_is_not_deleted_by_another_start(command: Runner) -> None:
    """A part of an upload that has arrived by half is complete in the end, whoever tried to start."""
    first = command.serve(*FLAGS)
    with httpx.Client(base_url=first.url, headers=PINTEREST_TOKEN, timeout=60) as client:
        made = client.post(LISTS, json={"name": "l", "list_type": "EMAIL", "records": "a@example.com"}).json()
        uploads = f"{LISTS}/{made['id']}/uploads"
        begun = client.post(uploads, json={"operation": "ADD", "total_parts": 1}).json()
        part = httpx.URL(begun["s3_multipart_upload_data"]["file_parts"][0]["presigned_url"])
        lines = b"".join(b"%d@example.com\n" % number for number in range(100_000))
        with connect(first.url) as half:
            head = f"PUT {part.raw_path.decode()} HTTP/1.1\r\nHost: m\r\nContent-Length: {len(lines)}\r\n"
            half.sendall(f"{head}Connection: close\r\n\r\n".encode() + lines[:-100])
            refused(command("serve", "--port", "0", *FLAGS))
            half.sendall(lines[-100:])
            assert read_all(half).startswith(b"HTTP/1.1 200")
        number = begun["customer_list_upload"]["id"]
        assert client.post(f"{uploads}/{number}/run").status_code == 200
        state = first.get("/__admin/state")
    (kept,) = state["customer_list_uploads"]
    assert kept["valid"] == 100_000


def test_a_world_of_another_server_is_refused(command: Runner) -> None:
    """The file of a world that a server has open is no database for another one."""
    first = command.serve(*FLAGS)
    assert first.get(f"/worlds/blue{AUDIENCES}")["items"] == []
    world = command("serve", "--port", "0", "--database", "sqlite:///kept.db.worlds/blue.db")
    assert "blue.db is in use by another process" in refused(world)


def test_a_successor_waits_for_the_end_of_its_predecessor(command: Runner) -> None:
    """A server that is started while the last one is told to stop takes over the file."""
    first = command.serve(*FLAGS)
    first.create()
    second = command("serve", "--port", "0", *FLAGS)
    first.end()
    assert len(second.ids()) == 1


@pytest.mark.parametrize("what", ["another program's tables", "a text"])
def test_a_file_that_is_not_ours_is_refused(command: Runner, what: str) -> None:
    """A start over such a file ends with 2 and a line, and leaves the file as it was."""
    file = command.folder / "kept.db"
    if what == "a text":
        file.write_text("dear diary\n" * 1000)
    else:
        with closing(sqlite3.connect(file)) as theirs:
            theirs.execute("CREATE TABLE audiences (id)")
    before = file.read_bytes()
    assert "is not a database of Audience Mock" in refused(command("serve", "--port", "0", *FLAGS))
    assert file.read_bytes() == before
    assert [path.name for path in command.folder.iterdir() if path.name.startswith("kept")] == ["kept.db"]


def test_leftovers_of_a_kill_are_gone_after_a_start(command: Runner) -> None:
    """Halves, logs without a file and snapshots of a deleted world are deleted, and are no world."""
    first = command.serve(*FLAGS)
    for path in ("worlds/blue", "snapshots/one"):
        assert httpx.put(f"{first.url}/__admin/{path}", json={}).is_success
    assert httpx.put(f"{first.url}/worlds/blue/__admin/snapshots/one").is_success
    first.end()
    folder = command.folder / "kept.db.worlds"
    for name in ("red.db.half", "red.db.half-wal", "gone.db-wal"):
        (folder / name).write_bytes(b"half")
    shutil.copy(folder / "blue@one.db", folder / "gone@one.db")
    again = command.serve(*FLAGS)
    assert again.get("/__admin/worlds")["worlds"] == ["blue", "default"]
    assert {file.name for file in folder.iterdir()} == {"blue.db", "blue@one.db", "default@one.db"}


@pytest.mark.parametrize("worlds", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_server_with_many_worlds_ends_in_order(command: Runner, worlds: int) -> None:
    """Each world is in a file and has been written to; all of it is there after a restart."""
    run = command.serve(*FLAGS)
    with httpx.Client(base_url=run.url, headers=PINTEREST_TOKEN, timeout=30) as client:
        for number in range(worlds):
            assert client.post(f"/worlds/w{number}{AUDIENCES}", json=CREATE).status_code == 201
    run.end()
    again = command.serve(*FLAGS)
    assert len(again.get("/__admin/worlds")["worlds"]) == worlds + 1
    for number in range(0, worlds, 10):
        assert len(again.get(f"/worlds/w{number}{AUDIENCES}")["items"]) == 1
    again.end()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is freed")
@pytest.mark.parametrize("where", ["memory", "files"])
def test_deleted_worlds_give_their_memory_back(command: Runner, where: str) -> None:
    """Of what 200 worlds take, less than a fifth is left once they are deleted."""
    run = command.serve(*(FLAGS if where == "files" else ()))

    def resident_kib() -> int:
        status = Path(f"/proc/{run.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    with httpx.Client(base_url=run.url, headers=PINTEREST_TOKEN, timeout=30) as client:

        def create(name: str) -> None:
            assert client.post(f"/worlds/{name}{AUDIENCES}", json=CREATE).status_code == 201

        def delete(name: str) -> None:
            assert client.delete(f"/__admin/worlds/{name}").status_code == 204

        # The control API, and what is made once.
        create("first")
        delete("first")
        before = resident_kib()
        for number in range(200):
            create(f"w{number}")
        grown = resident_kib() - before
        assert grown > 20_000
        for number in range(200):
            delete(f"w{number}")
        assert resident_kib() - before < grown / 5
