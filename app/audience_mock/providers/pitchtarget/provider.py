"""PitchTarget's Audience API of 2014, over Facebook's custom audiences, as a provider."""

from audience_mock.providers.pitchtarget import errors
from audience_mock.providers.pitchtarget import responses as answers
from audience_mock.providers.pitchtarget import security as auth
from audience_mock.providers.pitchtarget.custom_audiences import routes as custom_audiences
from audience_mock.providers.pitchtarget.custom_audiences import schemas as custom_audiences_wire
from audience_mock.providers.pitchtarget.custom_audiences.routes import Options
from audience_mock.providers.pitchtarget.oauth import routes as oauth
from audience_mock.providers.pitchtarget.pixels import routes as pixels
from audience_mock.web.openapi import attach_facts
from audience_mock.web.provider_app import Provider
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

__all__ = ["Options", "provider"]


def _preflight(request: MockRequest, allowed: set[str]) -> RawResponse:
    """The fixed headers already say yes to any origin."""
    return answers.empty(request)


def provider() -> Provider:
    # The pixel's path comes before /custom_audiences/{id}.
    routers = (pixels.router, custom_audiences.router, oauth.router)
    attach_facts(
        routers,
        bodies={**custom_audiences.BODIES, **pixels.BODIES},
        examples={**custom_audiences_wire.EXAMPLES, **pixels.EXAMPLES, **oauth.EXAMPLES},
        links={**custom_audiences.LINKS, **pixels.LINKS},
    )
    return Provider(
        name="pitchtarget",
        title="PitchTarget Audience API, as Audience Mock serves it",
        version="2014-05-12",
        description="A mock server for tests. Not made by PitchTarget.",
        mounts=dict.fromkeys(
            (
                *("custom_audiences", "offsite_pixels", "oauth"),
                *("customaudiences", "lookalikeaudiences", "websitecustomaudiences", "remarketingpixel"),
            ),
            "",
        ),
        servers=({"url": "/"},),
        routers=routers,
        error_response=errors.error_response,
        errors=errors.all_words,
        response_evidence=answers.EVIDENCE,
        security_schemes=auth.SECURITY,
        default_security=[{name: []} for name in auth.SECURITY],
        preflight=_preflight,
    )
