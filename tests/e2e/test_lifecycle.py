"""What runs the server: its probes, and how it ends."""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.app import create_app
from audience_mock.core.store.closing import CLOSE_WITHIN_S
from audience_mock.server.listener import listen
from audience_mock.server.uvicorn_server import CUT_OFF_S, GRACE_S, SETTLE_S, Server
from audience_mock.settings import Settings
from audience_mock.testing import MockServer
from helpers import old_files
from helpers.accounts import PINTEREST_TOKEN
from helpers.serve_command import AUDIENCES, CREATE, LIMIT_S, Run, Runner, command, connect, read_all
from helpers.waiting import until

__all__ = ["command"]

FLAGS = ("--database", "sqlite:///kept.db")
LIVE, READY = "/__admin/live", "/__admin/ready"
LONG_S = "60"
"""Longer than any of these tests: what ends before does not wait."""


def ready(url: str) -> tuple[int, Any]:
    answer = httpx.get(url + READY)
    return answer.status_code, answer.json()


def draining(run: Run) -> bool:
    return ready(run.url)[0] == 503


# Probes


@pytest.mark.parametrize("flag", ["--admin", "--no-admin", "--admin-token=operators-token"])
def test_probes_are_open(command: Runner, flag: str) -> None:
    """Without a token, with the control API off, and as a probe of another machine calls."""
    run = command.serve(flag)
    for path, status in ((LIVE, "alive"), (READY, "ready")):
        answer = httpx.get(run.url + path, headers={"Host": "10.0.0.7:8000", "X-Forwarded-For": "10.0.0.8"})
        assert (answer.status_code, answer.json()) == (200, {"status": status})
        assert httpx.post(run.url + path).status_code == 405


@pytest.mark.parametrize("what", ["deleted", "replaced"])
def test_a_server_without_its_file_is_not_ready(command: Runner, what: str) -> None:
    """It is alive, and says why it is not ready, as soon as the file has no name any more."""
    run = command.serve(*FLAGS)
    assert ready(run.url)[0] == 200
    file = command.folder / "kept.db"
    if what == "replaced":
        other = command.folder / "other.db"
        other.write_bytes(file.read_bytes())
        other.replace(file)
    else:
        file.unlink()
    status, body = ready(run.url)
    assert (status, body["status"], body["reason"]) == (503, "not_ready", "no_store")
    assert "kept.db" in body["error"]
    assert httpx.get(run.url + LIVE).status_code == 200


