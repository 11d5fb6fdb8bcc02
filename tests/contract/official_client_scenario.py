"""A life of audiences through `pinterest-api-sdk`: prints what its models held, as one JSON object.

Run by test_official_client.py with the ad account as its argument. Host and token come from PINTEREST_API_URI
and PINTEREST_ACCESS_TOKEN, which the client reads when it is imported.
"""

import json
import sys
from typing import Any

from openapi_generated.pinterest_client import models  # type: ignore[import-not-found]
from openapi_generated.pinterest_client.api import audiences_api  # type: ignore[import-not-found]
from openapi_generated.pinterest_client.exceptions import ApiException  # type: ignore[import-not-found]
from pinterest.ads.audiences import Audience  # type: ignore[import-not-found]
from pinterest.ads.customer_lists import CustomerList  # type: ignore[import-not-found]
from pinterest.client import PinterestSDKClient  # type: ignore[import-not-found]

AD_ACCOUNT = sys.argv[1]
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


def held(audience: Any) -> dict[str, Any]:
    return {field: getattr(audience, field) for field in FIELDS} | {"rule": audience.rule.to_dict()}


def refusal(operation: Any, **arguments: Any) -> tuple[str, int, Any]:
    try:
        operation(**arguments)
    except ApiException as error:
        return type(error).__name__, error.status, json.loads(error.body)
    raise AssertionError("the call was let through")


def pages(order: str) -> list[list[str]]:
    page, bookmark = Audience.get_all(ad_account_id=AD_ACCOUNT, page_size=3, order=order)
    ids = [[audience.id for audience in page]]
    while bookmark is not None:
        page, bookmark = bookmark.get_next()
        ids.append([audience.id for audience in page])
    return ids


# A list is made of records and grows by more; the rule of an audience names it.
customers = CustomerList.create(ad_account_id=AD_ACCOUNT, name="Newsletter", records="ann@example.com")
customers.update_fields(operation_type="ADD", records="bob@example.com")
LIST_FIELDS = (
    "name",
    "num_batches",
    "num_uploaded_user_records",
    "num_removed_user_records",
    "status",
    "type",
)
RULES["CUSTOMER_LIST"]["customer_list_id"] = customers.id

# The high-level class: a create is followed by a read, an update by a read and a comparison. What an audience
# is like is there before it.
made: dict[str, Any] = {}
for kind, rule in RULES.items():
    if kind == "ACTALIKE":
        rule["seed_id"] = [made["VISITOR"].id]
    made[kind] = Audience.create(
        ad_account_id=AD_ACCOUNT, name=f"All {kind}", audience_type=kind, rule=dict(rule)
    )
lists, _ = CustomerList.get_all(ad_account_id=AD_ACCOUNT)
facts: dict[str, Any] = {
    "customer_list": {field: getattr(customers, field) for field in LIST_FIELDS},
    "customer_lists": [one.id for one in lists] == [customers.id],
    "rules": RULES,
    "made": {kind: held(audience) for kind, audience in made.items()},
    "rising": pages("ASCENDING"),
    "falling": pages("DESCENDING"),
}
changed = made["VISITOR"]
changed.update_fields(name="Buyers", description="The last 30 days")
changed.update_fields(rule=models.AudienceRule(visitor_source_id="2612523499807"))
facts["changed"] = held(Audience(ad_account_id=AD_ACCOUNT, audience_id=changed.id))

# The generated calls beneath it.
api = audiences_api.AudiencesApi(PinterestSDKClient.create_default_client())
custom = models.AudienceCreateCustomRequest(
    name="Quilters, from a partner",
    rule=models.AudienceRule(customer_list_id=customers.id),
    sharing_type=models.AudienceSharingType("SYNDICATED"),
    data_party=models.AudienceDataParty("3p"),
    category="DLX Demographics",
)
facts["custom"] = held(api.audiences_create_custom(AD_ACCOUNT, custom))
this = {"ad_account_id": AD_ACCOUNT, "audience_id": changed.id}
remove = models.AudienceUpdateRequest(operation_type=models.AudienceUpdateOperationType("REMOVE"))
facts["removed"] = held(api.audiences_update(**this, audience_update_request=remove))
facts["after_removal"] = refusal(api.audiences_get, **this)
too_wide = models.AudienceCreateRequest(
    name="Too wide",
    audience_type="ACTALIKE",
    rule=models.AudienceRule(**RULES["ACTALIKE"] | {"percentage": 11}),
)
facts["misfit"] = refusal(api.audiences_create, ad_account_id=AD_ACCOUNT, audience_create_request=too_wide)
stranger = audiences_api.AudiencesApi(PinterestSDKClient.create_client_with_token(""))
facts["stranger"] = refusal(stranger.audiences_list, ad_account_id=AD_ACCOUNT)

json.dump(facts, sys.stdout)
