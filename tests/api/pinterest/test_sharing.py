"""Pinterest's sharing of audiences over HTTP, from both sides."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.core.errors import InvalidSeedError
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import pinterest_error

OTHER, THIRD = "549755885176", "549755885177"
BUSINESS, AGENCY = "729090764583391194", "729090764583391195"
ABSENT = "2542623499000"
VISITORS = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
NOT_FOUND = {"code": 4, "message": "Sorry! We could not find your audience."}


def of(account: str) -> str:
    return f"/ad_accounts/{account}/audiences"


def of_business(business: str) -> str:
    return f"/businesses/{business}/audiences"


def create(client: httpx.Client, account: str = AD_ACCOUNT) -> str:
    response = client.post(of(account), json=VISITORS)
    assert response.status_code == 201, response.text
    id: str = response.json()["id"]
    return id


def patch(
    client: httpx.Client, giver: str, audience: str, *recipients: str, to: str = "ad_accounts", **more: Any
) -> httpx.Response:
    key = {"ad_accounts": "recipient_account_ids", "businesses": "recipient_business_ids"}[to]
    body = {"audience_id": audience, key: list(recipients), "operation_type": "SHARE"} | more
    return client.patch(f"{giver}/{to}/shared", json=body)


def share(client: httpx.Client, giver: str, audience: str, *recipients: str, **more: Any) -> dict[str, Any]:
    response = patch(client, giver, audience, *recipients, **more)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def received(client: httpx.Client, path: str, **query: Any) -> list[str]:
    """The ids that a recipient lists, over all pages."""
    if path.startswith("/ad_accounts"):
        query["ownership_type"] = "RECEIVED"
    ids: list[str] = []
    while True:
        response = client.get(path, params=query)
        assert response.status_code == 200, response.text
        page = response.json()
        assert list(page) == ["items", "bookmark"]
        ids += [item["id"] for item in page["items"]]
        if page["bookmark"] is None:
            return ids
        query["bookmark"] = page["bookmark"]


def holders(client: httpx.Client, giver: str, audience: str, account_type: str = "AD_ACCOUNT") -> list[str]:
    query = {"audience_id": audience, "account_type": account_type}
    response = client.get(f"{giver}/shared/accounts", params=query)
    assert response.status_code == 200, response.text
    return [item["account_id"] for item in response.json()["items"]]


@pytest.fixture
def placed(start: Callable[..., MockServer], tmp_path: Path) -> Iterator[httpx.Client]:
    """A server whose seed places AD_ACCOUNT in BUSINESS and THIRD in AGENCY; OTHER is in none."""
    seed = tmp_path / "seed.json"
    businesses = [
        {"id": BUSINESS, "name": "Quilts", "ad_accounts": [{"id": AD_ACCOUNT, "name": "Quilts US"}]},
        {"id": AGENCY, "name": "Agency", "ad_accounts": [{"id": THIRD, "name": "Agency's own"}]},
    ]
    seed.write_text(json.dumps({"businesses": businesses}))
    server = start(seed=str(seed))
    with httpx.Client(base_url=server.pinterest_url, headers=PINTEREST_TOKEN) as client:
        yield client


def test_a_shared_audience_is_read_by_its_recipient(pinterest: httpx.Client) -> None:
    """The other ad account lists it as RECEIVED and reads it as its owner does; OWNED stays as it was."""
    audience = create(pinterest)
    told = share(pinterest, of(AD_ACCOUNT), audience, OTHER)
    assert list(told) == ["audience_id", "permissions", "recipient_account_ids"]
    assert told == {
        "audience_id": audience,
        "permissions": ["RESOURCE_PINNER_LIST_READER"],
        "recipient_account_ids": [OTHER],
    }
    assert received(pinterest, of(OTHER)) == [audience]
    assert received(pinterest, of(AD_ACCOUNT)) == received(pinterest, of(THIRD)) == []
    assert pinterest.get(of(OTHER)).json()["items"] == []
    one = pinterest.get(f"{of(OTHER)}/{audience}").json()
    assert one == pinterest.get(f"{of(AD_ACCOUNT)}/{audience}").json()
    assert one["ad_account_id"] == AD_ACCOUNT
    (item,) = pinterest.get(of(OTHER), params={"ownership_type": "RECEIVED"}).json()["items"]
    assert item == {**one, "is_ctv_enabled": False}


def test_a_recipient_cannot_change_or_pass_on_an_audience(pinterest: httpx.Client) -> None:
    """To the recipient's PATCH, share, and look at who else has it, a received audience is not found."""
    audience = create(pinterest)
    share(pinterest, of(AD_ACCOUNT), audience, OTHER)
    for response in (
        pinterest.patch(f"{of(OTHER)}/{audience}", json={"name": "Mine"}),
        pinterest.patch(f"{of(OTHER)}/{audience}", json={"operation_type": "REMOVE"}),
        patch(pinterest, of(OTHER), audience, THIRD),
        patch(pinterest, of(OTHER), audience, OTHER, operation_type="REVOKE"),
        pinterest.get(
            f"{of(OTHER)}/shared/accounts", params={"audience_id": audience, "account_type": "AD_ACCOUNT"}
        ),
    ):
        assert response.status_code == 404
        assert pinterest_error(response) == NOT_FOUND
    assert received(pinterest, of(OTHER)) == [audience]


