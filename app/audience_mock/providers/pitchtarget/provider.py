"""PitchTarget's Audience API of 2014, over Facebook's custom audiences, as a provider."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audience_mock.core.audiences import queries
from audience_mock.core.store.rows import AudienceRow, CustomerListRow
from audience_mock.core.worlds.world import World
from audience_mock.providers.pitchtarget import (
    custom_audiences,
    errors,
    oauth,
    pixels,
    responses,
    security,
)
from audience_mock.providers.pitchtarget.api import NAME
from audience_mock.providers.pitchtarget.custom_audiences import serializers
from audience_mock.web.provider_app import Provider

if TYPE_CHECKING:
    from audience_mock.web.strict_evidence import Condition
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

if TYPE_CHECKING:
    from audience_mock.web.api_versions import ApiVersions
    from audience_mock.web.bridge import Bridge


def _preflight(request: MockRequest, allowed: set[str]) -> RawResponse:
    return responses.preflight_response(request)


def _show(world: World, row: AudienceRow | CustomerListRow) -> Mapping[str, Any]:
    assert isinstance(row, AudienceRow), "customer lists are Pinterest's"
    shown = {"custom_audiences/get": serializers.in_envelope(serializers.may_audience(row))}
    if row.facebook_id is None:
        return shown
    _, origin = world.read_now(queries.find_with_origin, api=NAME, id=row.facebook_id)
    now_ms = world.clock.now_ms()
    return shown | {"customaudiences/get": serializers.facebook_object(row, origin, now_ms)}


def _versions() -> "ApiVersions":
    # Only a comparison of versions needs them.
    from audience_mock.providers.pitchtarget.version_changes import VERSIONS  # noqa: PLC0415

    return VERSIONS


def _bridge() -> "Bridge":
    from audience_mock.providers.pitchtarget.bridge import BRIDGE  # noqa: PLC0415 - few ask for it

    return BRIDGE


def _guesses() -> "Mapping[str, Condition]":
    from audience_mock.providers.pitchtarget.guesses import GUESSES  # noqa: PLC0415 - few worlds ask for it

    return GUESSES


def provider() -> Provider:
    return Provider(
        name=NAME,
        title="PitchTarget Audience API, as Audience Mock serves it",
        version="2014-05-12",
        description="A mock server for tests. Not made by PitchTarget.",
        mounts=dict.fromkeys(
            (
                *("custom_audiences", "offsite_pixels", "oauth"),
                *("customaudiences", "lookalikeaudiences", "websitecustomaudiences", "remarketingpixel"),
                "offsitepixels",
            ),
            "",
        ),
        servers=({"url": "/"},),
        # The pixel's path comes before /custom_audiences/{id}.
        routers=(pixels.router, custom_audiences.router, oauth.router),
        error_response=errors.error_response,
        errors=errors.all_errors,
        response_evidence=responses.HEADER_EVIDENCE,
        guesses=_guesses,
        security_schemes=security.SECURITY_SCHEMES,
        default_security=[{name: []} for name in security.SECURITY_SCHEMES],
        preflight=_preflight,
        example=("/custom_audiences?fb_ad_account_id=2", "OAuth anything"),
        show=_show,
        varying_headers=("x-request-id", "x-runtime"),
        versions=_versions,
        bridge=_bridge,
        usage="/custom_audiences, with Authorization: OAuth <any token>",
        is_default=True,
    )
