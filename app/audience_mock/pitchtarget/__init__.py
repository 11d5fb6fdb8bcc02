"""PitchTarget's Audience API of 2014, over Facebook's custom audiences, as a dialect."""

from audience_mock.pitchtarget import (
    answers,
    auth,
    custom_audiences,
    custom_audiences_wire,
    errors,
    oauth,
    pixels,
)
from audience_mock.pitchtarget.custom_audiences import Options
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.dialects import Dialect

__all__ = ["Options", "dialect"]


def _preflight(call: Call, allowed: set[str]) -> Answer:
    """The fixed headers already say yes to any origin."""
    return answers.empty(call)


def dialect() -> Dialect:
    return Dialect(
        name="pitchtarget",
        title="PitchTarget Audience API, as Audience Mock serves it",
        version="2014-05-12",
        prefixes=(
            *("custom_audiences", "offsite_pixels", "oauth"),
            *("customaudiences", "lookalikeaudiences", "websitecustomaudiences", "remarketingpixel"),
        ),
        # The pixel's path comes before /custom_audiences/{id}.
        routers=(pixels.router, custom_audiences.router, oauth.router),
        refuse=errors.refuse,
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
