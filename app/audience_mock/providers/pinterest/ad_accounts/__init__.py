"""/ad_accounts."""

from audience_mock.providers.pinterest.ad_accounts.routes import router

__all__ = ["router"]
