"""Creates, shares, updates and removes audiences with `pinterest-api-sdk`; prints the values of its models as
one JSON object.

Run by test_official_client.py with the ad account as its argument. Host and token come from PINTEREST_API_URI
and PINTEREST_ACCESS_TOKEN, which the client reads when it is imported.
"""

# mypy: disable-error-code="import-not-found"

import json
import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from openapi_generated.pinterest_client import api as api_modules
from openapi_generated.pinterest_client import models
from openapi_generated.pinterest_client.api.ad_accounts_api import AdAccountsApi
from openapi_generated.pinterest_client.api.ad_groups_api import AdGroupsApi
from openapi_generated.pinterest_client.api.audience_insights_api import AudienceInsightsApi
from openapi_generated.pinterest_client.api.audience_sharing_api import AudienceSharingApi
from openapi_generated.pinterest_client.api.audiences_api import AudiencesApi
from openapi_generated.pinterest_client.api.oauth_api import OauthApi
from openapi_generated.pinterest_client.api_client import ApiClient
from openapi_generated.pinterest_client.configuration import Configuration
from openapi_generated.pinterest_client.exceptions import ApiException
from openapi_generated.pinterest_client.model_utils import OpenApiModel
from pinterest.ads.ad_accounts import AdAccount
from pinterest.ads.audiences import Audience
from pinterest.ads.customer_lists import CustomerList
from pinterest.client import PinterestSDKClient
from pinterest.config import PINTEREST_API_URI

AD_ACCOUNT = sys.argv[1]
RECIPIENT = "549755885176"
BUSINESS, AGENCY = "729090764583391194", "729090764583391195"
RULES: dict[str, dict[str, Any]] = {
    "VISITOR": {
        "visitor_source_id": "2612523499806",
        "retention_days": 30,
        "event": "checkout",
        "event_source": {"=": ["web", "mobile"]},
        "ingestion_source": {"=": ["tag"]},
        "url": ["http://www.myonlinestore123.com/view_item/shoe"],
        "prefill": True,
    },
    # As in the client's own live tests: no engagement_domain.
    "ENGAGEMENT": {"engager_type": 1},
    "CUSTOMER_LIST": {},
    "ACTALIKE": {"country": "US", "percentage": 10},
}
FIELDS = ("ad_account_id", "id", "name", "audience_type", "description", "size", "status", "type")
LIST_FIELDS = (
    *("name", "num_batches", "num_uploaded_user_records", "num_removed_user_records", "status", "type"),
)

called: set[str] = set()
send = ApiClient.call_api


def watched(self: Any, resource_path: str, method: str, *more: Any, **named: Any) -> Any:
    called.add(f"{method} {resource_path}")
    return send(self, resource_path, method, *more, **named)


ApiClient.call_api = watched


def operations() -> list[str]:
    """Method and path of all operations that the generated client has, but for those of catalogs: their
    module imports another that the package lacks."""
    names = {module.name for module in iter_modules(api_modules.__path__)} - {"catalogs_api"}
    modules = [import_module(f"{api_modules.__name__}.{name}") for name in names]
    classes = [api for module in modules for name, api in vars(module).items() if name.endswith("Api")]
    endpoints = [endpoint for api in classes for endpoint in vars(api(default)).values()]
    settings = [endpoint.settings for endpoint in endpoints if hasattr(endpoint, "settings")]
    return sorted({f"{one['http_method']} {one['endpoint_path']}" for one in settings})


def held(audience: Any) -> dict[str, Any]:
    return {field: getattr(audience, field) for field in FIELDS} | {"rule": audience.rule.to_dict()}


def plain(answer: Any) -> Any:
    """What a model of the generated client holds; where the client has none for an answer, the answer."""
    return answer.to_dict() if isinstance(answer, OpenApiModel) else answer


def rejection(operation: Any, *arguments: Any, **named: Any) -> tuple[str, int, Any]:
    try:
        operation(*arguments, **named)
    except ApiException as error:
        return type(error).__name__, error.status, json.loads(error.body)
    raise AssertionError("the call was let through")


def pages(page: list[Any], bookmark: Any) -> list[list[str]]:
    """The ids on a page of the high-level classes and on all that follow it."""
    ids = [[one.id for one in page]]
    while bookmark is not None:
        page, bookmark = bookmark.get_next()
        ids.append([one.id for one in page])
    return ids