def test_revoking_takes_an_audience_back(pinterest: httpx.Client) -> None:
    """After REVOKE the recipient neither lists nor reads it; revoking again is no error."""
    audience = create(pinterest)
    share(pinterest, of(AD_ACCOUNT), audience, OTHER, THIRD)
    for _ in range(2):
        told = share(pinterest, of(AD_ACCOUNT), audience, OTHER, operation_type="REVOKE")
        assert told == {"audience_id": audience, "permissions": [], "recipient_account_ids": [OTHER]}
        assert received(pinterest, of(OTHER)) == []
        assert pinterest_error(pinterest.get(f"{of(OTHER)}/{audience}")) == NOT_FOUND
        assert received(pinterest, of(THIRD)) == [audience]
    assert pinterest.get(f"{of(AD_ACCOUNT)}/{audience}").status_code == 200


@pytest.mark.both_engines
def test_removing_an_audience_removes_its_shares(pinterest: httpx.Client) -> None:
    """A removed audience is gone for its recipients too, and the next one is not shared in its place."""
    audience = create(pinterest)
    share(pinterest, of(AD_ACCOUNT), audience, OTHER)
    share(pinterest, of(AD_ACCOUNT), audience, BUSINESS, to="businesses")
    pinterest.patch(f"{of(AD_ACCOUNT)}/{audience}", json={"operation_type": "REMOVE"})
    create(pinterest)
    assert received(pinterest, of(OTHER)) == received(pinterest, of_business(BUSINESS)) == []


def test_sharing_again_changes_nothing(mock: MockServer, pinterest: httpx.Client) -> None:
    """One who has an audience gets it once, keeps the time of the first share, and is named once."""
    audience = create(pinterest)
    share(pinterest, of(AD_ACCOUNT), audience, OTHER)
    query = {"audience_id": audience, "account_type": "AD_ACCOUNT"}
    before = pinterest.get(f"{of(AD_ACCOUNT)}/shared/accounts", params=query).json()
    mock.world.clock.advance(60_000)
    told = share(pinterest, of(AD_ACCOUNT), audience, OTHER, OTHER)
    assert told["recipient_account_ids"] == [OTHER]
    assert pinterest.get(f"{of(AD_ACCOUNT)}/shared/accounts", params=query).json() == before


