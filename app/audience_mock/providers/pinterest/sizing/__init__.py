"""Audience sizing of ad groups."""

from audience_mock.providers.pinterest.sizing.routes import router

__all__ = ["router"]
