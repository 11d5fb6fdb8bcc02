"""How often a request waits for the database: each statement is a trip there and back."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from audience_mock.testing import MockServer
from benchmarks import exchanges
from benchmarks.exchanges import CREATE, GET, LIST, LOOKALIKE_CREATE, MULTIPART_CREATE
from helpers import postgres
from helpers.postgres import Cluster

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


def test_a_request_makes_few_trips(logging: Cluster, start: Callable[..., MockServer]) -> None:
    """Each request of the benchmark, once its statements are prepared, waits no more often than listed."""
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