@pytest.mark.both_engines
def test_the_owner_lists_who_has_an_audience(mock: MockServer, pinterest: httpx.Client) -> None:
    """Accounts of the asked type are listed by the time of sharing, with bookmarks bound to the query."""
    audience, other = create(pinterest), create(pinterest)
    accounts = [THIRD, OTHER, "1"]
    for account in accounts:
        share(pinterest, of(AD_ACCOUNT), audience, account)
        mock.world.clock.advance(1_000)
    share(pinterest, of(AD_ACCOUNT), audience, BUSINESS, to="businesses")
    path = f"{of(AD_ACCOUNT)}/shared/accounts"
    query: dict[str, Any] = {"audience_id": audience, "page_size": 2}
    first = pinterest.get(path, params=query | {"account_type": "AD_ACCOUNT"}).json()
    assert list(first) == ["items", "bookmark"]
    assert first["items"][0] == {
        "account_id": THIRD,
        "account_name": f"Ad account {THIRD}",
        "account_type": "AD_ACCOUNT",
        "shared_on_timestamp": mock.world.clock.now_ms() // 1000 - 3,
    }
    query["bookmark"] = first["bookmark"]
    last = pinterest.get(path, params=query | {"account_type": "AD_ACCOUNT"}).json()
    assert [item["account_id"] for item in first["items"] + last["items"]] == accounts
    assert last["bookmark"] is None
    for wrong in ({"account_type": "BUSINESS_ACCOUNT"}, {"account_type": "AD_ACCOUNT", "audience_id": other}):
        rejected = pinterest.get(path, params=query | wrong)
        assert rejected.status_code == 400
        assert pinterest_error(rejected)["code"] == 1
    assert holders(pinterest, of(AD_ACCOUNT), audience, "BUSINESS_ACCOUNT") == [BUSINESS]
    assert holders(pinterest, of(AD_ACCOUNT), other) == []


def test_received_audiences_are_listed_by_the_time_of_sharing(pinterest: httpx.Client) -> None:
    """An ad account lists them in the order of sharing, a business by id; both rise or fall, in pages."""
    made = [create(pinterest) for _ in range(5)]
    shared = [made[position] for position in (3, 0, 4, 2, 1)]
    for audience in shared:
        share(pinterest, of(AD_ACCOUNT), audience, OTHER)
        share(pinterest, of(AD_ACCOUNT), audience, BUSINESS, to="businesses")
    for path, order in ((of(OTHER), shared), (of_business(BUSINESS), made)):
        assert received(pinterest, path, page_size=2) == order
        assert received(pinterest, path, page_size=2, order="DESCENDING") == order[::-1]


def test_a_bookmark_of_received_audiences_is_bound_to_its_query(pinterest: httpx.Client) -> None:
    """A bookmark of the received ones is rejected for the owned ones, another order, account or business."""
    for _ in range(2):
        audience = create(pinterest)
        share(pinterest, of(AD_ACCOUNT), audience, OTHER)
        share(pinterest, of(AD_ACCOUNT), audience, BUSINESS, to="businesses")
    query: dict[str, Any] = {"ownership_type": "RECEIVED", "page_size": 1}
    bookmark = pinterest.get(of(OTHER), params=query).json()["bookmark"]
    of_a_business = pinterest.get(of_business(BUSINESS), params={"page_size": 1}).json()["bookmark"]
    for path, wrong in (
        (of(OTHER), {"bookmark": bookmark}),
        (of(OTHER), {"bookmark": bookmark, "ownership_type": "RECEIVED", "order": "DESCENDING"}),
        (of(THIRD), {"bookmark": bookmark, "ownership_type": "RECEIVED"}),
        (of_business(BUSINESS), {"bookmark": bookmark}),
        (of_business(AGENCY), {"bookmark": of_a_business}),
        (of_business(BUSINESS), {"bookmark": of_a_business, "order": "DESCENDING"}),
    ):
        response = pinterest.get(path, params=wrong)
        assert response.status_code == 400
        assert pinterest_error(response)["code"] == 1


