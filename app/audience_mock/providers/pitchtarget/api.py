"""What the core needs to know of PitchTarget's API."""

from audience_mock.core.apis import Api

NAME = "pitchtarget"

API = Api(
    name=NAME,
    # Those that Facebook's object can show: `updating`, `ready`, `too_small`.
    audience_statuses=("INITIALIZING", "READY", "TOO_SMALL"),
    audience_sequence="pitchtarget_audience",
    # From the published exchanges: the first upload is 54, the first Facebook id 6006183285954.
    sequences={"pitchtarget_audience": 54, "facebook": 6006183285954},
)
