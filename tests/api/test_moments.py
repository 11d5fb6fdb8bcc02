"""All that a request writes and answers has one time, however long it takes."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from audience_mock.app import create_app
from audience_mock.core.worlds.clock import real_ms, system_time
from audience_mock.settings import Settings
from audience_mock.web.exchanges import Answer, Exchange, Recorder, Replay
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.exchanges import BOUNDARY, form_of

STEP_MS = 1300
"""How much later it is at each reading of the clock: in another second."""

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
VISITORS = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}}
FIELDS = {
    "fb_ad_account_id": "2",
    "user_type": "fbid",
    "name": "n",
    "description": "d",
    "opt_out_link": "http://a.example",
}
DURATIONS = (b"x-runtime", b"x-envoy-upstream-service-time")
FAULT = {"operation": "audiences/create", "latency_ms": 20, "first": 1}


@contextmanager
def racing_clock() -> Iterator[None]:
    """The system's clock, if each reading is in another second."""
    readings = count(real_ms(), STEP_MS)
    with system_time(lambda: next(readings)):
        yield


@pytest.fixture
def app() -> Iterator[Any]:
    app = create_app(Settings())
    yield app
    app.state.worlds.close()


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    """A body, between whose pieces other tasks run."""
    for at in range(0, len(content), 1 << 16):
        yield content[at : at + (1 << 16)]
        await asyncio.sleep(0)


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", headers=PINTEREST_TOKEN
    )


async def use(http: httpx.AsyncClient) -> None:
    """Requests that wait for nothing, for their body in pieces, for a fault, and between transactions."""
    audience = (await http.post(AUDIENCES, json=VISITORS)).json()
    assert (await http.get(f"{AUDIENCES}/{audience['id']}")).is_success
    assert (await http.post("/__admin/faults", json=FAULT)).is_success
    assert (await http.post(AUDIENCES, json=VISITORS)).is_success
    people = json.dumps({"name": "People", "list_type": "EMAIL", "records": "eva@shop.example"}).encode()
    headers = {"Content-Type": "application/json"}
    assert (await http.post(LISTS, content=in_pieces(people), headers=headers)).is_success
    assert (await http.get(LISTS)).is_success
    for users in (3, 20_000):
        file = form_of(FIELDS, "users.csv", "text/csv", b"\n".join(b"%d" % number for number in range(users)))
        headers = {**PITCHTARGET_TOKEN, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        made = await http.post("/custom_audiences", content=in_pieces(file), headers=headers)
        assert made.is_success, made.text
    listed = {"fb_ad_account_id": "2"}
    assert (await http.get("/custom_audiences", params=listed, headers=PITCHTARGET_TOKEN)).is_success


async def replayed(exchanges: Sequence[Exchange]) -> list[Answer]:
    """The answers of another server that gets each request at the time of the recording."""
    now_ms = exchanges[0].at_ms
    with system_time(lambda: now_ms):
        app = create_app(Settings())
        replay, answers = Replay(app), []
        for exchange in exchanges:
            now_ms = exchange.at_ms
            answers.append(await replay.answer(exchange))
        app.state.worlds.close()
    return answers


def test_a_recording_is_replayed_to_the_byte(app: Any) -> None:
    """A recorded request has the time that it saw, so its replay writes and answers the same, even if each
    reading of the clock was in another second."""

    async def run() -> None:
        recorder = Recorder(app)
        with racing_clock():
            async with client(recorder) as http:
                await use(http)
        for exchange, answer in zip(recorder.exchanges, await replayed(recorder.exchanges), strict=True):
            exchange.body.close()
            if not exchange.is_control:
                assert answer.status == exchange.answer.status
                assert answer.body == exchange.answer.body, exchange.path
                assert [pair for pair in answer.headers if pair[0] not in DURATIONS] == [
                    pair for pair in exchange.answer.headers if pair[0] not in DURATIONS
                ]

    asyncio.run(run())


def test_one_time_in_an_answer(app: Any) -> None:
    """The time of a row is the `Date` of the answer that made it."""

    async def run() -> None:
        with racing_clock():
            async with client(app) as http:
                answer = await http.post(AUDIENCES, json=VISITORS)
        date = parsedate_to_datetime(answer.headers["date"])
        assert answer.json()["created_timestamp"] == date.timestamp()

    asyncio.run(run())


def test_time_goes_on_while_a_request_waits(app: Any) -> None:
    """A request that a fault holds back takes effect at the time of its effect, also where a test has moved
    the clock meanwhile."""

    async def run() -> None:
        async with client(app) as http:
            assert (await http.post("/__admin/faults", json={**FAULT, "latency_ms": 1000})).is_success
            held = asyncio.create_task(http.post(AUDIENCES, json=VISITORS))
            while not (await http.get("/__admin/faults")).json()["faults"][0]["fired"]:
                await asyncio.sleep(0)
            assert (await http.post("/__admin/clock/advance", json={"seconds": 3600})).is_success
            made = (await held).json()
            now = (await http.get("/__admin/clock")).json()["unix"]
        assert 0 <= now - made["created_timestamp"] < 3600

    asyncio.run(run())
