"""The client of npm, `pinterest-sdk` 1.1.0, in Node.js.

It is generated from description 5.3.0, which is older than the audiences: of the server's operations it has
those of tokens and the list of ad accounts, and both are called.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.pinterest_operations import OPERATIONS
from helpers.pinterest_resources import create_seed_audience

CLIENT = Path(sys.prefix) / "npm/node_modules"
SCENARIO = Path(__file__).with_name("npm") / "scenario.cjs"
SCENARIO_ENDS_WITHIN_S = 300
ACCOUNTS = [AD_ACCOUNT, "549755885176", "549755885177"]

missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
pytestmark = [
    # Where both are there, `make test` has installed the client, and a client that is not there is a failure.
    pytest.mark.skipif(
        shutil.which("node") is None or ("npm" in missing and not CLIENT.is_dir()),
        reason=f"not installed: {' and '.join(missing)}",
    ),
]


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """What the client's models held in one run of the scenario."""
    with MockServer() as mock:
        with httpx.Client(base_url=mock.pinterest_url) as client:
            for account in ACCOUNTS:
                create_seed_audience(client, account)
        ran = subprocess.run(
            ["node", SCENARIO, mock.pinterest_url],
            env=os.environ | {"NODE_PATH": str(CLIENT)},
            capture_output=True,
            text=True,
            timeout=SCENARIO_ENDS_WITHIN_S,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = {}
    for line in ran.stdout.splitlines():
        told |= json.loads(line)
    return told


def test_every_operation_of_the_client_is_called(facts: dict[str, Any]) -> None:
    """Of the operations that the server describes the client has two, and the scenario calls both."""
    methods = {method.lower() for method in facts["methods"]}
    had = {id for id in OPERATIONS.values() if id.replace("_", "").replace("/", "").lower() in methods}
    assert had == {"ad_accounts/list", "oauth/token"}
    assert {OPERATIONS[call] for call in facts["called"]} == had


def test_ad_accounts_are_listed_page_by_page(facts: dict[str, Any]) -> None:
    """The client's page holds ad accounts and the bookmark of the next; its model reads an ad account."""
    first, last = facts["first_page"], facts["last_page"]
    assert (first["model"], first["status"]) == ("Paginated", 200)
    ids = [[account["id"] for account in page["data"]["items"]] for page in (first, last)]
    assert ids == [ACCOUNTS[:2], ACCOUNTS[2:]]
    assert last["data"]["bookmark"] is None
    assert facts["account"] == {
        "id": AD_ACCOUNT,
        "name": f"Ad account {AD_ACCOUNT}",
        "owner": {"username": first["data"]["items"][0]["owner"]["username"]},
        "country": "US",
        "currency": "USD",
    }


@pytest.mark.parametrize(("fact", "grant"), [("token", "authorization_code"), ("refreshed", "refresh_token")])
def test_a_token_is_given(facts: dict[str, Any], fact: str, grant: str) -> None:
    """The client's model holds the token of either grant that it knows."""
    assert facts[fact]["model"] == "OauthAccessTokenResponse"
    token = facts[fact]["data"]
    assert token == {
        "access_token": token["access_token"],
        "token_type": "bearer",
        "expires_in": 2_592_000,
        "scope": "ads:read",
        "response_type": grant,
    }
    assert token["access_token"].startswith("pina_")


def test_a_given_token_opens_the_api(facts: dict[str, Any]) -> None:
    """A client with the token that it was given lists the ad accounts."""
    listed = facts["with_the_token"]["data"]["items"]
    assert [account["id"] for account in listed] == ACCOUNTS


@pytest.mark.parametrize(
    ("fact", "status", "code"),
    [("stranger", 401, 2), ("misfit", 400, 1), ("grant_alone", 401, 2), ("grant_without_code", 400, 1)],
)
def test_a_rejection_is_the_clients_error(facts: dict[str, Any], fact: str, status: int, code: int) -> None:
    """No token, a page that is too large, and a grant without app or code give an error and no data.

    `oauthToken` by itself is always such a grant: the client sends the type alone.
    """
    rejected = facts[fact]
    assert (rejected["status"], rejected["rejection"]["code"]) == (status, code)
    assert rejected["data"] is None
