"""Pinterest's REST API v5, the audience family, as a provider."""

from collections.abc import Sequence

from audience_mock.providers.pinterest import rate_limits, responses
from audience_mock.providers.pinterest.ad_accounts import routes as ad_accounts
from audience_mock.providers.pinterest.audiences import routes as audiences
from audience_mock.providers.pinterest.customer_list_uploads import parts
from audience_mock.providers.pinterest.customer_list_uploads import routes as customer_list_uploads
from audience_mock.providers.pinterest.customer_list_uploads.serializers import PARTS_PATH
from audience_mock.providers.pinterest.customer_lists import routes as customer_lists
from audience_mock.providers.pinterest.errors import CALLER_ERRORS, all_errors, error_response
from audience_mock.providers.pinterest.insights import routes as insights
from audience_mock.providers.pinterest.oauth import routes as oauth
from audience_mock.providers.pinterest.security import SECURITY_SCHEMES
from audience_mock.providers.pinterest.sharing import routes as sharing
from audience_mock.providers.pinterest.sizing import routes as sizing
from audience_mock.web.provider_app import Provider

LATEST_VERSION = "5.28.0"
"""The version of Pinterest's description that responses follow, unless a world emulates an earlier one."""


def provider(*, cors_origins: Sequence[str]) -> Provider:
    return Provider(
        name="pinterest",
        title="Pinterest REST API, the audience family, as Audience Mock serves it",
        version=LATEST_VERSION,
        description="A mock server for tests. Not made by Pinterest.",
        mounts={"v5": "/v5", "ad_accounts": "", "businesses": "", PARTS_PATH: ""},
        servers=({"url": "/v5"}, {"url": "/"}),
        routers=(
            audiences.router,
            sharing.router,
            insights.router,
            sizing.router,
            customer_lists.router,
            customer_list_uploads.router,
            parts.router,
            ad_accounts.router,
            oauth.router,
        ),
        error_response=error_response,
        errors=all_errors,
        response_evidence=responses.HEADER_EVIDENCE | rate_limits.HEADER_EVIDENCE,
        security_schemes=SECURITY_SCHEMES,
        caller_errors={"pinterest_oauth2": CALLER_ERRORS},
        cors_origins=cors_origins,
    )
