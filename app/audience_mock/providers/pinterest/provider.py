"""Pinterest's REST API v5, the audience family, as a provider."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from audience_mock.core.store.rows import AudienceRow, CustomerListRow
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest import (
    ad_accounts,
    audiences,
    customer_list_uploads,
    customer_lists,
    customer_segments,
    errors,
    insights,
    oauth,
    rate_limits,
    responses,
    security,
    sharing,
    sizing,
)
from audience_mock.providers.pinterest.api import NAME
from audience_mock.providers.pinterest.audiences.serializers import audience_in
from audience_mock.providers.pinterest.customer_list_uploads.serializers import PARTS_PATH
from audience_mock.providers.pinterest.customer_lists.serializers import customer_list_in
from audience_mock.providers.pinterest.security import is_self_describing
from audience_mock.web.provider_app import Provider

if TYPE_CHECKING:
    from audience_mock.web.api_versions import ApiVersions
    from audience_mock.web.bridge import Bridge
    from audience_mock.web.strict_evidence import Condition

LATEST_VERSION = "5.28.0"
"""The version of Pinterest's description that responses follow, unless a world emulates an earlier one."""


def _show(world: World, row: AudienceRow | CustomerListRow) -> Mapping[str, Any]:
    if isinstance(row, AudienceRow):
        return {"audiences/get": from_json(audience_in(world, row))}
    return {"customer_lists/get": from_json(customer_list_in(world, row))}


def _versions() -> "ApiVersions":
    # Only a comparison of versions needs them.
    from audience_mock.providers.pinterest.version_changes import VERSIONS  # noqa: PLC0415

    return VERSIONS


def _bridge() -> "Bridge":
    from audience_mock.providers.pinterest.bridge import BRIDGE  # noqa: PLC0415 - few ask for it

    return BRIDGE


def _guesses() -> "Mapping[str, Condition]":
    from audience_mock.providers.pinterest.guesses import GUESSES  # noqa: PLC0415 - few worlds ask for it

    return GUESSES


def provider() -> Provider:
    return Provider(
        name=NAME,
        is_public_token=is_self_describing,
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
            customer_list_uploads.part_router,
            customer_segments.router,
            ad_accounts.router,
            oauth.router,
        ),
        error_response=errors.error_response,
        errors=errors.all_errors,
        response_evidence=responses.HEADER_EVIDENCE | rate_limits.HEADER_EVIDENCE,
        guesses=_guesses,
        security_schemes=security.SECURITY_SCHEMES,
        caller_errors={"pinterest_oauth2": errors.CALLER_ERRORS},
        usage="/v5/ad_accounts/{ad_account_id}/audiences, with Authorization: Bearer <any token>",
        # pinterest-api-sdk, Pinterest's own client for Python, reads its base URL from there.
        example=("/v5/ad_accounts/549755885175/audiences", "Bearer pina_anything"),
        show=_show,
        varying_headers=("x-pinterest-rid", "x-pinterest-rid-128bit", "x-envoy-upstream-service-time"),
        versions=_versions,
        bridge=_bridge,
        client_variables=("PINTEREST_API_URI",),
    )
