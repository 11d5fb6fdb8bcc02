"""Sharing, insights and sizing, described and answered, against the facts of Pinterest's description."""

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from audience_mock.testing import MockServer
from contract.test_answers_fit_the_description import json_schema
from contract.test_pinterest_description import (
    REFERENCE,
    Facts,
    misfits,
    read_operations,
    spelled_out,
)
from helpers.accounts import AD_ACCOUNT

FIXTURES = Path(__file__).parents[2] / "fixtures/descriptions"
FACTS = json.loads((FIXTURES / "pinterest-sharing-insights-sizing.json").read_text())
OFFICIAL: Facts = spelled_out(FACTS["operations"], FACTS["objects"])
OBJECTS = {name: json_schema(fact) for name, fact in FACTS["objects"].items()}
RECIPIENT, BUSINESS = "549755885176", "729090764583391194"

REQUESTS_DIFFER = {
    "auto_targeting_enabled default": "described beside the null that 5.28.0 takes too",
    "placement_group default": "described beside the null that 5.28.0 takes too",
    "keywords[].match_type enum": "the official one lists null, which ours has beside it",
    "keywords[].value maxLength": "the prose: 120 characters",
    "targeting_spec.MINIMUM_AGE maxLength": "the prose: 18 to 65",
    "targeting_spec.MAXIMUM_AGE maxLength": "the prose: 18 to 65+",
    "recipient_account_ids[] maxLength": "as an ad account in the path",
    "recipient_business_ids[] maxLength": "as a business in the path",
    "recipient_business_ids[] minLength": "as a business in the path",
}
"""Where a body that the description allows is rejected, and why. (How long a list may be is chosen, too.)"""

REQUESTS_OF_5_28 = {"targeting_spec.GEO_EXCLUDE missing", "targeting_spec.LOCATION_EXCLUDE missing"}
"""Keys that are newer than these facts."""

ANSWERS_DIFFER = {
    "items[].is_nca unknown": "in 5.28.0",
    "items[].is_ctv_enabled unknown": "recorded from production for an ad account's own list",
    "items[].rule.ad_id[] pattern": "5.28 dropped it",
    "items[].rule.campaign_id[] pattern": "5.28 dropped it",
    "items[].rule.pin_id[] pattern": "5.28 dropped it",
    "items[].rule.visitor_source_id pattern": "5.28 dropped it",
    "items[].rule.visitor_source_id type": "as an ad account's own; a business reads the first of a list",
    "items[].rule.objective_type[] enum": "SALES of 5.28.0, and deprecated values that are still in use",
}
"""Where an answer may hold what the description does not allow, and why."""


@pytest.fixture(scope="module")
def served() -> Facts:
    """The operations that a running server describes, by name, in the form of the facts."""
    with MockServer() as mock:
        document = httpx.get(f"{mock.url}/openapi/pinterest.json").json()
    objects: Facts = {}
    operations: Facts = spelled_out(read_operations(document, objects, OFFICIAL), objects)
    return operations


@pytest.mark.parametrize("operation", OFFICIAL)
def test_an_operation_is_the_official_one(served: Facts, operation: str) -> None:
    """Each has the official place, statuses and shape of errors, and takes the official parameters."""
    ours, official = served[operation], OFFICIAL[operation]
    assert (ours["method"], ours["path"]) == (official["method"], official["path"])
    assert ours["parameters"].keys() == official["parameters"].keys()
    for name, parameter in official["parameters"].items():
        assert (ours["parameters"][name]["in"], ours["parameters"][name]["required"]) == (
            parameter["in"],
            parameter["required"],
        )
        # Two required parameters have a default, which is never used.
        unused = {"default"} if parameter["required"] else set()
        fact = {key: value for key, value in parameter.items() if key not in unused}
        assert list(misfits(fact, ours["parameters"][name])) == []
    assert official["responses"].keys() - ours["responses"].keys() <= {"default"}
    errors = [error for status, error in ours["responses"].items() if status != "200"]
    assert [list(misfits(error, official["responses"]["default"])) for error in errors] == [[]] * len(errors)


def test_bodies_take_what_the_official_ones_take(served: Facts) -> None:
    """Each official body fits ours in every field, type and limit, but for the differences listed above."""
    found = {
        difference
        for name, operation in OFFICIAL.items()
        if operation["request"]
        for difference in misfits(operation["request"], served[name]["request"])
    }
    assert found - REQUESTS_OF_5_28 == REQUESTS_DIFFER.keys()


