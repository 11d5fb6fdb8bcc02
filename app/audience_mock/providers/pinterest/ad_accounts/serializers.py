"""Ad accounts as Pinterest writes them."""

from typing import Any

from pydantic_core import to_json

from audience_mock.core.audiences.accounts import Account
from audience_mock.providers.pinterest.api_versions import is_before_5_28
from audience_mock.web.request import MockRequest
from audience_mock.web.templates import JsonText


def ad_account(request: MockRequest, account: Account) -> bytes:
    return to_json(_as_dict(request, account))


def created_ad_account(request: MockRequest, account: Account) -> bytes:
    """Without permissions (recorded); that reads have them is chosen."""
    return to_json(_as_dict(request, account) | {"permissions": []})


def listed_ad_account(request: MockRequest, account: Account) -> JsonText:
    return ad_account(request, account).decode()


def _as_dict(request: MockRequest, account: Account) -> dict[str, Any]:
    shown = {
        "id": account.id,
        "name": account.name,
        "owner": {"username": account.owner_username, "id": account.owner_id},
        "country": account.country,
        "currency": account.currency,
        "permissions": account.permissions,
        "created_time": account.created_at_ms // 1000,
        "updated_time": account.updated_at_ms // 1000,
    }
    if account.time_zone is not None and not is_before_5_28(request.options):
        shown["time_zone"] = account.time_zone
    return shown
