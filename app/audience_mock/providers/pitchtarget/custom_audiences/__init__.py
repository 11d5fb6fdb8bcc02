"""Custom audiences, and their paths of 2014-04."""

from audience_mock.providers.pitchtarget.custom_audiences.routes import router

__all__ = ["router"]