default = PinterestSDKClient.create_default_client()
facts: dict[str, Any] = {"operations": operations()}

# Customer lists: one is made of records, grows by more and shrinks; the rule of an audience names it.
customers = CustomerList.create(ad_account_id=AD_ACCOUNT, name="Newsletter", records="ann@example.com")
customers.update_fields(operation_type="ADD", records="bob@example.com")
customers.add_record("cyd@example.com,dan@example.com")
customers.remove_record("ann@example.com")
RULES["CUSTOMER_LIST"]["customer_list_id"] = customers.id
second = CustomerList.create(ad_account_id=AD_ACCOUNT, name="Shop", records="eve@example.com")
facts["customer_list"] = {field: getattr(customers, field) for field in LIST_FIELDS}
facts["customer_list_ids"] = [customers.id, second.id]
facts["customer_lists"] = pages(*CustomerList.get_all(ad_account_id=AD_ACCOUNT, page_size=1))

# The high-level class: a create is followed by a read, an update by a read and a comparison. What an audience
# is like is there before it.
made: dict[str, Any] = {}
for kind, rule in RULES.items():
    if kind == "ACTALIKE":
        rule["seed_id"] = [made["VISITOR"].id]
    made[kind] = Audience.create(
        ad_account_id=AD_ACCOUNT, name=f"All {kind}", audience_type=kind, rule=dict(rule)
    )
listed = {"ad_account_id": AD_ACCOUNT, "page_size": 3}
facts |= {
    "rules": RULES,
    "made": {kind: held(audience) for kind, audience in made.items()},
    "rising": pages(*Audience.get_all(**listed, order="ASCENDING")),
    "falling": pages(*Audience.get_all(**listed, order="DESCENDING")),
}
changed = made["VISITOR"]
changed.update_fields(name="Buyers", description="The last 30 days")
changed.update_fields(rule=models.AudienceRule(visitor_source_id="2612523499807"))
facts["changed"] = held(Audience(ad_account_id=AD_ACCOUNT, audience_id=changed.id))

# An ad account, and what lies in it.
account = AdAccount(AD_ACCOUNT)
facts["account"] = {
    "id": account.id,
    "name": account.name,
    "owner": account.owner.to_dict(),
    "country": str(account.country),
    "currency": str(account.currency),
    "permissions": account.permissions,
    "audiences": pages(*account.list_audiences(page_size=250)),
    "customer_lists": pages(*account.list_customer_lists(page_size=250)),
}
facts["accounts"] = plain(AdAccountsApi(default).ad_accounts_list(page_size=25))
# What the client's own live tests begin with.
made_account = AdAccount.create(
    name="Quilts",
    owner_user_id="549755885100",
    country="DE",
)
facts["made_account"] = {
    "id": made_account.id,
    "name": made_account.name,
    "owner": made_account.owner.to_dict(),
    "country": str(made_account.country),
    "currency": str(made_account.currency),
}
facts["accounts_with_it"] = [
    one["id"] for one in plain(AdAccountsApi(default).ad_accounts_list(page_size=25))["items"]
]

# The generated calls beneath the high-level classes.
api = AudiencesApi(default)
custom = models.AudienceCreateCustomRequest(
    name="Quilters, from a partner",
    rule=models.AudienceRule(customer_list_id=customers.id),
    sharing_type=models.AudienceSharingType("SYNDICATED"),
    data_party=models.AudienceDataParty("3p"),
    category="DLX Demographics",
)
facts["custom"] = held(api.audiences_create_custom(AD_ACCOUNT, custom))

