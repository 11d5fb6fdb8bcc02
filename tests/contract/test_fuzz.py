"""Requests that the served descriptions allow, and requests that they forbid, made up by schemathesis.

Each operation of the three descriptions gets its share. Examples are the same on every run. Of schemathesis'
checks, `negative_data_rejection` and `positive_data_acceptance` are left out, since values in the forms of
the prose are accepted, and a body that fits may name what is not there; `ignored_auth`, since any token is
accepted unless `auth_mode` is strict.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
HEADERS = {"pinterest": PINTEREST_TOKEN, "pitchtarget": PITCHTARGET_TOKEN, "control": {}}

ENDLESS = "events/subscribe"
"""Its answer has no end; `test_events.py` reads it."""

FEW = {"pinterest": 40, "pitchtarget": 40, "control": 1}
SOME = 400
MANY = {"pinterest": 9_000, "pitchtarget": 8_000, "control": 6_000}
"""Requests to each API, at least one in each mode to each operation. Chosen: a second or three, ten times as
many in CI, and 20,000 in some minutes, for the control API has operations
that little can be made up for, and gets some 3,500."""


@pytest.fixture
def mock(caplog: pytest.LogCaptureFixture) -> Iterator[MockServer]:
    """A server that must not log an error."""
    with MockServer(seed="demo", build_delay_s=1e6) as server:
        server.world.clock.freeze()
        yield server
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == []


def _has_only_a_path(operation: Any) -> bool:
    """Whether nothing of it can be wrong: the control API takes any text as a name in a path. schemathesis
    looks for something a hundred times, which took half of the time."""
    return not (operation.query or operation.headers or operation.body)


def fuzz(mock: MockServer, api: str, count: int) -> int:
    """Send at least so many requests; returns how many were sent."""
    schema = schemathesis.openapi.from_dict(httpx.get(f"{mock.url}/openapi/{api}.json").json())
    schema.config.update(base_url=mock.pinterest_url if api == "pinterest" else mock.url)
    operations = list(schema.exclude(operation_id=ENDLESS).get_all_operations())
    each = -(-count // len(operations) // len(GenerationMode))
    sent = 0
    for found in operations:
        assert isinstance(found, Ok)
        for mode in GenerationMode:
            if mode.is_negative and api == "control" and _has_only_a_path(found.ok()):
                continue

            @settings(
                max_examples=each,
                derandomize=True,
                database=None,
                deadline=None,
                phases=(Phase.explicit, Phase.generate),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=found.ok().as_strategy(generation_mode=mode))
            def call_and_check(case: Any) -> None:
                nonlocal sent
                sent += 1
                case.call_and_validate(headers=HEADERS[api], checks=CHECKS, timeout=60)

            # Nothing is wrong for an operation that takes nothing.
            with suppress(Unsatisfiable) if mode.is_negative else nullcontext():
                call_and_check()
    assert httpx.get(f"{mock.url}/__admin/health").json()["status"] == "ready"
    return sent


@pytest.mark.parametrize("api", HEADERS)
@pytest.mark.parametrize(
    "count",
    [
        pytest.param(FEW, id="few"),
        pytest.param(dict.fromkeys(HEADERS, SOME), id="some", marks=pytest.mark.ci),
    ],
)
def test_answers_are_as_described(mock: MockServer, api: str, count: Mapping[str, int]) -> None:
    """Whatever a served description allows or forbids, the answer is described, and no server error."""
    assert fuzz(mock, api, count[api]) >= min(count[api], SOME / 2)


@pytest.mark.fuzz
@pytest.mark.parametrize("api", HEADERS)
def test_thousands_of_answers_are_as_described(mock: MockServer, api: str) -> None:
    """The same holds for thousands of requests; prints how many were sent."""
    sent = fuzz(mock, api, MANY[api])
    print(f"{sent} requests to {api}")
    assert sent >= MANY[api] / 2
