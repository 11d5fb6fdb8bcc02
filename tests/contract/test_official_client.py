"""Pinterest's own client, `pinterest-api-sdk` 0.2.7, in a process of its own.

It lives in a folder beside the environment, since it pins a urllib3 that newer clients refuse.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audience_mock.testing import MockServer
from shapes import AD_ACCOUNT

CLIENT = Path(sys.prefix) / "official_client"
SCENARIO = Path(__file__).with_name("official_client_scenario.py")
SCENARIO_ENDS_WITHIN_S = 60

pytestmark = [
    pytest.mark.skipif(not CLIENT.is_dir(), reason=f"pinterest-api-sdk is not installed in {CLIENT}"),
    pytest.mark.xdist_group("official_client"),
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


def test_a_customer_list_is_made_and_grows(facts: Any) -> None:
    """`CustomerList` creates, updates, reads and lists a customer list; its counters say what was sent."""
    assert facts["customer_list"] == {
        "name": "Newsletter",
        "num_batches": 2,
        "num_uploaded_user_records": 2,
        "num_removed_user_records": 0,
        "status": "PROCESSING",
        "type": "customerlist",
    }
    assert facts["customer_lists"]


def test_a_removed_audience_is_not_found(facts: Any) -> None:
    """REMOVE answers the audience as it last was; the next read raises NotFoundException."""
    assert facts["removed"] == facts["changed"]
    name, status, _ = facts["after_removal"]
    assert (name, status) == ("NotFoundException", 404)


def test_refusals_are_the_clients_exceptions(facts: Any) -> None:
    """A value out of range raises ApiException with code 1; no token, UnauthorizedException with code 2."""
    name, status, body = facts["misfit"]
    assert (name, status, body["code"]) == ("ApiException", 400, 1)
    name, status, body = facts["stranger"]
    assert (name, status, body["code"]) == ("UnauthorizedException", 401, 2)
