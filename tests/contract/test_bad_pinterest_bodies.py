"""Bad fields in Pinterest's bodies over real HTTP: each is rejected, and nothing of it is stored."""

import json
from typing import Any

import pytest

from audience_mock.testing import MockServer
from helpers.bad_input import (
    ABSENT,
    DAYS,
    LISTED,
    NAMES,
    NOT_DIGITS,
    PINTEREST,
    PINTEREST_TEXT,
    VISITOR,
    each,
    rejected,
    server,
    with_key,
)

__all__ = ["server"]

ACTALIKE = {
    "name": "Like buyers",
    "audience_type": "ACTALIKE",
    "rule": {"seed_id": ["2542623499806"], "country": "US", "percentage": 5},
}


def _wrong(**values: Any) -> dict[str, tuple[str, Any]]:
    """Cases by id, from `field__what=value`."""
    return {key.replace("__", "-"): (key.partition("__")[0], value) for key, value in values.items()}


@each({"absent": ABSENT, **NAMES})
@pytest.mark.parametrize("target", ["", "/custom"])
def test_pinterest_name(server: MockServer, target: str, case: Any) -> None:
    """An audience of Pinterest has a name that is a text and not blank."""
    body = {**VISITOR, "sharing_type": "CUSTOM", "data_party": "1p"}
    rejected(server, PINTEREST, 400, with_key(body, None, "name", case), target=LISTED + target)


@each(
    {
        "absent": ABSENT,
        **PINTEREST_TEXT,
        "blank": "",
        "lower-case": "visitor",
        "unknown": "EVERYBODY",
        "space": "VISITOR ",
        "persona": "PERSONA",
        "lookalike": "LOOKALIKE",
        "NUL": "VISITOR\x00",
    }
)
def test_pinterest_audience_type(server: MockServer, case: Any) -> None:
    """A type that cannot be created, misspelt ones among them, is rejected."""
    rejected(server, PINTEREST, 400, with_key(VISITOR, None, "audience_type", case))


@each({"number": 5, "true": True, "list": [], "object": {}, "NUL": "\x00"})
def test_pinterest_description(server: MockServer, case: Any) -> None:
    """A description is a text or null."""
    rejected(server, PINTEREST, 400, with_key(VISITOR, None, "description", case))


@each({"absent": ABSENT, "null": None, "list": [], "text": "x", "number": 5, "true": True, "object": {}})
def test_pinterest_rule(server: MockServer, case: Any) -> None:
    """A rule is an object that has what its type needs."""
    rejected(server, PINTEREST, 400, with_key(VISITOR, None, "rule", case))


@pytest.mark.parametrize("key", ["customer_list_id", "ad_account_id", "seed_id"])
@each({name: value for name, value in NOT_DIGITS.items() if name != "empty-list"} | {"two-texts": ["1", "x"]})
def test_pinterest_ids_in_a_rule(server: MockServer, key: str, case: Any) -> None:
    """An id in a rule is ASCII digits and nothing else."""
    rejected(server, PINTEREST, 400, with_key(VISITOR, "rule", key, case))


@pytest.mark.parametrize("key", ["visitor_source_id", "ad_id", "campaign_id", "pin_id"])
@each({"true": True, "object": {}, "number": 5, "number-in-a-list": [1], "list-in-a-list": [["1"], ["2"]]})
def test_pinterest_texts_in_a_rule(server: MockServer, key: str, case: Any) -> None:
    """Where 5.28 dropped the pattern, an id is a text or a list of texts."""
    rejected(server, PINTEREST, 400, with_key(VISITOR, "rule", key, case))


