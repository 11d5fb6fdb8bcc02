"""What collections of requests take from no description: where ids come from, and the order of requests."""

from collections.abc import Mapping
from typing import Any

from collection_request import Auth, Request

VARIABLES = {
    "base_url": "http://127.0.0.1:8000",
    "world": "default",
    "admin_token": "",
    "pinterest_token": "pina_anything",
    "pitchtarget_token": "anything",
    "app_id": "1234567",
    "app_secret": "secret",
    "ad_account_id": "549755885175",
    "recipient_account_id": "549755885176",
    "business_id": "729090764583391194",
    "recipient_business_id": "729090764583391195",
    "audience_id": "",
    "customer_list_id": "",
    "customer_list_upload_id": "",
    "part_url": "",
    "customer_segment_id": "",
    "issued_token": "",
    "fb_ad_account_id": "2",
    "custom_audience_id": "",
    "facebook_id": "6006164557194",
    "offsite_pixel_id": "",
    "new_world": "checkout-test",
    "snapshot": "signed-in",
    "fault": "",
    "journal_number": "",
}
"""Those without a value are filled by answers."""


PATH_VARIABLES = {
    ("pitchtarget", "custom_audiences"): {"id": "custom_audience_id"},
    ("pitchtarget", "customaudiences"): {"id": "facebook_id"},
    ("pitchtarget", "offsite_pixels"): {"id": "offsite_pixel_id"},
    ("pitchtarget", "offsitepixels"): {"id": "offsite_pixel_id"},
    ("control", "audience"): {"id": "audience_id"},
    ("control", "customer_list"): {"id": "customer_list_id"},
    ("control", "worlds"): {"world": "new_world", "other": "world"},
    ("control", "journal"): {"number": "journal_number"},
}
"""The variable that a path parameter takes, if it is not of its name: by API, and the first part of the id of
the operation."""

QUERY = {
    "audience_id": "{{audience_id}}",
    "account_type": "AD_ACCOUNT",
    "audience_insight_type": "YOUR_TOTAL_AUDIENCE",
    "fb_ad_account_id": "{{fb_ad_account_id}}",
    "match": "{{new_world}}*",
    "for_s": "0",
}
"""Values of parameters that are sent: those that are required, and what ends the stream of events. All others
are in the collection and switched off."""

FIELDS: Mapping[str, Any] = {
    "audience_id": "{{audience_id}}",
    "audience_ids": ["{{audience_id}}"],
    "customer_list_id": "{{customer_list_id}}",
    "recipient_account_ids": ["{{recipient_account_id}}"],
    "recipient_business_ids": ["{{recipient_business_id}}"],
    "fb_ad_account_id": "{{fb_ad_account_id}}",
    "origin_audience_id": "{{facebook_id}}",
}
"""Fields that take other values than an example has, wherever they stand in it."""

OWN_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "customer_list_uploads/create": {"total_parts": 1},
    "customer_segment/update": {"id": "{{customer_segment_id}}"},
    "token/revoke": {"token": "{{issued_token}}"},
    # Unique in an ad account.
    "offsite_pixels/create": {"name": "Orders {{$guid}}"},
    "offsitepixels/create": {"name": "Orders {{$guid}}"},
}
"""The same for one operation, at the top of its body."""

FILLED = {
    "audiences/create": {"audience_id": "id"},
    "customer_lists/create": {"customer_list_id": "id"},
    "customer_list_uploads/create": {
        "customer_list_upload_id": "customer_list_upload.id",
        "part_url": "s3_multipart_upload_data.file_parts[0].presigned_url",
    },
    "customer_segment/create": {"customer_segment_id": "id"},
    "oauth/token": {"issued_token": "access_token"},
    "offsite_pixels/create": {"offsite_pixel_id": "id.id"},
    "custom_audiences/create: file": {"custom_audience_id": "fb_custom_audience.id"},
    "custom_audiences/create: website": {"facebook_id": "id"},
    "faults/add": {"fault": "ids[0]"},
    "journal/get": {"journal_number": "entries[0].number"},
}
"""Variables that an answer fills, and where they stand in it: by operation, and the label of its body if it
has several."""

SEND_PART = Request(
    operation=None,
    name="Send the part to its URL",
    description=None,
    method="PUT",
    url="{{part_url}}",
    query=(),
    auth=Auth.NONE,
    media_type="text/plain",
    body="ann@example.com\n",
    filled={},
)
AFTER = {"customer_list_uploads/create": SEND_PART}
"""What belongs between two operations and is none."""

TAGS = {"customer_lists": -1, "customer_list_uploads": -1, "state": 1}
"""Folders that come before the others of their API, because those take their ids, or after them."""
FIRST = ("worlds/put", "snapshots/put", "faults/add", "custom_audiences/create")
LAST = ("delete", "clear", "empty", "reset", "restart", "revoke", "delete_matching")
"""Operations that a folder begins with, because they make what others take, and those that it ends with, by
the last part of the id."""
