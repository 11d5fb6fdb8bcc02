"""Random walks along the links of the served descriptions: each request uses ids from earlier responses.

schemathesis makes the requests, a tenth of them wrong; its seed is fixed, though it follows a link by
chance. Of its checks these are left out: `negative_data_rejection` and `positive_data_acceptance`, since
values in the forms of the prose are taken, and a body that fits may name what is not there;
`ignored_auth`, since any token will do unless `auth_mode` is strict; `unsupported_method` and the like,
which make requests of their own.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ensure_resource_availability,
    response_schema_conformance,
    status_code_conformance,
    use_after_free,
)

from audience_mock.testing import MockServer
from helpers.accounts import PINTEREST_TOKEN, PITCHTARGET_TOKEN

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    use_after_free,
    ensure_resource_availability,
]
APP = {"Authorization": httpx.BasicAuth("1234567", "secret")._auth_header}
HEADERS = {"pinterest": PINTEREST_TOKEN, "pitchtarget": PITCHTARGET_TOKEN}
STEPS = 12
"""Requests in one life; chosen."""

Followed = Counter[str]
"""How often a link led to a success, by what it leads from, its name and what it leads to."""


def lives(mock: MockServer, api: str, followed: Followed) -> Any:
    """The state machine of an API, which counts the links that led to a success."""
    document = httpx.get(f"{mock.url}/openapi/{api}.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=mock.pinterest_url if api == "pinterest" else mock.pitchtarget_url)
    # The links that are described, and none that are guessed.
    schema.config.phases.stateful.inference.algorithms = []
    machine: Any = schema.as_state_machine()

    class Life(machine):  # type: ignore[misc]
        def setup(self) -> None:
            self.removed: set[str] = set()

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": APP if case.path.startswith("/oauth/token") else HEADERS[api]}

        def step(self, input: Any) -> Any:
            output = super().step(input)
            if input.transition and input.is_applied and output.response.status_code < 300:
                followed[input.transition.id] += 1
            return output

        def validate_response(self, response: Any, case: Any, *_: Any, **sent: Any) -> None:
            checks = list(CHECKS)
            of_removed = bool(self.removed & named(case))
            # For schemathesis, only a DELETE removes, and a body is what the link left in it; Pinterest's
            # audiences are removed by a PATCH, and what is shared is named in the body.
            if of_removed or in_body(case) or is_segment_in_body(case):
                checks.remove(ensure_resource_availability)
            case.validate_response(response, checks=checks, transport_kwargs=sent, recorder=self.recorder)
            if api == "pinterest" and of_removed and "{audience_id}" in case.path:
                assert response.status_code >= 400, "a removed audience answers"
            if api == "pinterest" and is_removal(case) and response.status_code == 200:
                self.removed |= named(case)

    return Life


def is_removal(case: Any) -> bool:
    return (
        case.method == "PATCH"
        and "{audience_id}" in case.path
        and isinstance(case.body, dict)
        and case.body.get("operation_type") == "REMOVE"
    )


def named(case: Any) -> set[str]:
    """The audience that a request is about, wherever it names it."""
    places = (case.path_parameters, case.query)
    return in_body(case) | {str(place["audience_id"]) for place in places if place and "audience_id" in place}


def is_segment_in_body(case: Any) -> bool:
    """Whether a body names a customer segment: its path does not."""
    return bool(case.method == "PATCH" and case.path.endswith("/customer_segments"))


def in_body(case: Any) -> set[str]:
    """The audience that a body names."""
    body = case.body
    return {str(body["audience_id"])} if isinstance(body, dict) and "audience_id" in body else set()


def live(mock: MockServer, api: str, count: int) -> Followed:
    followed: Followed = Counter()
    lives(mock, api, followed).run(
        settings=settings(
            max_examples=count,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
    )
    return followed


@pytest.fixture
def mock() -> Iterator[MockServer]:
    """A server whose clock stands still."""
    with MockServer() as server:
        server.world.clock.freeze()
        yield server


LIVES, MANY_LIVES = 10, 1000
"""Chosen: seconds, and minutes."""


@pytest.mark.parametrize("api", HEADERS)
def test_answers_along_the_links_are_as_described(mock: MockServer, api: str) -> None:
    """Each response is as described; created resources exist, removed ones do not."""
    assert live(mock, api, LIVES), "some links led to a success"


@pytest.mark.soak
@pytest.mark.parametrize("api", HEADERS)
def test_many_lives(mock: MockServer, api: str) -> None:
    """The same holds for a thousand walks; prints how often each link led to a success."""
    followed = live(mock, api, MANY_LIVES)
    print(json.dumps(followed, indent=1))
    assert len(followed) > LIVES
