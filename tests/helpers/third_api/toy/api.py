"""What the core needs to know of it."""

from audience_mock.core.apis import Api

NAME = "toy"

API = Api(
    name=NAME,
    audience_statuses=("INITIALIZING", "READY", "TOO_SMALL"),
    audience_sequence="toy_audience",
    sequences={"toy_audience": 7000},
)
