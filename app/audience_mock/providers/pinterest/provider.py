"""Pinterest's REST API v5, the audience family, as a provider."""

from collections.abc import Sequence
from dataclasses import dataclass

from audience_mock.providers.pinterest import errors
from audience_mock.providers.pinterest import rate_limits as limits
from audience_mock.providers.pinterest import responses as headers
from audience_mock.providers.pinterest import security as auth
from audience_mock.providers.pinterest.ad_accounts import routes as ad_accounts
from audience_mock.providers.pinterest.api_versions import Contract, Validation
from audience_mock.providers.pinterest.audiences import routes as audiences
from audience_mock.providers.pinterest.customer_list_uploads import routes as customer_list_uploads
from audience_mock.providers.pinterest.customer_lists import routes as customer_lists
from audience_mock.providers.pinterest.insights import routes as insights
from audience_mock.providers.pinterest.oauth import routes as oauth
from audience_mock.providers.pinterest.rate_limits import RateLimits
from audience_mock.providers.pinterest.security import AuthMode
from audience_mock.providers.pinterest.sharing import routes as sharing
from audience_mock.providers.pinterest.sizing import routes as sizing
from audience_mock.web.openapi import attach_facts
from audience_mock.web.provider_app import Provider

DESCRIBED_RELEASE = "5.28.0"
"""The release of Pinterest's description that answers follow, unless a contract is set."""


@dataclass(frozen=True, kw_only=True)
class Options:
    create_status: int = 201
    auth_mode: AuthMode = "lenient"
    rate_limits: RateLimits = "count"
    contract: Contract = None
    validation: Validation = "documented"


def provider(*, cors_origins: Sequence[str]) -> Provider:
    routers = (
        *(audiences.router, sharing.router, insights.router, sizing.router),
        *(customer_lists.router, customer_list_uploads.router, customer_list_uploads.part_router),
        *(ad_accounts.router, oauth.router),
    )
    attach_facts(
        routers,
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
        security={name: demand.security for name, demand in auth.DEMANDS.items()},
    )
    return Provider(
        name="pinterest",
        title="Pinterest REST API, the audience family, as Audience Mock serves it",
        version=DESCRIBED_RELEASE,
        description="A mock server for tests. Not made by Pinterest.",
        mounts={"v5": "/v5", "ad_accounts": "", "businesses": "", customer_list_uploads.PARTS: ""},
        servers=({"url": "/v5"}, {"url": "/"}),
        routers=routers,
        error_response=errors.error_response,
        errors=errors.all_words,
        response_evidence=headers.EVIDENCE | limits.EVIDENCE,
        security_schemes=auth.SECURITY,
        caller_errors={"pinterest_oauth2": errors.CALLER_ERRORS},
        cors_origins=cors_origins,
    )
