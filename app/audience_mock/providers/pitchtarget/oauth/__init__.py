"""/oauth/authorize."""

from audience_mock.providers.pitchtarget.oauth.routes import router

__all__ = ["router"]
