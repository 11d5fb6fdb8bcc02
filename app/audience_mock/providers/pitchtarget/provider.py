"""PitchTarget's Audience API of 2014, over Facebook's custom audiences, as a provider."""

from audience_mock.providers.pitchtarget import (
    custom_audiences,
    errors,
    oauth,
    pixels,
    responses,
    security,
)
from audience_mock.providers.pitchtarget.api import NAME
from audience_mock.web.provider_app import Provider
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse


def _preflight(request: MockRequest, allowed: set[str]) -> RawResponse:
    return responses.preflight_response(request)


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
        security_schemes=security.SECURITY_SCHEMES,
        default_security=[{name: []} for name in security.SECURITY_SCHEMES],
        preflight=_preflight,
        usage="/custom_audiences, with Authorization: OAuth <any token>",
        is_default=True,
    )