@pytest.mark.parametrize("what", ["kept.db", "the folder"])
def test_a_server_that_may_not_write_is_not_ready(
    start: Callable[..., MockServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """If the system says that the file or its folder cannot be written to. (Root may always write.)"""
    mock = start(database=f"sqlite:///{tmp_path}/kept.db")
    assert ready(mock.url)[0] == 200
    closed = tmp_path / "kept.db" if what == "kept.db" else tmp_path
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and access(path, mode))
    status, body = ready(mock.url)
    assert (status, body["reason"]) == (503, "no_store")


def test_a_server_whose_disk_is_nearly_full_is_not_ready(command: Runner) -> None:
    """The threshold is a setting; the answer has the numbers, and requests are served nevertheless."""
    run = command.serve(*FLAGS, "--ready-free-bytes", str(1 << 60))
    status, body = ready(run.url)
    assert (status, body["reason"]) == (503, "disk_full")
    assert str(1 << 60) in body["error"]
    run.create()
    for off in ((*FLAGS[:1], "sqlite:///other.db", "--ready-free-bytes", "0"), ("--ready-free-bytes", "1")):
        assert ready(command.serve(*off).url) == (200, {"status": "ready"})


# The end


def test_a_draining_server_goes_on(command: Runner) -> None:
    """After SIGTERM it is not ready, and serves new connections and old ones, each for one more request."""
    run = command.serve(*FLAGS, "--drain-s", LONG_S)
    with httpx.Client(base_url=run.url, headers=PINTEREST_TOKEN) as client:
        assert "connection" not in client.post(AUDIENCES, json=CREATE).headers
        with connect(run.url) as kept:
            head = f"GET {AUDIENCES} HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer pina_x\r\n\r\n".encode()
            kept.sendall(head)
            assert kept.recv(12) == b"HTTP/1.1 200"
            run.process.send_signal(signal.SIGTERM)
            until(lambda: draining(run), "503 of the probe")
            assert ready(run.url)[1]["reason"] == "draining"
            # A connection from before the signal is served, and ends then.
            kept.sendall(head)
            assert b"\r\nconnection: close\r\n" in read_all(kept)
        for _ in range(2):
            answer = client.post(AUDIENCES, json=CREATE)
            assert (answer.status_code, answer.headers["connection"]) == (201, "close")
        assert httpx.get(run.url + LIVE).status_code == 200
    run.end()
    assert "draining for 60 s" in run.err
    assert len(command.serve(*FLAGS).ids()) == 3


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(command: Runner, second: int) -> None:
    """Whichever it is, and though a request is under way."""
    run = command.serve("--drain-s", LONG_S)
    with connect(run.url) as half:
        half.sendall(b"POST /v5/ad_accounts/1/audiences HTTP/1.1\r\nHost: m\r\nContent-Length: 9\r\n\r\n{")
        run.process.send_signal(signal.SIGTERM)
        until(lambda: draining(run), "503 of the probe")
        run.end(second)


def test_the_drain_ends_by_itself(command: Runner) -> None:
    """After the seconds that were given, and a second at most; no connection is accepted then."""
    run = command.serve("--drain-s", "0.3")
    run.end()
    assert "draining for 0.3 s" in run.err
    with pytest.raises(ConnectionRefusedError):
        connect(run.url)


def test_a_signal_right_after_the_start_drains_too() -> None:
    """What is ready may have been sent requests: a signal that comes while it says so makes it drain."""
    settings = Settings(port=0, drain_s=0.01)
    drained: list[bool] = []
    server = Server(
        create_app(settings),
        settings=settings,
        when_ready=lambda: server.handle_exit(signal.SIGTERM, None),
        when_draining=lambda: drained.append(True),
    )
    # In the main thread uvicorn raises the signal again.
    with closing(listen("127.0.0.1", 0)[0]) as listener:
        thread = threading.Thread(target=server.run_at, args=([listener],), daemon=True)
        thread.start()
        thread.join(LIMIT_S)
    assert not thread.is_alive()
    assert drained == [True]


def test_ctrl_c_does_not_drain(command: Runner) -> None:
    """A person who ends the server does not wait for a load balancer."""
    command.serve("--drain-s", LONG_S).end(signal.SIGINT)


def test_a_server_in_a_test_does_not_drain(start: Callable[..., MockServer]) -> None:
    """The end of a block is no signal: with a drain the fixture would run into its limit."""
    with MockServer(drain_s=60) as mock:
        assert ready(mock.url)[0] == 200


def test_what_an_end_waits_for_is_less_than_a_second() -> None:
    """The limits of its steps add up to less: a busy machine may take longer, and a test cannot time it."""
    assert sum(SETTLE_S) + GRACE_S + CUT_OFF_S + CLOSE_WITHIN_S < 1


@pytest.mark.parametrize("worlds", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_drained_server_with_many_worlds_ends_at_once(command: Runner, worlds: int) -> None:
    """Each world is in a file and has been written to; a second signal ends the drain."""
    run = command.serve(*FLAGS, "--drain-s", LONG_S)
    with httpx.Client(base_url=run.url, headers=PINTEREST_TOKEN, timeout=30) as client:
        for number in range(worlds):
            assert client.post(f"/worlds/w{number}{AUDIENCES}", json=CREATE).status_code == 201
        run.process.send_signal(signal.SIGTERM)
        until(lambda: draining(run), "503 of the probe")
        for number in range(0, worlds, 10):
            assert len(client.get(f"/worlds/w{number}{AUDIENCES}").json()["items"]) == 1
    run.end()


# Files that cannot be locked


def test_a_file_is_served_without_its_lock(command: Runner) -> None:
    """Where locking fails, as it does while another program has the lock, --no-database-lock serves the file:
    worlds, forks and snapshots, too."""
    command.serve(*FLAGS).end()
    with closing(sqlite3.connect(command.folder / "kept.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        locked = command("serve", "--port", "0", *FLAGS)
        assert locked.status() == 2
        assert "kept.db is in use" in locked.err
        run = command.serve(*FLAGS, "--no-database-lock")
        first = run.create()
        httpx.put(f"{run.url}/__admin/snapshots/one").raise_for_status()
        httpx.put(f"{run.url}/__admin/snapshots/one").raise_for_status()
        second = run.create()
        forked = httpx.post(f"{run.url}/__admin/worlds/default/fork", json={"name": "blue"})
        assert forked.status_code == 201, forked.text
        run.process.kill()
        run.status()
        run = command.serve(*FLAGS, AUDIENCE_MOCK_DATABASE_LOCK="off")
        assert run.ids() == {first, second}
        httpx.post(f"{run.url}/__admin/snapshots/one/restore").raise_for_status()
        assert run.ids() == {first}
        run.end()


def test_a_file_is_migrated_without_its_lock(command: Runner) -> None:
    """As `serve` has it."""
    file = command.folder / "kept.db"
    old_files.make(file, 3)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        assert command("migrate", "kept.db").status() == 2
        run = command("migrate", "--no-database-lock", "kept.db")
        assert run.status() == 0, run.err
    assert len(command.serve(*FLAGS).get("/__admin/worlds")["worlds"]) == 2
