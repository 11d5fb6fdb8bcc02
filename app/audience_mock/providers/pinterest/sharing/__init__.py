"""Sharing of audiences between ad accounts and businesses."""

from audience_mock.providers.pinterest.sharing.routes import router

__all__ = ["router"]