def test_an_ad_account_shares_with_businesses(pinterest: httpx.Client) -> None:
    """A business lists what it received, in the shape of the ad account's own list, until it is revoked."""
    audience = create(pinterest)
    told = share(pinterest, of(AD_ACCOUNT), audience, BUSINESS, AGENCY, to="businesses")
    assert list(told) == ["audience_id", "permissions", "recipient_business_ids"]
    assert told["permissions"] == ["RESOURCE_PINNER_LIST_READER", "BIZ_PINNER_LIST_SHARER"]
    assert told["recipient_business_ids"] == [BUSINESS, AGENCY]
    assert pinterest.get(of_business(BUSINESS)).json() == pinterest.get(of(AD_ACCOUNT)).json()
    share(pinterest, of(AD_ACCOUNT), audience, BUSINESS, to="businesses", operation_type="REVOKE")
    assert received(pinterest, of_business(BUSINESS)) == []
    assert received(pinterest, of_business(AGENCY)) == [audience]


def test_any_business_acts_as_owner_where_no_seed_places_the_ad_account(pinterest: httpx.Client) -> None:
    """Without a seed a business shares any ad account's audience, with ad accounts and businesses."""
    audience = create(pinterest)
    assert share(pinterest, of_business(BUSINESS), audience, OTHER)["recipient_account_ids"] == [OTHER]
    share(pinterest, of_business(BUSINESS), audience, AGENCY, to="businesses")
    assert received(pinterest, of(OTHER)) == received(pinterest, of_business(AGENCY)) == [audience]
    assert holders(pinterest, of_business(BUSINESS), audience) == [OTHER]
    assert holders(pinterest, of(AD_ACCOUNT), audience, "BUSINESS_ACCOUNT") == [AGENCY]


def test_a_business_shares_what_its_ad_accounts_own(placed: httpx.Client) -> None:
    """The business in which a seed places an ad account shares its audiences; no other business does."""
    audience = create(placed)
    for response in (
        patch(placed, of_business(AGENCY), audience, OTHER),
        patch(placed, of_business(AGENCY), audience, "1", to="businesses"),
        placed.get(
            f"{of_business(AGENCY)}/shared/accounts",
            params={"audience_id": audience, "account_type": "AD_ACCOUNT"},
        ),
    ):
        assert response.status_code == 404
        assert pinterest_error(response) == NOT_FOUND
    share(placed, of_business(BUSINESS), audience, THIRD)
    share(placed, of_business(BUSINESS), audience, AGENCY, to="businesses")
    assert received(placed, of(THIRD)) == received(placed, of_business(AGENCY)) == [audience]
    query = {"audience_id": audience, "account_type": "AD_ACCOUNT"}
    (item,) = placed.get(f"{of_business(BUSINESS)}/shared/accounts", params=query).json()["items"]
    assert item["account_name"] == "Agency's own"


def test_a_business_passes_on_what_it_received(placed: httpx.Client) -> None:
    """A receiving business gives an audience to ad accounts of its own only, sees only those, and takes back
    only what it gave."""
    audience = create(placed)
    share(placed, of(AD_ACCOUNT), audience, AGENCY, to="businesses")
    share(placed, of(AD_ACCOUNT), audience, OTHER)
    share(placed, of_business(AGENCY), audience, THIRD)
    assert received(placed, of(THIRD)) == [audience]
    assert holders(placed, of_business(AGENCY), audience) == [THIRD]
    assert holders(placed, of_business(AGENCY), audience, "BUSINESS_ACCOUNT") == []
    assert sorted(holders(placed, of_business(BUSINESS), audience)) == [OTHER, THIRD]
    share(placed, of_business(AGENCY), audience, OTHER, operation_type="REVOKE")
    assert received(placed, of(OTHER)) == [audience]
    rejected = patch(placed, of_business(AGENCY), audience, "1", to="businesses")
    assert rejected.status_code == 404
    assert pinterest_error(rejected) == NOT_FOUND


