"""Pinterest's REST API v5, the audience family, as a dialect."""

from collections.abc import Sequence
from dataclasses import dataclass

from audience_mock.pinterest import (
    ad_accounts,
    audiences,
    auth,
    customer_list_uploads,
    customer_lists,
    errors,
    headers,
    insights,
    limits,
    oauth,
    sharing,
    sizing,
)
from audience_mock.pinterest.auth import AuthMode
from audience_mock.pinterest.contract import Contract, Validation
from audience_mock.pinterest.limits import RateLimits
from audience_mock.transport.dialects import Dialect

DESCRIBED_RELEASE = "5.28.0"
"""The release of Pinterest's description that answers follow, unless a contract is set."""


@dataclass(frozen=True, kw_only=True)
class Options:
    create_status: int = 201
    auth_mode: AuthMode = "lenient"
    rate_limits: RateLimits = "count"
    contract: Contract = None
    validation: Validation = "documented"


def dialect(*, cors_origins: Sequence[str]) -> Dialect:
    return Dialect(
        name="pinterest",
        title="Pinterest REST API, the audience family, as Audience Mock serves it",
        version=DESCRIBED_RELEASE,
        prefixes=("v5", "ad_accounts", "businesses", customer_list_uploads.PARTS),
        routers=(
            *(audiences.router, sharing.router, insights.router, sizing.router),
            *(customer_lists.router, customer_list_uploads.router, customer_list_uploads.part_router),
            *(ad_accounts.router, oauth.router),
        ),
        refuse=errors.refuse,
        words=errors.all_words,
        evidence=headers.EVIDENCE | limits.EVIDENCE,
        about="A double for tests. Not made by Pinterest.",
        servers=({"url": "/v5"}, {"url": "/"}),
        security=auth.SECURITY,
        security_of={name: demand.security for name, demand in auth.DEMANDS.items()},
        caller_errors=errors.CALLER_ERRORS,
        bodies=oauth.BODIES,
        examples={
            **audiences.EXAMPLES,
            **customer_lists.EXAMPLES,
            **customer_list_uploads.EXAMPLES,
            **sharing.EXAMPLES,
            **insights.EXAMPLES,
            **sizing.EXAMPLES,
            **ad_accounts.EXAMPLES,
            **oauth.EXAMPLES,
        },
        links={
            **audiences.LINKS,
            **customer_lists.LINKS,
            **customer_list_uploads.LINKS,
            **sharing.LINKS,
            **insights.LINKS,
            **ad_accounts.LINKS,
            **oauth.LINKS,
        },
        cors_origins=cors_origins,
    )