# Sharing: an ad account gives to an ad account and a business, the business gives to both kinds in turn.
sharing = AudienceSharingApi(default)
share, revoke = models.OperationType("SHARE"), models.OperationType("REVOKE")
shared = made["ENGAGEMENT"].id
to_recipient = {"audience_id": shared, "recipient_account_ids": [RECIPIENT]}
facts["shared"] = shared
facts["to_ad_account"] = plain(
    sharing.update_ad_account_to_ad_account_shared_audience(
        AD_ACCOUNT, models.SharedAudience(**to_recipient, operation_type=share)
    )
)
facts["received"] = plain(api.audiences_list(RECIPIENT, ownership_type="RECEIVED"))
facts["taken_back"] = plain(
    sharing.update_ad_account_to_ad_account_shared_audience(
        AD_ACCOUNT, models.SharedAudience(**to_recipient, operation_type=revoke)
    )
)
facts["to_business"] = plain(
    sharing.update_ad_account_to_business_shared_audience(
        AD_ACCOUNT,
        models.BusinessSharedAudience(
            audience_id=shared, recipient_business_ids=[BUSINESS], operation_type=share
        ),
    )
)
facts["business_to_ad_account"] = plain(
    sharing.update_business_to_ad_account_shared_audience(
        BUSINESS, models.SharedAudience(**to_recipient, operation_type=share)
    )
)
facts["business_to_business"] = plain(
    sharing.update_business_to_business_shared_audience(
        BUSINESS,
        models.BusinessSharedAudience(
            audience_id=shared, recipient_business_ids=[AGENCY], operation_type=share
        ),
    )
)
accounts_of, businesses_of = (models.AudienceAccountType(kind) for kind in ("AD_ACCOUNT", "BUSINESS_ACCOUNT"))
facts["holders_by_ad_account"] = plain(
    sharing.ad_accounts_audiences_shared_accounts_list(AD_ACCOUNT, shared, accounts_of)
)
facts["holders_by_business"] = plain(
    sharing.business_account_audiences_shared_accounts_list(BUSINESS, shared, businesses_of)
)
facts["received_by_business"] = plain(sharing.shared_audiences_for_business_list(BUSINESS))

# Who the people are, and how many an ad group may reach.
insights = AudienceInsightsApi(default)
facts["insights"] = plain(
    insights.audience_insights_get(AD_ACCOUNT, models.AudienceInsightType("YOUR_TOTAL_AUDIENCE"))
)
facts["scopes"] = plain(insights.audience_insights_scope_and_type_get(AD_ACCOUNT))
groups = AdGroupsApi(default)
for fact, targeted in {
    "wide": {"location": ["US"]},
    "narrow": {"location": ["US"], "gender": ["male"]},
}.items():
    sizing = models.AdGroupAudienceSizingRequest(targeting_spec=models.TargetingSpec(**targeted))
    facts[fact] = plain(groups.ad_groups_audience_sizing(AD_ACCOUNT, ad_group_audience_sizing_request=sizing))

# Tokens. `oauth_token` has no argument but the grant's type, so its request is never whole; the high-level
# client refreshes by a request of its own. The models of the answers are reached one layer beneath.
app = ApiClient(Configuration(host=PINTEREST_API_URI, username="1234567", password="secret"))
facts["token_without_code"] = rejection(OauthApi(app).oauth_token, "authorization_code")


def token(grant_type: str, **form: str) -> Any:
    return app.call_api(
        "/oauth/token",
        "POST",
        header_params={"Content-Type": "application/x-www-form-urlencoded"},
        post_params=[("grant_type", grant_type), *form.items()],
        response_type=(models.OauthAccessTokenResponse,),
        auth_settings=["basic"],
        _return_http_data_only=True,
        _check_type=True,
    )


given = token("authorization_code", code="code_mock.ads:read.1", redirect_uri="https://shop.example/back")
again = token("refresh_token", refresh_token=given.refresh_token)
facts["tokens"] = [plain(given), plain(again), plain(token("client_credentials", scope="ads:read"))]
facts["token_models"] = [type(given).__name__, type(again).__name__]
refreshed = PinterestSDKClient.create_client_with_refresh_token(again.refresh_token, "1234567", "secret")
facts["read_when_refreshed"] = held(AudiencesApi(refreshed).audiences_get(AD_ACCOUNT, shared))

# Rejections are the client's exceptions.
this = {"ad_account_id": AD_ACCOUNT, "audience_id": changed.id}
remove = models.AudienceUpdateRequest(operation_type=models.AudienceUpdateOperationType("REMOVE"))
facts["removed"] = held(api.audiences_update(**this, audience_update_request=remove))
facts["after_removal"] = rejection(api.audiences_get, **this)
too_wide = models.AudienceCreateRequest(
    name="Too wide",
    audience_type="ACTALIKE",
    rule=models.AudienceRule(**RULES["ACTALIKE"] | {"percentage": 11}),
)
facts["misfit"] = rejection(api.audiences_create, ad_account_id=AD_ACCOUNT, audience_create_request=too_wide)
stranger = AudiencesApi(PinterestSDKClient.create_client_with_token(""))
facts["stranger"] = rejection(stranger.audiences_list, ad_account_id=AD_ACCOUNT)

facts["called"] = sorted(called)
json.dump(facts, sys.stdout)
