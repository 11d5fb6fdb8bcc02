"""Pinterest's own client, `pinterest-api-sdk` 0.2.7 over a generated one, in a process of its own.

Each operation that it and the server have is called. It lives in a folder beside the environment, since it
pins a urllib3 that newer clients reject.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.pinterest_operations import OPERATIONS

CLIENT = Path(sys.prefix) / "official_client"
SCENARIO = Path(__file__).with_name("official_client_scenario.py")
SCENARIO_ENDS_WITHIN_S = 300
RECIPIENT = "549755885176"
BUSINESS, AGENCY = "729090764583391194", "729090764583391195"
READER, SHARER = "RESOURCE_PINNER_LIST_READER", "BIZ_PINNER_LIST_SHARER"
NOT_IN_THE_CLIENT = {
    *("customer_list_uploads/create", "customer_list_uploads/get", "customer_list_uploads/run"),
    *("customer_segment/create", "customer_segment/list", "customer_segment/update"),
    "token/revoke",
}
"""Newer than its description."""

pytestmark = [
    pytest.mark.skipif(not CLIENT.is_dir(), reason=f"pinterest-api-sdk is not installed in {CLIENT}"),
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the client's models held in one run of the scenario."""
    # The client takes settings from any config.json beneath the parent of its working directory.
    bare = tmp_path_factory.mktemp("parent") / "bare"
    bare.mkdir()
    with MockServer() as mock:
        environment = os.environ | {
            "PYTHONPATH": str(CLIENT),
            "PINTEREST_API_URI": mock.pinterest_url,
            "PINTEREST_ACCESS_TOKEN": "pina_test",
            # The client can check patterns and limits of answers, and by default does not.
            "PINTEREST_DISABLED_CLIENT_SIDE_VALIDATIONS": "",
        }
        ran = subprocess.run(
            [sys.executable, SCENARIO, AD_ACCOUNT],
            env=environment,
            cwd=bare,
            capture_output=True,
            text=True,
            timeout=SCENARIO_ENDS_WITHIN_S,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_every_operation_of_the_client_is_called(facts: Any) -> None:
    """Each operation that the client has of those which the server describes is called by the scenario."""
    had, called = (
        {OPERATIONS[call] for call in facts[fact] if call in OPERATIONS} for fact in ("operations", "called")
    )
    assert set(OPERATIONS.values()) - had == NOT_IN_THE_CLIENT
    assert called == had


@pytest.mark.parametrize("audience_type", ["VISITOR", "ENGAGEMENT", "CUSTOMER_LIST", "ACTALIKE"])
def test_an_audience_of_each_type_is_made_and_read(facts: Any, audience_type: str) -> None:
    """`Audience.create` makes and reads an audience of each type; its rule has the client's own addition."""
    audience = facts["made"][audience_type]
    assert audience == {
        "id": audience["id"],
        "ad_account_id": AD_ACCOUNT,
        "name": f"All {audience_type}",
        "audience_type": audience_type,
        "description": "",
        "size": 0,
        "status": "INITIALIZING",
        "type": "audience",
        "rule": {"ad_account_id": AD_ACCOUNT, **facts["rules"][audience_type]},
    }


def test_a_list_is_read_page_by_page(facts: Any) -> None:
    """`Audience.get_all` and its bookmarks lead through all audiences, in either order of ids."""
    first, second, third, fourth = sorted(audience["id"] for audience in facts["made"].values())
    assert facts["rising"] == [[first, second, third], [fourth]]
    assert facts["falling"] == [[fourth, third, second], [first]]


def test_an_update_is_read_back(facts: Any) -> None:
    """`Audience.update_fields` changes name, description and rule; a new read finds them."""
    changed = facts["changed"]
    assert (changed["name"], changed["description"]) == ("Buyers", "The last 30 days")
    assert changed["rule"] == {"visitor_source_id": "2612523499807"}
    assert changed["audience_type"] == "VISITOR"


def test_a_partners_audience_is_made(facts: Any) -> None:
    """The generated client makes an audience by audiences/create_custom and reads the answer."""
    assert facts["custom"]["name"] == "Quilters, from a partner"
    assert facts["custom"]["rule"] == facts["rules"]["CUSTOMER_LIST"]


def test_a_customer_list_is_made_grows_and_shrinks(facts: Any) -> None:
    """`CustomerList` creates, adds to, removes from and lists customer lists; counters say what was sent."""
    assert facts["customer_list"] == {
        "name": "Newsletter",
        "num_batches": 4,
        "num_uploaded_user_records": 4,
        "num_removed_user_records": 1,
        "status": "PROCESSING",
        "type": "customerlist",
    }
    assert facts["customer_lists"] == [[id] for id in facts["customer_list_ids"]]


def test_an_ad_account_is_read_and_lists_what_it_holds(facts: Any) -> None:
    """`AdAccount` reads itself, and its audiences and customer lists; the generated client lists it."""
    account = facts["account"]
    assert account == {
        "id": AD_ACCOUNT,
        "name": f"Ad account {AD_ACCOUNT}",
        "owner": account["owner"],
        "country": "US",
        "currency": "USD",
        "permissions": ["OWNER"],
        "audiences": [sorted(audience["id"] for audience in facts["made"].values())],
        "customer_lists": [facts["customer_list_ids"]],
    }
    (listed,) = facts["accounts"]["items"]
    assert facts["accounts"]["bookmark"] is None
    assert {key: listed[key] for key in ("id", "name", "owner")} == {
        key: account[key] for key in ("id", "name", "owner")
    }


def test_an_ad_account_is_created(facts: Any) -> None:
    """`AdAccount.create`, which the client's own tests begin with, makes one that the list has at once."""
    account = facts["made_account"]
    assert account == {
        "id": account["id"],
        "name": "Quilts",
        "owner": {"id": "549755885100", "username": account["owner"]["username"]},
        "country": "DE",
        "currency": "USD",
    }
    assert facts["accounts_with_it"] == [AD_ACCOUNT, account["id"]]


def test_an_ad_account_shares_and_takes_back(facts: Any) -> None:
    """The client shares an audience with an ad account and a business, and revokes."""
    shared = facts["shared"]
    told = {"audience_id": shared, "permissions": [READER], "recipient_account_ids": [RECIPIENT]}
    assert facts["to_ad_account"] == told
    assert facts["taken_back"] == told | {"permissions": []}
    assert facts["to_business"] == {
        "audience_id": shared,
        "permissions": [READER, SHARER],
        "recipient_business_ids": [BUSINESS],
    }
    (received,) = facts["received"]["items"]
    assert (received["id"], received["ad_account_id"]) == (shared, AD_ACCOUNT)


def test_a_business_passes_an_audience_on(facts: Any) -> None:
    """A business that received an audience lists it, and shares it with both kinds of accounts."""
    shared = facts["shared"]
    assert [audience["id"] for audience in facts["received_by_business"]["items"]] == [shared]
    assert facts["business_to_ad_account"]["recipient_account_ids"] == [RECIPIENT]
    assert facts["business_to_business"]["recipient_business_ids"] == [AGENCY]


def test_who_has_an_audience_is_listed(facts: Any) -> None:
    """Owner and business list the ad accounts and the businesses that have an audience by now."""
    holders = {
        by: [
            (holder["account_type"], holder["account_id"], holder["account_name"])
            for holder in facts[f"holders_by_{by}"]["items"]
        ]
        for by in ("ad_account", "business")
    }
    assert holders == {
        "ad_account": [("AD_ACCOUNT", RECIPIENT, f"Ad account {RECIPIENT}")],
        "business": [("BUSINESS_ACCOUNT", id, f"Business {id}") for id in (BUSINESS, AGENCY)],
    }


def test_insights_and_sizes_are_read(facts: Any) -> None:
    """The client's models hold insights whose shares add up, their scopes, and the bounds of a size."""
    insights = facts["insights"]
    assert insights["type"] == "YOUR_TOTAL_AUDIENCE"
    for kind in ("ages", "genders", "devices", "countries"):
        assert round(sum(part["ratio"] for part in insights["demographics"][kind]), 9) == 1
    assert all(category["subcategories"] for category in insights["categories"])
    assert {scope["date"] for scope in facts["scopes"]["items"]} == {insights["date"]}
    narrow, wide = facts["narrow"], facts["wide"]
    assert 0 < narrow["audience_size_lower_bound"] <= narrow["audience_size_upper_bound"]
    assert narrow["audience_size_upper_bound"] < wide["audience_size_upper_bound"]


def test_tokens_of_each_grant_are_read(facts: Any) -> None:
    """The client's models read a token for a code, a refresh token and an app; its own refresh works.

    The client's `oauth_token` cannot be right: it sends the type of the grant alone.
    """
    name, status, body = facts["token_without_code"]
    assert (name, status, body["code"]) == ("ApiException", 400, 1)
    assert "'code' is a required property" in body["message"]
    given, again, of_the_app = facts["tokens"]
    assert [token["response_type"] for token in facts["tokens"]] == [
        *("authorization_code", "refresh_token", "client_credentials"),
    ]
    assert facts["token_models"] == ["OauthAccessTokenResponseCode", "OauthAccessTokenResponseRefresh"]
    assert {token["scope"] for token in facts["tokens"]} == {"ads:read"}
    assert {token["expires_in"] for token in facts["tokens"]} == {2_592_000}
    assert given["access_token"] != again["access_token"]
    assert of_the_app["access_token"].startswith("pinc_")
    assert facts["read_when_refreshed"] == facts["made"]["ENGAGEMENT"]


def test_a_removed_audience_is_not_found(facts: Any) -> None:
    """REMOVE answers the audience as it last was; the next read raises NotFoundException."""
    assert facts["removed"] == facts["changed"]
    name, status, _ = facts["after_removal"]
    assert (name, status) == ("NotFoundException", 404)


def test_rejections_are_the_clients_exceptions(facts: Any) -> None:
    """A value out of range raises ApiException with code 1; no token, UnauthorizedException with code 2."""
    name, status, body = facts["misfit"]
    assert (name, status, body["code"]) == ("ApiException", 400, 1)
    name, status, body = facts["stranger"]
    assert (name, status, body["code"]) == ("UnauthorizedException", 401, 2)
