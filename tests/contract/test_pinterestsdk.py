"""The generated client `pinterestsdk` 2.1.0 of description 5.28.0, which takes the described types only."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from shapes import AD_ACCOUNT
from sources import customer_list, seed

pytestmark = pytest.mark.xdist_group("pinterestsdk")

RULES: dict[str, dict[str, Any]] = {
    "VISITOR": {
        "visitor_source_id": "2612523499806",
        "retention_days": 30,
        "event": "checkout",
        "event_data": {
            "currency": "USD",
            "value": "199.98",
            "line_items": {"product_id": 1414, "product_name": "Parker Boots", "product_price": "99.99"},
        },
        "event_source": {"=": ["web", "mobile"]},
        "ingestion_source": {"=": ["tag"]},
        "url": ["http://www.myonlinestore123.com/view_item/shoe"],
        "prefill": True,
    },
    "ENGAGEMENT": {
        "engagement_domain": ["www.example.com"],
        "engagement_type": "click",
        "engager_type": 1,
        "pin_id": ["34567"],
        "campaign_id": ["626744528398"],
        "ad_id": ["687201361754"],
        "objective_type": ["AWARENESS", "SALES"],
    },
    "CUSTOMER_LIST": {"customer_list_id": "5497558"},
    "ACTALIKE": {"seed_id": ["2542623499806"], "country": "US", "percentage": 10},
}


@pytest.fixture(scope="module")
def sdk() -> Any:
    """The client's package; its import takes seconds, so only who runs these tests pays for it."""
    import pinterestsdk

    return pinterestsdk


def api_of(sdk: Any, mock: MockServer, token: str | None) -> Iterator[Any]:
    client = sdk.ApiClient(sdk.Configuration(host=mock.pinterest_url, access_token=token))
    yield sdk.AudiencesApi(client)
    client.rest_client.pool_manager.clear()


@pytest.fixture
def api(sdk: Any, mock: MockServer, pinterest: httpx.Client) -> Iterator[Any]:
    """The client's calls, with a token; the account has the customer lists that the rules name."""
    customer_list(pinterest)
    customer_list(pinterest)
    yield from api_of(sdk, mock, "pina_test")


@pytest.fixture
def stranger(sdk: Any, mock: MockServer) -> Iterator[Any]:
    """The client's calls, without a token."""
    yield from api_of(sdk, mock, None)


def create(api: Any, audience_type: str = "CUSTOMER_LIST", name: str = "Quilters") -> Any:
    """The client makes its own model of the body, as strict as that of the answer."""
    body = {"audience_type": audience_type, "name": name, "rule": RULES[audience_type]}
    return api.audiences_create(AD_ACCOUNT, {"ad_account_id": AD_ACCOUNT, **body})


@pytest.mark.parametrize("audience_type", RULES)
def test_an_audience_of_each_type_is_made_and_read(
    api: Any, pinterest: httpx.Client, audience_type: str
) -> None:
    """The client's models read an audience of each type, with the rule that was sent, from POST and GET."""
    seed(pinterest)
    made = create(api, audience_type)
    read = api.audiences_get(made.id, AD_ACCOUNT)
    for audience in (made, read):
        assert (audience.ad_account_id, audience.name, audience.type) == (AD_ACCOUNT, "Quilters", "audience")
        assert audience.audience_type.value == audience_type
        assert audience.rule.to_dict() == RULES[audience_type]
        assert (audience.status.value, audience.size, audience.is_nca) == ("INITIALIZING", 0, False)
        assert audience.created_timestamp == audience.updated_timestamp
    assert made.created_by_company_name is None
    assert read.model_copy(update={"created_by_company_name": None}) == made


@pytest.mark.parametrize("status", [201, 200])
def test_both_statuses_of_a_create_are_read(api: Any, pinterest: httpx.Client, status: int) -> None:
    """The client reads the same model from 201 and, where it asks for it, from 200."""
    seed(pinterest)
    answer = api.audiences_create_with_http_info(
        AD_ACCOUNT,
        {"name": "Quilters", "audience_type": "ACTALIKE", "rule": RULES["ACTALIKE"]},
        _headers={"Prefer": f"code={status}"},
    )
    assert answer.status_code == status
    assert answer.data.rule.percentage == 10


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
def test_a_list_is_read_page_by_page(api: Any, order: str) -> None:
    """Bookmarks lead the client through pages that hold each audience once, in either order of ids."""
    made = [create(api, name=f"No. {number}").id for number in range(5)]
    pages, bookmark = [], None
    while True:
        page = api.audiences_list(AD_ACCOUNT, page_size=2, order=order, bookmark=bookmark)
        pages.append([audience.id for audience in page.items])
        bookmark = page.bookmark
        if bookmark is None:
            break
    expected = made if order == "ASCENDING" else made[::-1]
    assert pages == [expected[:2], expected[2:4], expected[4:]]


def test_a_list_takes_every_filter(api: Any) -> None:
    """The filters of the newest description are accepted; what is RECEIVED is an empty page."""
    made = create(api)
    owned = api.audiences_list(AD_ACCOUNT, ownership_type="OWNED", exclude_nca=True)
    received = api.audiences_list(AD_ACCOUNT, ownership_type="RECEIVED", exclude_nca=False)
    assert [audience.id for audience in owned.items] == [made.id]
    assert (received.items, received.bookmark) == ([], None)