def test_a_business_gives_nothing_to_another_business_ad_account(placed: httpx.Client) -> None:
    """A receiving business may not share with an ad account that a seed places elsewhere, with all others."""
    audience = create(placed, account=THIRD)
    share(placed, of(THIRD), audience, BUSINESS, to="businesses")
    share(placed, of_business(BUSINESS), audience, AD_ACCOUNT)
    assert received(placed, of(AD_ACCOUNT)) == [audience]
    response = patch(placed, of_business(BUSINESS), audience, OTHER, THIRD)
    assert response.status_code == 404
    assert pinterest_error(response)["message"] == "Sorry! We could not find your ad account."
    assert audience not in received(placed, of(OTHER))


def test_what_was_passed_on_ends_with_the_business(placed: httpx.Client) -> None:
    """Revoking a business takes the audience from the ad accounts that have it only from there."""
    audience = create(placed)
    share(placed, of(AD_ACCOUNT), audience, AGENCY, to="businesses")
    share(placed, of_business(AGENCY), audience, THIRD, OTHER)
    share(placed, of(AD_ACCOUNT), audience, OTHER)
    share(placed, of(AD_ACCOUNT), audience, AGENCY, to="businesses", operation_type="REVOKE")
    assert received(placed, of_business(AGENCY)) == received(placed, of(THIRD)) == []
    assert received(placed, of(OTHER)) == [audience]


UPDATES = {
    "update_ad_account_to_ad_account_shared_audience": (of(AD_ACCOUNT), "ad_accounts"),
    "update_ad_account_to_business_shared_audience": (of(AD_ACCOUNT), "businesses"),
    "update_business_to_ad_account_shared_audience": (of_business(BUSINESS), "ad_accounts"),
    "update_business_to_business_shared_audience": (of_business(BUSINESS), "businesses"),
}


@pytest.mark.parametrize("operation", UPDATES)
def test_an_unknown_audience_is_not_shared(pinterest: httpx.Client, operation: str) -> None:
    """Sharing or revoking an audience that does not exist, or whose id is no audience's, gets 404."""
    giver, to = UPDATES[operation]
    for audience in (ABSENT, "9" * 18, "9" * 5000):
        for operation_type in ("SHARE", "REVOKE"):
            response = patch(pinterest, giver, audience, THIRD, to=to, operation_type=operation_type)
            assert response.status_code == 404
            assert pinterest_error(response) == NOT_FOUND


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"recipients": None}, "'{recipients}' is a required property"),
        ({"recipients": []}, "[] is too short"),
        ({"recipients": [str(number) for number in range(101)]}, "['0', '1', "),
        ({"recipients": ["12x"]}, r"'12x' does not match '^\\d+$'"),
        ({"recipients": [12]}, "12 is not of type 'string'"),
        ({"recipients": ["1" * 21]}, f"'{'1' * 21}' is too long"),
        ({"recipients": "12"}, "'12' is not of type 'array'"),
        ({"audience_id": None}, "None is not of type 'string'"),
        ({"audience_id": "x"}, r"'x' does not match '^\\d+$'"),
        ({"operation_type": "UNSHARE"}, "'UNSHARE' is not one of ['SHARE', 'REVOKE']"),
        ({"operation_type": None}, "None is not one of ['SHARE', 'REVOKE']"),
    ],
)
@pytest.mark.parametrize("operation", UPDATES)
def test_a_wrong_update_is_rejected(
    pinterest: httpx.Client, operation: str, more: dict[str, Any], message: str
) -> None:
    """A body that is not valid gets 400 with code 1, says what is wrong, and shares nothing."""
    giver, to = UPDATES[operation]
    key = {"ad_accounts": "recipient_account_ids", "businesses": "recipient_business_ids"}[to]
    audience = create(pinterest)
    body = {"audience_id": audience, "operation_type": "SHARE", key: [OTHER]}
    body |= {key if name == "recipients" else name: value for name, value in more.items()}
    if body[key] is None:
        del body[key]
    response = pinterest.patch(f"{giver}/{to}/shared", json=body)
    assert response.status_code == 400
    told = pinterest_error(response)
    assert told["code"] == 1
    assert told["message"].startswith(f"Invalid request: {message.replace('{recipients}', key)}")
    assert received(pinterest, of(OTHER)) == received(pinterest, of_business(OTHER)) == []


