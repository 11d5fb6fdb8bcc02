"""What the core needs to know: the statuses that a test can set, and the ids that clients see."""

from audience_mock.core.apis import Api

API = Api(
    name="acme",
    audience_statuses=("INITIALIZING", "READY", "TOO_SMALL"),
    audience_sequence="acme_audience",
    sequences={"acme_audience": 7000},
)
