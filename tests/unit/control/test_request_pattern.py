"""Which parts of a request a pattern wants."""

from typing import Any

import pytest

from audience_mock.control.fault_schemas import FaultMatch
from audience_mock.control.request_pattern import RequestMatch


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {}),
        ({"query": None}, {}),
        ({"body": None}, {"body": None}),
        ({"body": 0, "query": {}}, {"query": {}, "body": 0}),
        ({"headers": {"X-Name": "Value"}}, {"headers": {"x-name": "Value"}}),
    ],
)
def test_null_is_no_body_and_nothing_else(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A body of null is wanted, another part that is null or left out is not; header names are lower case."""
    assert RequestMatch.model_validate(given).wanted() == wanted


def test_faults_match_by_the_same_rules() -> None:
    """The match of a fault takes method and path too, and wants only what was given."""
    match = FaultMatch.model_validate({"method": "get", "headers": {"X-Name": "Value"}, "body": None})
    assert match.wanted() == {"method": "GET", "headers": {"x-name": "Value"}, "body": None}
