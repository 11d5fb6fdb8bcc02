"""The control API: what a test calls to control the mock, under /__admin; and the server's own pages.

All but the pages is imported when the control API is first called: most servers start more often than they
are controlled.
"""

from audience_mock.control.access import Access
from audience_mock.control.admin_tokens import AdminTokens, read_tokens
from audience_mock.control.pages import LIVE, READY, PageRoute, Pages

__all__ = ["LIVE", "READY", "Access", "AdminTokens", "PageRoute", "Pages", "read_tokens"]
