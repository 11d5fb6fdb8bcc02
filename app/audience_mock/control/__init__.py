"""The test's hand on the mock: its pages, and /__admin, described as any other API.

All but the first page and health is imported when somebody first asks for it: a test double is started more
often than it is steered.
"""

from audience_mock.control.access import Access
from audience_mock.control.pages import PREFIXES, pages_app

__all__ = ["PREFIXES", "Access", "pages_app"]
