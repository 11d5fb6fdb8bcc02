"""/ad_accounts/{ad_account_id}/customer_lists."""

from audience_mock.providers.pinterest.customer_lists.routes import router

__all__ = ["router"]
