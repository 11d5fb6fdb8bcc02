"""Connections to the database come back, whatever becomes of the request that used them."""

import asyncio
import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from audience_mock.app import create_app
from audience_mock.settings import Settings
from helpers.accounts import PINTEREST_TOKEN
from helpers.deployment import WORLD_LOCK, Deployment
from helpers.postgres import SERVING, Cluster
from helpers.replicas import AUDIENCES, CREATE
from helpers.serve_command import Runner, command, connect
from helpers.waiting import until

__all__ = ["command"]

pytestmark = pytest.mark.replicas

WITHIN_S = 60
POOL_SIZE = 4
WORLDS = ("blue", "green")

_STATES = """SELECT state FROM pg_stat_activity
    WHERE usename = $1 AND datname = $2 AND backend_type = 'client backend'"""


def states(cluster: Cluster, database: str) -> list[str]:
    """What each connection of servers is doing."""
    return [state for (state,) in cluster.rows(_STATES, SERVING, database, database=database)]


def request_bytes(path: str, *headers: str, body: bytes = b"", promised: int | None = None) -> bytes:
    length = len(body) if promised is None else promised
    method = "POST" if length else "GET"
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", *headers)
    lines += (f"Authorization: {PINTEREST_TOKEN['Authorization']}", f"Content-Length: {length}")
    return "\r\n".join((*lines, "Content-Type: application/json", "", "")).encode() + body


BODY = json.dumps({**CREATE, "name": "a"}).encode()

FAULTS = (
    *("status=503", "garbage", "cut_after_bytes=1", "latency_ms=60000", "effect_lost", "answer_lost"),
    *(f"reset={when}" for when in ("before", "in", "after")),
    *(f"stall={when}" for when in ("before", "in")),
)

LEAVING = {
    **{fault: [request_bytes("", f"X-Audience-Mock-Fault: {fault}", body=BODY)] for fault in FAULTS},
    "reads": [request_bytes("")],
    "changes": [request_bytes("", body=BODY)],
    "half of a body": [request_bytes("", body=BODY[:10], promised=len(BODY))],
    "pipelined": [request_bytes(""), request_bytes("", body=BODY)] * 3,
}
"""What clients send before they leave, to a path that is filled in."""


def send(url: str, parts: list[bytes], world: str) -> socket.socket:
    connection = connect(url)
    target = f" /worlds/{world}{AUDIENCES} ".encode()
    connection.sendall(b"".join(part.replace(b"  ", target, 1) for part in parts))
    return connection


@pytest.fixture
def deployed(command: Runner, postgresql: Cluster, database: str) -> Deployment:
    """A server with two worlds and a small pool."""
    deployed = Deployment(command, postgresql, database, 1, options={"pool_size": POOL_SIZE})
    for world in WORLDS:
        assert browse(deployed, world).status_code == 200
    return deployed


def browse(deployed: Deployment, world: str) -> httpx.Response:
    url = f"{deployed.urls[0]}/worlds/{world}{AUDIENCES}"
    return httpx.get(url, headers=PINTEREST_TOKEN, timeout=WITHIN_S)


def come(deployed: Deployment, what: str) -> list[socket.socket]:
    """More clients than the pool has connections."""
    return [send(deployed.urls[0], LEAVING[what], WORLDS[each % 2]) for each in range(2 * POOL_SIZE)]


def test_clients_that_leave_take_no_connection_with_them(deployed: Deployment) -> None:
    """Clients leave in the middle of requests, some while a change waits for its world's lock: afterwards
    every connection is free again, and there are no more than the pool may have."""

    def is_free() -> bool:
        found = states(deployed.cluster, deployed.database)
        return len(found) <= POOL_SIZE and {*found} == {"idle"}

    for what in LEAVING:
        with deployed.locked(WORLD_LOCK, WORLDS[0]):
            here = come(deployed, what)
            if what in ("changes", "effect_lost", "garbage"):
                until(lambda: "active" in states(deployed.cluster, deployed.database), "one waits")
            for connection in here:
                connection.close()
        for connection in come(deployed, what):
            connection.close()
        assert browse(deployed, WORLDS[0]).status_code == 200
        until(is_free, f"all connections are free after {what}")
    assert "Traceback" not in deployed.errors, deployed.errors


def test_a_server_that_ends_in_the_middle_leaves_no_connection(deployed: Deployment) -> None:
    """It ends while requests wait for a lock, for a fault, or for the rest of their body."""
    with ExitStack() as opened:
        with deployed.locked(WORLD_LOCK, WORLDS[0]):
            for what in LEAVING:
                for connection in come(deployed, what):
                    opened.enter_context(connection)
            deployed.runs[0].process.send_signal(signal.SIGTERM)
            assert deployed.runs[0].status() == 0
        until(lambda: not states(deployed.cluster, deployed.database), "no connection is left")
    assert "Traceback" not in deployed.errors, deployed.errors


# Applications that are called in process, in event loops of their own


@pytest.fixture
def app(postgresql: Cluster, database: str) -> Iterator[FastAPI]:
    """Without its lifespan."""
    app = create_app(Settings(database=postgresql.url(database, query="sslmode=disable")))
    yield app
    app.state.worlds.close()
    until(lambda: not states(postgresql, database), "no connection is left")


def by_the_test_client(app: FastAPI) -> None:
    assert TestClient(app).get(AUDIENCES, headers=PINTEREST_TOKEN).status_code == 200


async def _called(app: FastAPI) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(AUDIENCES, headers=PINTEREST_TOKEN)


def by_asyncio_run(app: FastAPI) -> None:
    assert asyncio.run(_called(app)).status_code == 200


def several_at_once(app: FastAPI) -> None:
    async def called() -> list[httpx.Response]:
        return await asyncio.gather(*(_called(app) for _ in range(3)))

    assert {answer.status_code for answer in asyncio.run(called())} == {200}


def left_on_its_way(app: FastAPI) -> None:
    """The loop ends while a request waits for the database."""

    async def leave(steps: int) -> None:
        call = asyncio.create_task(_called(app))
        for _ in range(steps):
            await asyncio.sleep(0)
        assert not call.done()

    for steps in (1, 3, 5, 8, 13):
        asyncio.run(leave(steps))


@pytest.mark.parametrize("call", [by_the_test_client, by_asyncio_run, several_at_once, left_on_its_way])
def test_connections_end_with_their_event_loop(
    app: FastAPI, postgresql: Cluster, database: str, call: Callable[[FastAPI], None]
) -> None:
    """Calls of an application in process leave no connection, though its lifespan is not run."""
    before = len(states(postgresql, database))
    for _ in range(3):
        call(app)
        until(lambda: len(states(postgresql, database)) <= before, "no connection is left")
