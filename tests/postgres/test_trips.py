"""How often a request waits for the database: each statement is a trip there and back."""

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import httpx
import pytest

from audience_mock.core.postgres import spares, sweeper
from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.testing import MockServer
from benchmarks import exchanges
from benchmarks.exchanges import CREATE, GET, LIST, LOOKALIKE_CREATE, MULTIPART_CREATE
from helpers import exchanges as published
from helpers import postgres
from helpers.accounts import AD_ACCOUNT
from helpers.control_calls import AUDIENCE, CALLS, FAULT, Call, send
from helpers.postgres import Cluster, connected

pytestmark = pytest.mark.replicas

LOGGING = {"log_statement": "all", "log_min_messages": "log", "log_line_prefix": "%n "}

AT_MOST = {GET: 6, LIST: 6, CREATE: 8, LOOKALIKE_CREATE: 10, MULTIPART_CREATE: 12}
"""The world's head, the limits (Pinterest's), the beginning of the transaction, its statements (a change
first locks the world), its end, the journal; of an upload the sample that the linter keeps. Lower it when a
trip is saved; one more takes a tenth of a millisecond of each request, and more across a network."""


@pytest.fixture(scope="module")
def logging() -> Iterator[Cluster]:
    with postgres.running_cluster(settings=LOGGING) as cluster:
        yield cluster


def statements(log: str) -> list[str]:
    return re.findall(r"LOG:  (?:statement|execute [^:]+): +([^\n]+)", log)


