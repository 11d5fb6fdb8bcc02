"""/oauth/token and its revocation."""

from audience_mock.providers.pinterest.oauth.routes import router

__all__ = ["router"]
