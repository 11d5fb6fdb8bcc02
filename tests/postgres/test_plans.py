"""EXPLAIN of the statements that the server runs: each finds its rows by an index, those of one world."""

import re
from collections.abc import Iterator

import httpx
import pytest

from audience_mock.core.postgres.schema import SCHEMA
from audience_mock.testing import MockServer
from helpers import exchanges, plans, postgres
from helpers.control_calls import CALLS, send
from helpers.postgres import Cluster

pytestmark = pytest.mark.replicas

READ_AS_A_WHOLE = (
    "SELECT name FROM audience_mock.worlds WHERE name NOT LIKE '@%' ORDER BY name",
    "SELECT count(*) FROM audience_mock.worlds",
    "SELECT version_num FROM audience_mock.schema_version",
)
"""What lists or counts all worlds; and a table of one row."""


@pytest.fixture(scope="module")
def explaining() -> Iterator[Cluster]:
    with postgres.running_cluster(settings=plans.LOGGING) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def used(explaining: Cluster) -> str:
    """The name of a database after all calls of the APIs and the control API."""
    name = explaining.new_database()
    postgres.migrate(explaining, name)
    with MockServer(database=explaining.url(name)) as server:
        for number, call in enumerate(CALLS):
            if call.operation not in ("ready/get", "backup/get", "events/subscribe"):
                answer = send(server, number, call)
                assert answer.status_code < 500, (call, answer.text)
        with httpx.Client(timeout=60) as http:
            for api in ("pinterest", "pitchtarget"):
                for exchange in exchanges.load(api)["exchanges"]:
                    assert exchanges.send(server.url, http, exchange["request"]).status_code < 500
    return name


def test_every_statement_uses_an_index_of_its_world(explaining: Cluster, used: str) -> None:
    """Whatever the APIs and the control API do, no statement reads a whole table, or rows of other worlds."""
    of_images = {
        table
        for (table,) in explaining.rows(
            "SELECT table_name::text FROM information_schema.columns"
            " WHERE table_schema = $1 AND column_name = 'image'",
            SCHEMA,
            database=used,
        )
    }
    found = [*plans.scans(explaining)]
    assert {scan.table for scan in found} >= {"audiences", "worlds", "journal", "user_blocks", "sequences"}
    of_images -= {"worlds", "snapshots"}
    wrong = {
        (scan.table, scan.kind, scan.condition, scan.query)
        for scan in found
        if " ".join(scan.query.split()) not in READ_AS_A_WHOLE
        and (scan.condition is None or (scan.table in of_images and "image" not in scan.condition))
    }
    assert not wrong, "\n".join(map(str, sorted(wrong, key=str)))


def test_no_order_depends_on_where_an_engine_puts_null(explaining: Cluster, used: str) -> None:
    """SQLite puts null first and PostgreSQL last: rows are sorted by columns that have none, or by one of
    which the statement wants what is greater than something."""
    nullable = {
        column
        for (column,) in explaining.rows(
            "SELECT table_name || '.' || column_name FROM information_schema.columns"
            " WHERE table_schema = $1 AND is_nullable = 'YES'",
            SCHEMA,
            database=used,
        )
    }
    assert {"audiences.description", "tokens.expires_at_ms"} <= nullable
    queries = {scan.query for scan in plans.scans(explaining)}
    sorted_by = {
        (column, query)
        for query in queries
        for order in re.findall(r"ORDER BY (.*?)(?: LIMIT|\)|$)", query, re.DOTALL)
        for column in re.findall(r"\b\w+\.\w+", order)
    }
    assert {"audiences.key", "audiences.number"} <= {column for column, _ in sorted_by}
    wrong = {
        (column, query)
        for column, query in sorted_by
        if column in nullable and not re.search(rf"\b{re.escape(column)} > ", query)
    }
    assert not wrong, "\n".join(map(str, sorted(wrong)))
