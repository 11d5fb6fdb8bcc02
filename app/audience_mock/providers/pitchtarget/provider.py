"""PitchTarget's Audience API of 2014, over Facebook's custom audiences, as a provider."""

from audience_mock.providers.pitchtarget import errors
from audience_mock.providers.pitchtarget import responses as answers
from audience_mock.providers.pitchtarget import security as auth
from audience_mock.providers.pitchtarget.custom_audiences import routes as custom_audiences
from audience_mock.providers.pitchtarget.custom_audiences import schemas as custom_audiences_wire
from audience_mock.providers.pitchtarget.custom_audiences.routes import Options
from audience_mock.providers.pitchtarget.oauth import routes as oauth
from audience_mock.providers.pitchtarget.pixels import routes as pixels
from audience_mock.web.provider_app import Provider
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse

__all__ = ["Options", "provider"]


def _preflight(request: MockRequest, allowed: set[str]) -> RawResponse:
    """The fixed headers already say yes to any origin."""
    return answers.empty(request)


def provider() -> Provider:
    return Provider(
        name="pitchtarget",
        title="PitchTarget Audience API, as Audience Mock serves it",
        version="2014-05-12",
        prefixes=(
            *("custom_audiences", "offsite_pixels", "oauth"),
            *("customaudiences", "lookalikeaudiences", "websitecustomaudiences", "remarketingpixel"),
        ),
        # The pixel's path comes before /custom_audiences/{id}.
        routers=(pixels.router, custom_audiences.router, oauth.router),
        error_response=errors.error_response,
        words=errors.all_words,
        evidence=answers.EVIDENCE,
        about="A double for tests. Not made by PitchTarget.",
        servers=({"url": "/"},),
        security=auth.SECURITY,
        bodies={**custom_audiences.BODIES, **pixels.BODIES},
        examples={**custom_audiences_wire.EXAMPLES, **pixels.EXAMPLES, **oauth.EXAMPLES},
        links={**custom_audiences.LINKS, **pixels.LINKS},
        preflight=_preflight,
    )