def test_an_update_changes_what_it_names(api: Any, mock: MockServer) -> None:
    """Name, description and rule change one by one, and `updated_timestamp` with them; nothing else does."""
    made = expected = create(api)
    rule = type(made.rule)(customer_list_id="5497559")
    for field, value in {"name": "Buyers", "description": "All of them", "rule": rule}.items():
        mock.world.clock.advance(1000)
        changed = {field: value, "updated_timestamp": expected.updated_timestamp + 1}
        expected = expected.model_copy(update=changed)
        assert api.audiences_update(made.id, AD_ACCOUNT, {field: value}) == expected
    read = api.audiences_get(made.id, AD_ACCOUNT)
    assert (read.name, read.description, read.rule) == ("Buyers", "All of them", rule)


def test_a_removed_audience_is_not_found(api: Any, sdk: Any) -> None:
    """After REMOVE the client raises NotFoundException for the audience, and no page lists it."""
    made = create(api)
    assert api.audiences_update(made.id, AD_ACCOUNT, {"operation_type": "REMOVE"}).id == made.id
    with pytest.raises(sdk.exceptions.NotFoundException) as refusal:
        api.audiences_get(made.id, AD_ACCOUNT)
    assert isinstance(refusal.value.data, sdk.PinterestLibError)
    assert api.audiences_list(AD_ACCOUNT).items == []


def test_a_caller_without_a_token_is_refused(stranger: Any, sdk: Any) -> None:
    """Without a token the client raises UnauthorizedException with code 2."""
    with pytest.raises(sdk.exceptions.UnauthorizedException) as refusal:
        stranger.audiences_list(AD_ACCOUNT)
    assert refusal.value.data == sdk.PinterestLibError(code=2, message="Authentication failed.")


def test_a_body_that_does_not_fit_is_refused(api: Any, sdk: Any) -> None:
    """For a body without its required name the client raises BadRequestException with code 1."""
    with pytest.raises(sdk.exceptions.BadRequestException) as refusal:
        api.audiences_create(AD_ACCOUNT, {"audience_type": "ACTALIKE", "rule": RULES["ACTALIKE"]})
    assert refusal.value.data.code == 1
    assert "'name' is a required property" in refusal.value.data.message


def test_a_customer_list_is_made_and_grows(api: Any, sdk: Any, mock: MockServer) -> None:
    """The client's models read a customer list from POST, PATCH, GET and list, and an upload to it."""
    lists = sdk.CustomerListsApi(api.api_client)
    made = lists.customer_lists_create(
        AD_ACCOUNT, {"name": "a", "records_v2": [{"email": "ann@example.com"}]}
    )
    assert (made.status.value, made.exceptions, made.num_uploaded_user_records) == ("PROCESSING", {}, 1)
    more = {"operation_type": "ADD", "records": "bob@example.com"}
    changed = lists.customer_lists_update(AD_ACCOUNT, made.id, more)
    assert (changed.num_batches, changed.num_uploaded_user_records) == (2, 2)
    assert lists.customer_lists_get(AD_ACCOUNT, made.id) == changed
    listed = lists.customer_lists_list(AD_ACCOUNT, order="DESCENDING", page_size=1, exclude_nca=False)
    assert listed.items[0] == changed.model_copy(update={"is_nca": False})
    uploads = sdk.CustomerListUploadsApi(api.api_client)
    upload = uploads.customer_list_uploads_create(AD_ACCOUNT, made.id, {"operation": "ADD", "total_parts": 1})
    (part,) = upload.s3_multipart_upload_data.file_parts
    assert httpx.put(part.presigned_url, content=b"cyd@example.com,nobody").status_code == 200
    this = (AD_ACCOUNT, made.id, upload.customer_list_upload.id)
    assert uploads.customer_list_uploads_run(*this).state.value == "RUNNING"
    mock.world.clock.advance(5_000)
    done = uploads.customer_list_uploads_get(*this)
    assert (done.state.value, done.record_counts.valid, done.error_counts[0].count) == ("SUCCEEDED", 1, 1)


def test_tokens_are_given_refreshed_and_revoked(sdk: Any, mock: MockServer) -> None:
    """The client gets tokens for a code, new ones for the refresh token, and takes the last one back."""
    configuration = sdk.Configuration(host=mock.pinterest_url, username="1234567", password="secret")
    client = sdk.ApiClient(configuration)
    oauth = sdk.OauthApi(client)
    given = oauth.oauth_token("authorization_code", code="abc", redirect_uri="https://shop.example/back")
    again = oauth.oauth_token("refresh_token", refresh_token=given.refresh_token)
    assert again.access_token != given.access_token
    assert again.response_type.value == "refresh_token"
    configuration.access_token = again.access_token
    audiences, accounts = sdk.AudiencesApi(client), sdk.AdAccountsApi(client)
    made = create(audiences, "ENGAGEMENT")
    assert [account.id for account in accounts.ad_accounts_list().items] == [made.ad_account_id]
    assert accounts.ad_accounts_get(AD_ACCOUNT).owner.username
    oauth.token_revoke(again.access_token)
    with pytest.raises(sdk.exceptions.UnauthorizedException):
        audiences.audiences_list(AD_ACCOUNT)
    client.rest_client.pool_manager.clear()