def test_a_request_makes_few_trips(
    logging: Cluster, start: Callable[..., MockServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request of the benchmark, once its statements are prepared, waits no more often than listed."""
    monkeypatch.setattr(spares, "SPARE", 0)  # they log statements of their own
    name = logging.new_database()
    postgres.migrate(logging, name)
    server = start(database=logging.url(name, query="sslmode=disable"))
    with httpx.Client(base_url=server.url, timeout=60) as client:
        client.post("/__admin/seed", json=exchanges.seed(1)).raise_for_status()
        for workload, most in AT_MOST.items():
            made: list[list[str]] = []
            for _ in range(4):
                before = len(logging.log)
                request = exchanges.OURS[workload]
                answer = client.request(
                    request.method, request.path, content=request.body, headers=dict(request.headers)
                )
                assert answer.is_success, answer.text
                made.append(statements(logging.log[before:]))
            # That a world is used is written once a second, and the sweeper may run meanwhile.
            fewest = min(made, key=len)
            assert 3 < len(fewest) <= most, (workload, fewest)
    assert "typeinfo" not in logging.log, "the driver looked up a type, on each new connection"


@pytest.fixture(scope="module")
def timing() -> Iterator[Cluster]:
    settings = {"log_min_duration_statement": "0", "log_min_messages": "log", "log_line_prefix": "[%p] "}
    with postgres.running_cluster(settings=settings) as cluster:
        yield cluster


def test_the_first_request_on_a_connection_prepares_nothing(
    timing: Cluster, start: Callable[..., MockServer]
) -> None:
    """A world is made by a connection that no request has used, as it is by one that many have: what the
    request runs was prepared when the connection was opened, in advance."""
    name = timing.new_database()
    postgres.migrate(timing, name)
    server = start(database=timing.url(name, query="sslmode=disable"))
    busy = [server.in_world(f"busy-{number}") for number in range(2)]
    for world in busy:
        world.configure()

    def pids(what: str) -> list[str]:
        return re.findall(rf"^\[(\d+)\] LOG:  duration: [\d.]+ ms  {what}", timing.log, re.MULTILINE)

    def until(holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.01)

    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with ThreadPoolExecutor(len(busy)) as pool, connected(timing.url(name, "postgres")) as holding:
        holding.run(f"BEGIN; SELECT 1 FROM {SCHEMA}.worlds WHERE name LIKE 'busy-%' FOR UPDATE")
        create = exchanges.OURS[CREATE]
        for position, world in enumerate(busy, start=1):
            url, headers = world.url + create.path, dict(create.headers)
            pool.submit(httpx.post, url, content=create.body, headers=headers, timeout=120)
            until(lambda: len(timing.rows(waiting, database=name)) == position)  # noqa: B023
        until(lambda: len(set(pids("statement: ROLLBACK$"))) >= spares.SPARE + 1)
        made = httpx.put(f"{server.url}/__admin/worlds/made", json={}, timeout=60)
        assert made.status_code == 201, made.text
        (*_, maker) = pids("execute [^:]+: WITH start AS")
        holding.run("ROLLBACK")
    lines = [line for line in timing.log.splitlines() if line.startswith(f"[{maker}]")]
    (warmed,) = (place for place, line in enumerate(lines) if line.endswith("statement: ROLLBACK"))
    used = lines[warmed + 1 :]
    assert any("INSERT INTO audience_mock.notices" in line for line in used), "it did all of the request"
    assert not [line for line in used if " parse " in line]


OF_AN_OPERATION = 8
"""What an operation may take that is not among the following: the head of its world, and a transaction."""

OTHERS = {
    "state/seed": 19,
    # The size that a state would have, and a statement for each of its sections.
    "state/get": 22,
    "bridge/get": 22,
    "bridge/seed": 23,
    "worlds/diff": 45,
    # What is on the agenda before and after.
    "clock/advance": 15,
    # By each of the ids that an audience of each API may have.
    "audience/delete": 12,
    "audience/update": 11,
    "worlds/fork": 11,
    "worlds/put": 12,
    "worlds/update": 13,
    "snapshots/put": 9,
    # One that is built in steps, for files of any size.
    "customer_lists/POST": 29,
    "customer_lists/PATCH": 43,
    "pitchtarget/POST": 14,
    "pinterest/PATCH": 9,
    # A page is the world, the counts and the entries.
    **dict.fromkeys(("journal/get", "journal/summary", "journal/search", "journal/verify"), 3),
}
"""The trips of these operations, most of which make more. Lower a number when one is saved."""


MANY = 20
UPLOAD = {"customer_list": "9", "operation": "ADD", "total_parts": 1}


def many(mock: MockServer, patch: object) -> None:
    """More of everything that a list could ask for one by one."""
    mock.seed(
        {
            "customer_lists": [{"id": "9", "account": AD_ACCOUNT, "name": "l"}],
            "customer_list_uploads": [{"id": str(number), **UPLOAD} for number in range(1, MANY + 1)],
            "audiences": [{**AUDIENCE, "id": str(number)} for number in range(1, MANY + 1)],
            "tokens": [{"token": f"pina_{number}", "scopes": []} for number in range(MANY)],
        }
    )
    mock.control("POST", "/faults", {"faults": [FAULT] * MANY})


LISTS = (
    *("audiences/search", "customer_lists/search", "uploads/list", "tokens/list", "limits/list"),
    *("clock/agenda", "faults/list", "overview/get", "worlds/list", "snapshots/list", "ids/get"),
)

NOT_WAITED_FOR = ("add_to_journal", "SET used_at = now()")
"""The journal is written once the response is known, and that a world is used once a second."""


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that requests wait for, each a trip once it is prepared."""
    made: list[str] = []

    def noting(run: Callable[..., Any]) -> Callable[..., Any]:
        def method(connection: Any, text: str, *values: Any, **options: Any) -> Any:
            if not any(part in text for part in NOT_WAITED_FOR):
                made.append(" ".join(text.split()))
            return run(connection, text, *values, **options)

        return method

    monkeypatch.setattr(sweeper, "INTERVAL_S", 86_400)
    monkeypatch.setattr(spares, "SPARE", 0)
    for name in ("fetch", "fetchrow", "execute", "executemany"):
        monkeypatch.setattr(asyncpg.Connection, name, noting(getattr(asyncpg.Connection, name)))
    return made


def test_each_operation_makes_few_trips(
    postgresql: Cluster, database: str, start: Callable[..., MockServer], trips: list[str]
) -> None:
    """No operation of the APIs or the control API waits for the database more often than listed."""
    server = start(database=postgresql.url(database, query="sslmode=disable"))
    server.reset(to="empty")  # which finds what such worlds start from
    found: dict[str, list[str]] = {}

    def keep(operation: str, make: Callable[[int], None]) -> None:
        """What looks for changes by other servers may come between, but not each time."""
        for attempt in range(3):
            make(attempt)
            made = [*trips]
            if len(made) <= OTHERS.get(operation, OF_AN_OPERATION):
                break
        if len(made) > len(found.get(operation, ())):
            found[operation] = made

    def called(call: Call, number: int) -> None:
        """What prepares a call is none of its trips, nor is what makes its world."""
        httpx.get(server.in_world(f"w{number}").url + "/__admin/clock").raise_for_status()

        def before(mock: MockServer, patch: pytest.MonkeyPatch) -> None:
            call.before(mock, patch)
            trips.clear()

        send(server, number, call._replace(before=before))

    def sent(http: httpx.Client, request: dict[str, Any]) -> None:
        for _ in range(2):  # the first looks up who calls
            trips.clear()
            published.send(server.url, http, request)

    calls = [*CALLS, *(Call(operation, 200, before=many) for operation in LISTS)]
    for number, call in enumerate(calls):
        if call.operation not in ("ready/get", "backup/get", "events/subscribe") and call.status < 300:
            keep(call.operation, lambda attempt: called(call, 1000 * attempt + number))  # noqa: B023
    with httpx.Client(timeout=60) as http:
        for api in ("pinterest", "pitchtarget"):
            for request in (each["request"] for each in published.load(api)["exchanges"]):
                about = "customer_lists" if "customer_lists" in request["path"] else api
                keep(f"{about}/{request['method']}", lambda _: sent(http, request))  # noqa: B023
    assert {*OTHERS} <= {*found}
    wrong = {
        f"{operation}: {len(made)}": made
        for operation, made in found.items()
        if len(made) > OTHERS.get(operation, OF_AN_OPERATION)
    }
    assert not wrong, json.dumps(wrong, indent=1)
