"""The control API: what a test calls to control the mock, under /__admin, and the server's own pages.

All but the pages is imported when somebody first calls it: a test double is started more often than it is
controlled.
"""

from audience_mock.control.access import Access
from audience_mock.control.pages import Pages

__all__ = ["Access", "Pages"]
