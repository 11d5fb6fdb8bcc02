"""/ad_accounts/{ad_account_id}/audiences."""

from audience_mock.providers.pinterest.audiences.routes import router

__all__ = ["router"]
