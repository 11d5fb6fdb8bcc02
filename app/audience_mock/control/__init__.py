"""What the mock says of itself: the first page, health, the descriptions it serves.

Not here yet: the test's hand on the world (reset, clock, faults, journal).
"""

from audience_mock.control.pages import control_app

__all__ = ["control_app"]
