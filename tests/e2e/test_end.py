"""How a server ends, in a process of its own: what it still answers, and what it cuts off."""

import json
import os
import signal
import sys
from contextlib import ExitStack

import httpx
import pytest

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.serve_command import (
    AUDIENCES,
    CREATE,
    FIELDS,
    Runner,
    command,
    connect,
    is_open,
    read_all,
    upload,
)
from helpers.waiting import until

__all__ = ["command"]

# Ending


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_end(command: Runner, signum: int) -> None:
    """SIGTERM and Ctrl-C end it with status 0, idle connections or not, and it says nothing."""
    run = command.serve("--database", "sqlite:///kept.db", cold=True)
    with httpx.Client(base_url=run.url) as idle, connect(run.url):
        assert idle.get("/__admin/health").status_code == 200
        run.end(signum)
    assert not is_open(run.url)
    assert len(run.out.splitlines()) == 1
    assert run.err == ""
    # The log beside the database is gone: it was closed in order.
    assert [path.name for path in command.folder.glob("kept.db*")] == ["kept.db"]


SIGNALLED = """
import os, sys

class Signals:
    def find_spec(self, name, path=None, target=None):
        if name == "fastapi":
            os.kill(os.getpid(), {signum})

sys.meta_path.insert(0, Signals())
"""
"""A sitecustomize.py by which a process sends itself a signal in the middle of its imports: from outside,
nobody could tell that it is there."""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_end_while_starting(command: Runner, signum: int) -> None:
    """A signal during the imports ends it as well: status 0, nothing said."""
    (command.folder / "sitecustomize.py").write_text(SIGNALLED.format(signum=int(signum)))
    paths = filter(None, [str(command.folder), os.environ.get("PYTHONPATH")])
    run = command.cold("serve", "--port", "0", PYTHONPATH=os.pathsep.join(paths))
    assert run.status() == 0, run.err
    assert run.out == run.err == ""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_end_answers_an_upload(command: Runner, signum: int) -> None:
    """A file that is still coming when the end is asked for is taken, answered with 201 and kept."""
    flags = ("--database", "sqlite:///kept.db")
    run = command.serve(*flags)
    head, body = upload(b"1\n22\n333\n")
    with connect(run.url) as slow:
        slow.sendall(head + body[:-40])
        # The server has read as far as that: it is busy with this request.
        assert run.get("/__admin/health")["audiences"] == 0
        run.process.send_signal(signum)
        until(lambda: not is_open(run.url), "a closed port")
        slow.sendall(body[-40:])
        answer = read_all(slow)
    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    made = json.loads(answer.partition(b"\r\n\r\n")[2])["fb_custom_audience"]
    assert made["name"] == FIELDS["name"]
    assert run.status() == 0
    assert run.err == ""
    assert command.serve(*flags).get("/__admin/health")["audiences"] == 1


def test_end_answers_what_was_sent(command: Runner) -> None:
    """Requests that were sent whole before the signal are all answered, read by then or not."""
    run = command.serve()
    body = json.dumps(CREATE).encode()
    request = (
        f"POST {AUDIENCES} HTTP/1.1\r\nHost: mock\r\nAuthorization: {PINTEREST_TOKEN['Authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    with ExitStack() as held:
        clients = [held.enter_context(connect(run.url)) for _ in range(20)]
        for client in clients:
            client.sendall(request)
        run.end()
        answers = [read_all(client) for client in clients]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 201"] * 20


def test_end_cuts_off_an_upload_that_stalls(command: Runner) -> None:
    """A file that stops coming does not hold the end up: it is one line on stderr, and not kept."""
    flags = ("--database", "sqlite:///kept.db")
    run = command.serve(*flags)
    head, body = upload(b"1\n22\n333\n")
    with connect(run.url) as stalled:
        stalled.sendall(head + body[:-40])
        assert run.get("/__admin/health")["audiences"] == 0
        run.end()
    assert run.err == "requests cut off at the end, still on their way: 1\n"
    assert command.serve(*flags).get("/__admin/health")["audiences"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bound")
def test_worlds_in_files_are_not_bound_by_the_shells_limit_of_open_files(command: Runner) -> None:
    """A server that may have more open files than it was started with has them: each world takes two."""
    few = ("sh", "-c", 'ulimit -S -n 100 && exec "$@"', "sh")
    run = command.cold("serve", "--port", "0", "--database", "sqlite:///many.db", through=few)
    for number in range(50):
        url = f"{run.url}/worlds/w{number}/v5/ad_accounts/{AD_ACCOUNT}/audiences"
        assert httpx.get(url, headers=PINTEREST_TOKEN).status_code == 200


def test_no_environment_variable_opens_the_control_api(command: Runner) -> None:
    """FORWARDED_ALLOW_IPS, which uvicorn reads, does not decide which callers count as this machine."""
    run = command.serve("--host", "0.0.0.0", FORWARDED_ALLOW_IPS="192.0.2.7")
    forwarded = {"X-Forwarded-For": "192.0.2.8"}
    assert httpx.get(f"{run.url}/__admin/worlds", headers=forwarded).status_code == 403
