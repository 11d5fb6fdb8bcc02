"""Audience insights."""

from audience_mock.providers.pinterest.insights.routes import router

__all__ = ["router"]