def test_described_answers_are_what_the_official_ones_are(served: Facts) -> None:
    """Each of our successes has all fields of the official one, in its types, but for those listed above."""
    found = {
        difference
        for name, operation in OFFICIAL.items()
        for difference in misfits(served[name]["responses"]["200"], operation["responses"]["200"])
    }
    assert found == ANSWERS_DIFFER.keys()


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="Pinterest's descriptions are not beside this checkout")
def test_the_facts_are_those_of_the_description() -> None:
    """The facts in the file equal those that can be read off Pinterest's description."""
    family = json.loads((REFERENCE / "pinterest-5.23-audience-family.openapi.json").read_text())
    objects: Facts = {}
    assert FACTS["operations"] == read_operations(family, objects, OFFICIAL)
    assert FACTS["objects"] == objects


def fitting(operation: str, answer: httpx.Response) -> Any:
    """The body of a response, checked against the official schema for its status, or for any status of its
    class."""
    official = FACTS["operations"][operation]["responses"]
    fact = official.get(str(answer.status_code)) or official["default"]
    body = answer.json()
    jsonschema.Draft202012Validator(json_schema(fact) | {"$defs": OBJECTS}).validate(body)
    return body


def test_answers_of_sharing_fit(pinterest: httpx.Client) -> None:
    """What both sides are answered while an audience is shared and revoked fits, and so do rejections."""
    ours, theirs = f"/ad_accounts/{AD_ACCOUNT}/audiences", f"/businesses/{BUSINESS}/audiences"
    body = {"name": "Quilters", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    audience = pinterest.post(ours, json=body).json()["id"]
    updates = {
        "update_ad_account_to_ad_account_shared_audience": (ours, "ad_accounts", "account", RECIPIENT),
        "update_ad_account_to_business_shared_audience": (ours, "businesses", "business", BUSINESS),
        "update_business_to_ad_account_shared_audience": (theirs, "ad_accounts", "account", RECIPIENT),
        "update_business_to_business_shared_audience": (theirs, "businesses", "business", "1"),
    }
    lists = {
        "ad_accounts_audiences_shared_accounts/list": ours,
        "business_account_audiences_shared_accounts/list": theirs,
    }
    for operation_type in ("SHARE", "REVOKE"):
        for operation, (path, to, what, recipient) in updates.items():
            body = {
                "audience_id": audience,
                "operation_type": operation_type,
                f"recipient_{what}_ids": [recipient],
            }
            answer = pinterest.patch(f"{path}/{to}/shared", json=body)
            assert fitting(operation, answer).keys() == {
                "audience_id",
                "permissions",
                f"recipient_{what}_ids",
            }
            for wrong in ({"audience_id": "1"}, {"operation_type": "KEEP"}):
                fitting(operation, pinterest.patch(f"{path}/{to}/shared", json=body | wrong))
        fitting("shared_audiences_for_business/list", pinterest.get(theirs))
        for operation, path in lists.items():
            for account_type in ("AD_ACCOUNT", "BUSINESS_ACCOUNT", "PERSON"):
                query = {"audience_id": audience, "account_type": account_type}
                fitting(operation, pinterest.get(f"{path}/shared/accounts", params=query))


@pytest.mark.parametrize("kind", ["YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE"])
def test_answers_of_insights_fit(pinterest: httpx.Client, kind: str) -> None:
    """Insights of each kind fit and have every official key, inside too."""
    query = {"audience_insight_type": kind}
    answer = pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/audience_insights", params=query)
    told = fitting("audience_insights/get", answer)
    assert told.keys() == FACTS["objects"]["AudienceInsightsResponse"]["fields"].keys()
    assert told["categories"][0].keys() == FACTS["objects"]["AudienceCategory"]["fields"].keys()
    assert told["demographics"].keys() == FACTS["objects"]["AudienceDemographics"]["fields"].keys()
    answer = pinterest.get(f"/ad_accounts/{AD_ACCOUNT}/insights/audiences")
    told = fitting("audience_insights_scope_and_type/get", answer)
    assert told["items"][0].keys() == FACTS["objects"]["AudienceDefinition"]["fields"].keys()


@pytest.mark.parametrize("body", [{}, {"targeting_spec": {"AUDIENCE_INCLUDE": ["1"]}}, {"keywords": [{}]}])
def test_answers_of_sizing_fit(pinterest: httpx.Client, body: Any) -> None:
    """A size fits, and so do the rejections of an unknown audience and of a wrong body."""
    answer = pinterest.post(f"/ad_accounts/{AD_ACCOUNT}/ad_groups/audience_sizing", json=body)
    told = fitting("ad_groups/audience_sizing", answer)
    if answer.is_success:
        assert told.keys() == FACTS["objects"]["AdGroupAudienceSizingResponse"]["fields"].keys()
