"""The generated client `pinterestsdk` 2.1.0 of description 5.28.0, which takes the described types only.

Each operation that the package and the server have is called here: a test names those that it calls.
"""

import functools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT
from helpers.pinterest_operations import OPERATIONS
from helpers.pinterest_resources import create_customer_list, create_seed_audience

DEMO = json.loads((Path(__file__).parents[2] / "fixtures/worlds/demo.json").read_text())
OTHER = "549755885176"
BUSINESS, AGENCY = "729090764583391194", "729090764583391195"
NOT_IN_THE_PACKAGE = {"audiences/create_custom"}
"""It was in the descriptions from 5.8 to 5.18."""

called: set[str] = set()
"""What the client of the running test has called."""
proved: set[str] = set()
"""What the tests of this file say that they call."""
Parameters = ParamSpec("Parameters")


def calls(*operations: str) -> Callable[[Callable[Parameters, None]], Callable[Parameters, None]]:
    """Marks a test with the operations that it proves; it fails where one of them was not called."""
    proved.update(operations)

    def marked(test: Callable[Parameters, None]) -> Callable[Parameters, None]:
        @functools.wraps(test)
        def watched(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
            called.clear()
            test(*args, **kwargs)
            assert set(operations) <= called

        return watched

    return marked


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


def client_of(sdk: Any, mock: MockServer, **credentials: Any) -> Any:
    """The client as its users make it: a host, and a token or an app's id and secret."""
    client = sdk.ApiClient(sdk.Configuration(host=mock.pinterest_url, **credentials))
    serialize = client.param_serialize

    def watched(method: str, resource_path: str, **more: Any) -> Any:
        called.add(OPERATIONS[f"{method} {resource_path}"])
        return serialize(method=method, resource_path=resource_path, **more)

    client.param_serialize = watched
    return client


def api_of(sdk: Any, mock: MockServer, token: str | None) -> Iterator[Any]:
    client = client_of(sdk, mock, access_token=token)
    yield sdk.AudiencesApi(client)
    client.rest_client.pool_manager.clear()


@pytest.fixture
def api(sdk: Any, mock: MockServer, pinterest: httpx.Client) -> Iterator[Any]:
    """The client's calls, with a token; the account has the customer lists that the rules name."""
    create_customer_list(pinterest)
    create_customer_list(pinterest)
    yield from api_of(sdk, mock, "pina_test")


@pytest.fixture
def stranger(sdk: Any, mock: MockServer) -> Iterator[Any]:
    """The client's calls, without a token."""
    yield from api_of(sdk, mock, None)


def create(api: Any, audience_type: str = "CUSTOMER_LIST", name: str = "Quilters") -> Any:
    """The client makes its own model of the body, as strict as that of the answer."""
    body = {"audience_type": audience_type, "name": name, "rule": RULES[audience_type]}
    return api.audiences_create(AD_ACCOUNT, {"ad_account_id": AD_ACCOUNT, **body})


@calls("audiences/create", "audiences/get")
@pytest.mark.parametrize("audience_type", RULES)
def test_an_audience_of_each_type_is_made_and_read(
    api: Any, pinterest: httpx.Client, audience_type: str
) -> None:
    """The client's models read an audience of each type, with the rule that was sent, from POST and GET."""
    create_seed_audience(pinterest)
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
    create_seed_audience(pinterest)
    answer = api.audiences_create_with_http_info(
        AD_ACCOUNT,
        {"name": "Quilters", "audience_type": "ACTALIKE", "rule": RULES["ACTALIKE"]},
        _headers={"Prefer": f"code={status}"},
    )
    assert answer.status_code == status
    assert answer.data.rule.percentage == 10


@calls("audiences/list")
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


@calls("audiences/update")
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
    with pytest.raises(sdk.exceptions.NotFoundException) as rejection:
        api.audiences_get(made.id, AD_ACCOUNT)
    assert isinstance(rejection.value.data, sdk.PinterestLibError)
    assert api.audiences_list(AD_ACCOUNT).items == []


def test_a_caller_without_a_token_is_rejected(stranger: Any, sdk: Any) -> None:
    """Without a token the client raises UnauthorizedException with code 2."""
    with pytest.raises(sdk.exceptions.UnauthorizedException) as rejection:
        stranger.audiences_list(AD_ACCOUNT)
    assert rejection.value.data == sdk.PinterestLibError(code=2, message="Authentication failed.")


def test_a_body_that_does_not_fit_is_rejected(api: Any, sdk: Any) -> None:
    """For a body without its required name the client raises BadRequestException with code 1."""
    with pytest.raises(sdk.exceptions.BadRequestException) as rejection:
        api.audiences_create(AD_ACCOUNT, {"audience_type": "ACTALIKE", "rule": RULES["ACTALIKE"]})
    assert rejection.value.data.code == 1
    assert "'name' is a required property" in rejection.value.data.message


@calls(
    "customer_lists/create",
    "customer_lists/update",
    "customer_lists/get",
    "customer_lists/list",
    "customer_list_uploads/create",
    "customer_list_uploads/get",
    "customer_list_uploads/run",
)
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


@calls("oauth/token", "token/revoke")
def test_tokens_are_given_refreshed_and_revoked(sdk: Any, mock: MockServer) -> None:
    """The client gets tokens for a code, new ones for the refresh token, and takes the last one back."""
    client = client_of(sdk, mock, username="1234567", password="secret")
    configuration = client.configuration
    oauth = sdk.OauthApi(client)
    given = oauth.oauth_token("authorization_code", code="abc", redirect_uri="https://shop.example/back")
    again = oauth.oauth_token("refresh_token", refresh_token=given.refresh_token)
    assert again.access_token != given.access_token
    assert again.response_type.value == "refresh_token"
    of_the_app = oauth.oauth_token("client_credentials", scope="ads:read")
    assert (of_the_app.scope, of_the_app.token_type) == ("ads:read", "bearer")
    assert of_the_app.access_token.startswith("pinc_")
    configuration.access_token = again.access_token
    audiences = sdk.AudiencesApi(client)
    create(audiences, "ENGAGEMENT")
    oauth.token_revoke(again.access_token)
    with pytest.raises(sdk.exceptions.UnauthorizedException):
        audiences.audiences_list(AD_ACCOUNT)
    client.rest_client.pool_manager.clear()


@calls("ad_accounts/create", "ad_accounts/get", "ad_accounts/list")
def test_an_ad_account_is_created(sdk: Any, api: Any) -> None:
    """The client's model holds a created ad account, the list and a GET the same one with its permissions."""
    accounts = sdk.AdAccountsApi(api.api_client)
    body = {"name": "Quilts", "country": "DE", "currency": "EUR", "owner_user_id": "7"}
    made = accounts.ad_accounts_create(body | {"time_zone": "Europe/Berlin"})
    assert (made.name, made.country.value, made.currency.value) == ("Quilts", "DE", "EUR")
    assert (made.owner.id, made.time_zone, made.permissions) == ("7", "Europe/Berlin", [])
    read = accounts.ad_accounts_get(made.id)
    assert read == made.model_copy(update={"permissions": read.permissions})
    assert [role.value for role in read.permissions] == ["OWNER"]
    assert accounts.ad_accounts_list(include_shared_accounts=False).items[-1] == read
    assert accounts.ad_accounts_create({}).time_zone is None


@calls("customer_segment/create", "customer_segment/list", "customer_segment/update")
def test_a_customer_segment_is_made_changed_and_removed(sdk: Any, api: Any) -> None:
    """The client's models hold a segment from POST and list; a PATCH gives None and changes or removes it."""
    segments = sdk.CustomerSegmentApi(api.api_client)
    audiences = [create(api, name=f"No. {number}").id for number in range(2)]
    made = segments.customer_segment_create(AD_ACCOUNT, {"name": "Buyers", "audience_ids": audiences[:1]})
    assert (made.name, made.ad_account_id, made.audience_ids) == ("Buyers", AD_ACCOUNT, audiences[:1])
    assert (made.status.value, made.created_time) == ("ACTIVE", made.updated_time)
    other = segments.customer_segment_create(AD_ACCOUNT, {"name": "Visitors", "audience_ids": audiences})
    first = segments.customer_segment_list(AD_ACCOUNT, page_size=1, include_sizing=True)
    last = segments.customer_segment_list(AD_ACCOUNT, page_size=1, bookmark=first.bookmark)
    assert ([*first.items, *last.items], last.bookmark) == ([made, other], None)
    change = {"id": made.id, "operation_type": "UPDATE", "audience_ids": audiences}
    assert segments.customer_segment_update(AD_ACCOUNT, change) is None
    (changed,) = segments.customer_segment_list(AD_ACCOUNT, search_query="buy").items
    assert changed.audience_ids == audiences
    assert segments.customer_segment_update(AD_ACCOUNT, {"id": made.id, "operation_type": "REMOVE"}) is None
    assert segments.customer_segment_list(AD_ACCOUNT, order="DESCENDING").items == [other]
    with pytest.raises(sdk.exceptions.NotFoundException):
        segments.customer_segment_update(AD_ACCOUNT, change)


def test_the_demo_is_read_page_by_page(sdk: Any, start: Callable[..., MockServer]) -> None:
    """The client reads each audience of the demo seed, one that is a LOOKALIKE among them, which only a
    business reads as such."""
    mock = start(seed="demo")
    client = client_of(sdk, mock, access_token="pina_test")
    audiences, business = sdk.AudiencesApi(client), sdk.AudienceSharingApi(client)
    found: dict[str, str] = {}
    for account in sdk.AdAccountsApi(client).ad_accounts_list().items:
        bookmark = None
        while True:
            page = audiences.audiences_list(account.id, page_size=2, bookmark=bookmark)
            found |= {audience.id: audience.audience_type.value for audience in page.items}
            bookmark = page.bookmark
            if bookmark is None:
                break
    seeded = {one["id"]: one for one in DEMO["audiences"] if one["api"] == "pinterest"}
    assert found == {
        id: {"LOOKALIKE": "ACTALIKE"}.get(one["kind"], one["kind"]) for id, one in seeded.items()
    }
    (alike,) = (one for one in seeded.values() if one["kind"] == "LOOKALIKE")
    body = {"audience_id": alike["id"], "recipient_business_ids": [BUSINESS], "operation_type": "SHARE"}
    business.update_ad_account_to_business_shared_audience(alike["account"], body)
    (received,) = business.shared_audiences_for_business_list(BUSINESS).items
    assert (received.id, received.audience_type.value) == (alike["id"], "LOOKALIKE")
    client.rest_client.pool_manager.clear()


@calls("ad_accounts/list", "ad_accounts/get")
def test_ad_accounts_are_listed_and_read(api: Any, sdk: Any, pinterest: httpx.Client) -> None:
    """The client leads through the ad accounts that hold something, and reads one as the list has it."""
    create_seed_audience(pinterest, account=OTHER)
    accounts = sdk.AdAccountsApi(api.api_client)
    first = accounts.ad_accounts_list(page_size=1)
    last = accounts.ad_accounts_list(page_size=1, bookmark=first.bookmark)
    assert [page.items[0].id for page in (first, last)] == [AD_ACCOUNT, OTHER]
    assert last.bookmark is None
    one = accounts.ad_accounts_get(OTHER)
    assert one == last.items[0]
    assert (one.name, one.country.value, one.currency.value) == (f"Ad account {OTHER}", "US", "USD")
    assert [role.value for role in one.permissions] == ["OWNER"]
    assert one.owner.id.isdecimal()


@calls("update_ad_account_to_ad_account_shared_audience", "ad_accounts_audiences_shared_accounts/list")
def test_an_audience_is_shared_with_an_ad_account(api: Any, sdk: Any, mock: MockServer) -> None:
    """The owner lists who has an audience, and the recipient lists it as received until REVOKE."""
    audience = create(api).id
    sharing = sdk.AudienceSharingApi(api.api_client)
    request = {"audience_id": audience, "recipient_account_ids": [OTHER], "operation_type": "SHARE"}
    told = sharing.update_ad_account_to_ad_account_shared_audience(AD_ACCOUNT, request)
    assert (told.audience_id, told.recipient_account_ids) == (audience, [OTHER])
    assert [role.value for role in told.permissions] == ["RESOURCE_PINNER_LIST_READER"]
    page = sharing.ad_accounts_audiences_shared_accounts_list(audience, "AD_ACCOUNT", AD_ACCOUNT)
    (holder,) = page.items
    assert (holder.account_id, holder.account_name) == (OTHER, f"Ad account {OTHER}")
    assert holder.account_type.value == "AD_ACCOUNT"
    assert holder.shared_on_timestamp == mock.world.clock.now_ms() // 1000
    (received,) = api.audiences_list(OTHER, ownership_type="RECEIVED").items
    assert (received.id, received.ad_account_id) == (audience, AD_ACCOUNT)
    told = sharing.update_ad_account_to_ad_account_shared_audience(
        AD_ACCOUNT, request | {"operation_type": "REVOKE"}
    )
    assert told.permissions == []
    assert api.audiences_list(OTHER, ownership_type="RECEIVED").items == []


@calls(
    "update_ad_account_to_business_shared_audience",
    "shared_audiences_for_business/list",
    "update_business_to_ad_account_shared_audience",
    "update_business_to_business_shared_audience",
    "business_account_audiences_shared_accounts/list",
)
def test_businesses_share_and_receive(api: Any, sdk: Any) -> None:
    """An audience goes to a business, which lists it and passes it on to an ad account and a business."""
    audiences = [create(api, name=f"No. {number}").id for number in range(2)]
    sharing = sdk.AudienceSharingApi(api.api_client)
    for audience in audiences:
        told = sharing.update_ad_account_to_business_shared_audience(
            AD_ACCOUNT,
            {"audience_id": audience, "recipient_business_ids": [BUSINESS], "operation_type": "SHARE"},
        )
        assert (told.audience_id, told.recipient_business_ids) == (audience, [BUSINESS])
        roles = [role.value for role in told.permissions]
        assert roles == ["RESOURCE_PINNER_LIST_READER", "BIZ_PINNER_LIST_SHARER"]
    first = sharing.shared_audiences_for_business_list(BUSINESS, order="DESCENDING", page_size=1)
    last = sharing.shared_audiences_for_business_list(
        BUSINESS, order="DESCENDING", page_size=1, bookmark=first.bookmark
    )
    assert [page.items[0].id for page in (first, last)] == audiences[::-1]
    assert last.bookmark is None

    audience = audiences[0]
    to_accounts = {"audience_id": audience, "recipient_account_ids": [OTHER], "operation_type": "SHARE"}
    told = sharing.update_business_to_ad_account_shared_audience(BUSINESS, to_accounts)
    assert (told.audience_id, told.recipient_account_ids) == (audience, [OTHER])
    to_businesses = {"audience_id": audience, "recipient_business_ids": [AGENCY], "operation_type": "SHARE"}
    told = sharing.update_business_to_business_shared_audience(BUSINESS, to_businesses)
    assert (told.audience_id, told.recipient_business_ids) == (audience, [AGENCY])
    holders = {
        kind: [
            holder.account_id
            for holder in sharing.business_account_audiences_shared_accounts_list(
                BUSINESS, audience, kind
            ).items
        ]
        for kind in ("AD_ACCOUNT", "BUSINESS_ACCOUNT")
    }
    assert holders == {"AD_ACCOUNT": [OTHER], "BUSINESS_ACCOUNT": [BUSINESS, AGENCY]}
    assert [one.id for one in sharing.shared_audiences_for_business_list(AGENCY).items] == [audience]


@calls("audience_insights/get", "audience_insights_scope_and_type/get")
def test_insights_are_read_whole(api: Any, sdk: Any, mock: MockServer, pinterest: httpx.Client) -> None:
    """The client's models hold every value of the insights that went over the wire."""
    insights = sdk.AudienceInsightsApi(api.api_client)
    path = f"/ad_accounts/{AD_ACCOUNT}"
    for kind in sdk.AudienceInsightType:
        told = insights.audience_insights_get(AD_ACCOUNT, kind)
        query = {"audience_insight_type": kind.value}
        assert told.to_dict() == pinterest.get(f"{path}/audience_insights", params=query).json()
        assert told.type is kind
        assert round(sum(age.ratio for age in told.demographics.ages), 9) == 1
    scopes = insights.audience_insights_scope_and_type_get(AD_ACCOUNT)
    assert scopes.to_dict() == pinterest.get(f"{path}/insights/audiences").json()
    today = datetime.fromtimestamp(mock.world.clock.now_ms() / 1000, UTC).date().isoformat()
    assert {item.var_date for item in scopes.items} == {today}


@calls("ad_groups/audience_sizing")
def test_an_ad_group_is_sized(api: Any, sdk: Any) -> None:
    """The client's own models of targeting narrow the bounds that it reads."""
    groups = sdk.AdGroupsApi(api.api_client)
    wide = groups.ad_groups_audience_sizing(AD_ACCOUNT, {"targeting_spec": {"LOCATION": ["US"]}})
    spec = {"LOCATION": ["US"], "GENDER": ["female"], "AGE_BUCKET": ["25-34"]}
    keywords = [{"match_type": "BROAD", "value": "quilts"}]
    narrow = groups.ad_groups_audience_sizing(AD_ACCOUNT, {"targeting_spec": spec, "keywords": keywords})
    assert 0 < narrow.audience_size_lower_bound <= narrow.audience_size_upper_bound
    assert narrow.audience_size_lower_bound < wide.audience_size_lower_bound
    assert narrow.audience_size_upper_bound < wide.audience_size_upper_bound


def test_every_operation_of_the_package_is_called(sdk: Any) -> None:
    """Each operation that the package has of those which the server describes is proved by a test above."""
    methods = {name for api in vars(sdk).values() if isinstance(api, type) for name in vars(api)}
    had = {operation for operation in OPERATIONS.values() if operation.replace("/", "_") in methods}
    assert set(OPERATIONS.values()) - had == NOT_IN_THE_PACKAGE
    assert had == proved