@each(
    {
        **{f"retention_days-{name}": ("retention_days", value) for name, value in DAYS.items()},
        **{f"engager_type-{name}": ("engager_type", value) for name, value in DAYS.items()},
        **_wrong(
            retention_days__541=541,
            retention_days__541_in_quotes="541",
            engager_type__3=3,
            event__blank="",
            event__number=5,
            event__list=["checkout"],
            event_data__text="x",
            event_data__list=[],
            event_data__without_event={"value": "1"},
            event_source__unknown={"=": ["tv"]},
            event_source__operator={"!=": ["web"]},
            event_source__text="web",
            ingestion_source__unknown={"=": ["pigeon"]},
            ingestion_source__null_inside={"=": [None]},
            url__number=5,
            url__list_of_numbers=[5],
            url__operator={"like": "x"},
            url__operand={"=": 5},
            prefill__text="true",
            prefill__number=1,
            objective_type__unknown=["NOPE"],
            objective_type__number=5,
            engagement_type__shouting="PIN_SAVE",
            engagement_type__list=["click"],
            engagement_domain__number=5,
            engagement_domain__list_of_null=[None],
            country__short="U",
            country__number=1,
        ),
    }
)
def test_pinterest_rule_values(server: MockServer, case: tuple[str, Any]) -> None:
    """A value of a rule that is of the wrong type, out of range or not in its list is rejected."""
    rejected(server, PINTEREST, 400, with_key(VISITOR, "rule", *case))


@each(
    {
        **{f"percentage-{name}": ("percentage", value) for name, value in DAYS.items()},
        **_wrong(
            percentage__11=11,
            percentage__11_in_quotes="11",
            percentage__absent=ABSENT,
            percentage__null=None,
            country__absent=ABSENT,
            country__null=None,
            country__blank="",
            seed_id__absent=ABSENT,
            seed_id__null=None,
            seed_id__empty=[],
        ),
    }
)
def test_pinterest_actalike(server: MockServer, case: tuple[str, Any]) -> None:
    """An ACTALIKE audience has a seed, a country and a percentage from 1 to 10."""
    rejected(server, PINTEREST, 400, with_key(ACTALIKE, "rule", *case))


@each(
    {
        "type-for-audience_type": {"name": "a", "type": "VISITOR", "rule": VISITOR["rule"]},
        "actalike-source_id": {**ACTALIKE, "rule": {"source_id": "1", "country": "US", "percentage": 5}},
        "actalike-seed-beside-rule": {
            **ACTALIKE,
            "seed_id": ["1"],
            "rule": {"country": "US", "percentage": 5},
        },
        "customer-list-by-type": {
            "name": "a",
            "audience_type": "CUSTOMER_LIST",
            "rule": {"list_type": "EMAIL"},
        },
        "engagement-shouting": {
            "name": "a",
            "audience_type": "ENGAGEMENT",
            "rule": {"engagement_type": "PIN_SAVE"},
        },
        "wrapped": {"data": VISITOR},
    }
)
def test_pinterest_payloads_that_clients_get_wrong(server: MockServer, case: dict[str, Any]) -> None:
    """The wrong payloads that are often seen are rejected."""
    rejected(server, PINTEREST, 400, json.dumps(case))


@each(
    _wrong(
        sharing_type__absent=ABSENT,
        sharing_type__unknown="ALL",
        data_party__absent=ABSENT,
        data_party__2p="2p",
    )
)
def test_pinterest_custom(server: MockServer, case: tuple[str, Any]) -> None:
    """A data partner's audience says how it is shared and whose data it is."""
    body = {"name": "a", "sharing_type": "CUSTOM", "data_party": "1p", "rule": VISITOR["rule"]}
    rejected(server, PINTEREST, 400, with_key(body, None, *case), target=f"{LISTED}/custom")


@each(
    {
        **{f"name-{name}": ("name", value) for name, value in NAMES.items()},
        **_wrong(
            description__number=5,
            description__NUL="\x00",
            audience_type__unknown="X",
            ad_account_id__text="x",
            operation_type__unknown="DELETE",
            operation_type__null=None,
            operation_type__lower_case="remove",
            rule__null=None,
            rule__text="x",
            rule__of_another_type={"seed_id": ["1"]},
            rule__retention={"visitor_source_id": "1", "retention_days": 0},
            rule__empty={},
        ),
    }
)
def test_pinterest_update(server: MockServer, case: tuple[str, Any]) -> None:
    """A PATCH with a value that does not fit changes nothing, its right values neither."""
    key, value = case
    body = json.dumps({"description": "changed", key: value})
    rejected(server, PINTEREST, 400, body, method="PATCH", target=f"{LISTED}/2542623499806")
