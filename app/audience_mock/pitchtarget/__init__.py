"""PitchTarget's Audience API of 2014, over Facebook's custom audiences, as a dialect."""

from audience_mock.pitchtarget import answers, auth, custom_audiences, errors
from audience_mock.transport.answers import Answer
from audience_mock.transport.calls import Call
from audience_mock.transport.dialects import Dialect


def _preflight(call: Call, allowed: set[str]) -> Answer:
    """The fixed headers already say yes to any origin."""
    return answers.empty(call)


def dialect() -> Dialect:
    return Dialect(
        name="pitchtarget",
        title="PitchTarget Audience API, as Audience Mock serves it",
        version="2014-05-12",
        prefixes=("custom_audiences",),
        routers=(custom_audiences.router,),
        refuse=errors.refuse,
        options=None,
        about="A double for tests. Not made by PitchTarget.",
        servers=({"url": "/"},),
        security=auth.SECURITY,
        preflight=_preflight,
    )
