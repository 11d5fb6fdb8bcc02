"""Ad accounts as Pinterest writes them."""

from typing import Any

from pydantic_core import to_json

from audience_mock.core.audiences.accounts import Account
from audience_mock.providers.pinterest.ad_accounts.schemas import AD_ACCOUNT_EXAMPLE
from audience_mock.web.templates import JsonText


def ad_account(account: Account) -> bytes:
    return to_json(_as_dict(account))


def listed_ad_account(account: Account) -> JsonText:
    return ad_account(account).decode()


def _as_dict(account: Account) -> dict[str, Any]:
    """All have the owner and the country of the example (chosen)."""
    return AD_ACCOUNT_EXAMPLE | {
        "id": account.id,
        "name": f"Ad account {account.id}",
        "created_time": account.created_at_ms // 1000,
        "updated_time": account.updated_at_ms // 1000,
    }
