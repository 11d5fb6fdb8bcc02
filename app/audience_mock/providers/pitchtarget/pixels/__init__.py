"""Offsite pixels and the remarketing pixel."""

from audience_mock.providers.pitchtarget.pixels.routes import router

__all__ = ["router"]
