"""Tokens for some ad accounts, at businesses: they see what concerns these ad accounts, and no others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.errors import pinterest_error

MINE, SIBLING, THEIRS, FREE = "549755885175", "549755885176", "549755885177", "549755885178"
OURS, OTHERS, NOBODYS = "729090764583391194", "729090764583391195", "729090764583391196"
NOT_PERMITTED = {"code": 29, "message": "You are not permitted to access that resource."}
NOT_FOUND = {"code": 4, "message": "Sorry! We could not find your audience."}
SCOPES = ["ads:read", "ads:write", "biz_access:read", "biz_access:write"]
VISITORS = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}

both_modes = pytest.mark.parametrize("auth_mode", ["lenient", "strict"])


class Caller:
    def __init__(self, mock: MockServer, token: str) -> None:
        self._url = mock.pinterest_url
        self._headers = {"Authorization": f"Bearer {token}"}

    def _call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(method, self._url + path, headers=self._headers, **more)

    def create(self, account: str) -> str:
        id: str = self._call("POST", f"/ad_accounts/{account}/audiences", json=VISITORS).json()["id"]
        return id

    def each_business_operation(self, business: str, audience: str) -> dict[str, httpx.Response]:
        """The response of each of the four operations that name a business."""
        path, recipients = f"/businesses/{business}/audiences", {"audience_id": audience}
        query = {**recipients, "account_type": "AD_ACCOUNT"}
        share = {**recipients, "operation_type": "SHARE"}
        with_account = {**share, "recipient_account_ids": [FREE]}
        with_business = {**share, "recipient_business_ids": [NOBODYS]}
        return {
            "received": self._call("GET", path),
            "recipients": self._call("GET", f"{path}/shared/accounts", params=query),
            "to an ad account": self._call("PATCH", f"{path}/ad_accounts/shared", json=with_account),
            "to a business": self._call("PATCH", f"{path}/businesses/shared", json=with_business),
        }


@pytest.fixture
def begin(start: Callable[..., MockServer], tmp_path: Path) -> Callable[[str], MockServer]:
    """Starts a server with two businesses, and tokens for all ad accounts, for one and for none of them."""

    def begin(auth_mode: str) -> MockServer:
        def token(text: str, **more: Any) -> dict[str, Any]:
            return {"token": text, "scopes": SCOPES, **more}

        tokens = [
            token("pina_all"),
            token("pina_mine", ad_accounts=[MINE]),
            token("pina_free", ad_accounts=[FREE]),
            token("pina_none", ad_accounts=[]),
        ]
        businesses = [
            {
                "id": OURS,
                "name": "Ours",
                "ad_accounts": [{"id": each, "name": each} for each in (MINE, SIBLING)],
            },
            {"id": OTHERS, "name": "Others", "ad_accounts": [{"id": THEIRS, "name": "Theirs"}]},
        ]
        seed = tmp_path / "seed.json"
        seed.write_text(json.dumps({"tokens": tokens, "businesses": businesses}))
        return start(seed=str(seed), auth_mode=auth_mode)

    return begin


@both_modes
@pytest.mark.parametrize(
    "token", ["pina_mine", "pina_free", "pina_none", f"pina_mock.{'+'.join(SCOPES)}.{MINE}"]
)
@pytest.mark.parametrize("business", [OTHERS, NOBODYS, "1"])
def test_a_token_for_ad_accounts_does_nothing_through_other_businesses(
    begin: Callable[[str], MockServer], auth_mode: str, token: str, business: str
) -> None:
    """Each operation of a business that has none of the token's ad accounts gets 403 with code 29, whosever
    the audience is; nothing is shared by it."""
    mock = begin(auth_mode)
    everyone = Caller(mock, "pina_all")
    for account in (MINE, SIBLING, THEIRS, FREE):
        audience = everyone.create(account)
        for what, response in Caller(mock, token).each_business_operation(business, audience).items():
            assert response.status_code == 403, what
            assert pinterest_error(response) == NOT_PERMITTED
    assert everyone.each_business_operation(NOBODYS, "1")["received"].json()["items"] == []


@both_modes
def test_a_token_for_one_ad_account_acts_for_its_business(
    begin: Callable[[str], MockServer], auth_mode: str
) -> None:
    """Through its own business, it shares audiences of its ad account; those of the business's other ad
    accounts, and of others, are not found."""
    mock = begin(auth_mode)
    everyone, mine = Caller(mock, "pina_all"), Caller(mock, "pina_mine")
    own = everyone.create(MINE)
    assert {each.status_code for each in mine.each_business_operation(OURS, own).values()} == {200}
    for account in (SIBLING, THEIRS, FREE):
        other = everyone.create(account)
        responses = mine.each_business_operation(OURS, other)
        assert responses.pop("received").status_code == 200
        for what, response in responses.items():
            assert response.status_code == 404, what
            assert pinterest_error(response) == NOT_FOUND


@both_modes
def test_a_token_without_ad_accounts_of_its_own_acts_for_any_business(
    begin: Callable[[str], MockServer], auth_mode: str
) -> None:
    """A token that names no ad accounts is for all of them, through each business."""
    mock = begin(auth_mode)
    everyone = Caller(mock, "pina_all")
    for account, business in ((MINE, OURS), (THEIRS, OTHERS), (FREE, NOBODYS)):
        responses = everyone.each_business_operation(business, everyone.create(account))
        if business == NOBODYS:
            # It is the recipient itself, and FREE the owner.
            assert [each.status_code for each in responses.values()] == [200, 200, 400, 400]
        else:
            assert {each.status_code for each in responses.values()} == {200}


@both_modes
def test_what_a_business_received_is_seen_by_its_own(
    begin: Callable[[str], MockServer], auth_mode: str
) -> None:
    """An audience that was shared with a business is listed for a token of one of its ad accounts, and passed
    on by it; a token of another business's is rejected."""
    mock = begin(auth_mode)
    everyone, mine = Caller(mock, "pina_all"), Caller(mock, "pina_mine")
    theirs = everyone.create(THEIRS)
    share = {"audience_id": theirs, "operation_type": "SHARE", "recipient_business_ids": [OURS]}
    path = f"{mock.pinterest_url}/businesses/{OTHERS}/audiences/businesses/shared"
    headers = {"Authorization": "Bearer pina_all"}
    assert httpx.patch(path, json=share, headers=headers).status_code == 200
    responses = mine.each_business_operation(OURS, theirs)
    assert [each["id"] for each in responses["received"].json()["items"]] == [theirs]
    assert responses["recipients"].status_code == 200
    assert responses["to a business"].status_code == 404
    assert Caller(mock, "pina_free").each_business_operation(OURS, theirs)["received"].status_code == 403
