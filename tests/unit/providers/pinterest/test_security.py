"""What a route's `security` comes to."""

import pytest

from audience_mock.providers.pinterest.security import (
    ADS_READ,
    ADS_READ_AS_USER,
    APP_SECRET,
    BUSINESS_WRITE,
    TokenRequirement,
)
from audience_mock.web.openapi import Security


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        (ADS_READ, TokenRequirement("ads:read", accepts_app_tokens=True)),
        (ADS_READ_AS_USER, TokenRequirement("ads:read")),
        (BUSINESS_WRITE, TokenRequirement("biz_access:write")),
        (APP_SECRET, TokenRequirement()),
        (None, TokenRequirement()),
    ],
)
def test_a_route_enforces_what_it_describes(security: Security | None, expected: TokenRequirement) -> None:
    """The scope, and whether an app's own token will do, are read from the described requirement."""
    assert TokenRequirement.from_security(security) == expected
