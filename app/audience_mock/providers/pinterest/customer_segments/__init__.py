"""/ad_accounts/{ad_account_id}/customer_segments."""

from audience_mock.providers.pinterest.customer_segments.routes import router

__all__ = ["router"]