def test_an_owner_cannot_share_with_itself(pinterest: httpx.Client) -> None:
    """An owner, or a business that gives, among the recipients is rejected, and the others get nothing."""
    audience = create(pinterest)
    for giver, to, itself in (
        (of(AD_ACCOUNT), "ad_accounts", AD_ACCOUNT),
        (of_business(BUSINESS), "ad_accounts", AD_ACCOUNT),
        (of_business(BUSINESS), "businesses", BUSINESS),
    ):
        response = patch(pinterest, giver, audience, OTHER, itself, to=to)
        assert response.status_code == 400
        assert pinterest_error(response) == {
            "code": 1,
            "message": f"Invalid request: '{itself}' has the audience already",
        }
    assert holders(pinterest, of(AD_ACCOUNT), audience) == []


@pytest.mark.parametrize("giver", [of(AD_ACCOUNT), of_business(BUSINESS)])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"account_type": "AD_ACCOUNT"}, "Parameter 'audience_id' is required"),
        ({"audience_id": "1"}, "Parameter 'account_type' is required"),
        (
            {"audience_id": "1", "account_type": "PERSON"},
            "'account_type' value 'PERSON' must be one of: AD_ACCOUNT, BUSINESS_ACCOUNT",
        ),
        (
            {"audience_id": "1x", "account_type": "AD_ACCOUNT"},
            r"'audience_id' value '1x' must match the pattern: ^\d+$",
        ),
        (
            {"audience_id": "1", "account_type": "AD_ACCOUNT", "page_size": "251"},
            "'page_size' value '251' must be at most 250",
        ),
    ],
)
def test_a_wrong_query_is_rejected(
    pinterest: httpx.Client, giver: str, query: dict[str, str], message: str
) -> None:
    """A missing or wrong parameter gets 400 with code 1 and names it."""
    response = pinterest.get(f"{giver}/shared/accounts", params=query)
    assert response.status_code == 400
    assert pinterest_error(response) == {"code": 1, "message": message}


@pytest.mark.parametrize("business", ["12x", "1" * 21])
def test_a_business_id_is_up_to_twenty_digits(pinterest: httpx.Client, business: str) -> None:
    """Anything else in the path gets 400; twenty digits are an id."""
    assert pinterest_error(pinterest.get(of_business(business)))["code"] == 1
    assert pinterest.get(of_business("9" * 20)).json() == {"items": [], "bookmark": None}


def test_shares_outlive_a_restart(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """A store in a file keeps who has what."""
    database = f"sqlite:///{tmp_path / 'audiences.db'}"
    with MockServer(database=database) as server:
        with httpx.Client(base_url=server.pinterest_url, headers=PINTEREST_TOKEN) as client:
            audience = create(client)
            share(client, of(AD_ACCOUNT), audience, OTHER)
    with httpx.Client(base_url=start(database=database).pinterest_url, headers=PINTEREST_TOKEN) as client:
        assert received(client, of(OTHER)) == [audience]


def test_a_seed_names_a_business_once(tmp_path: Path) -> None:
    """A seed that has a business or an ad account twice is rejected, and says where."""
    seed = tmp_path / "seed.json"
    account = {"id": AD_ACCOUNT, "name": "a"}
    businesses = [{"id": number, "name": "b", "ad_accounts": [account]} for number in ("1", "2")]
    seed.write_text(json.dumps({"businesses": businesses}))
    with pytest.raises(InvalidSeedError, match=r"businesses\.1"), MockServer(seed=str(seed)):
        pass
