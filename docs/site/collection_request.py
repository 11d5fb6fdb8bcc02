"""A request of a collection, in no client's terms. `{{name}}` in its texts is a variable."""

import enum
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Auth(enum.Enum):
    """How a request says who sends it."""

    API = enum.auto()
    """With the token of its API."""
    BASIC = enum.auto()
    """With the id and the secret of an app."""
    NONE = enum.auto()


class Parameter(NamedTuple):
    """A parameter of the query. Those that are not sent show what an operation takes."""

    name: str
    value: str
    description: str | None
    is_sent: bool


class Request(NamedTuple):
    """`operation` is the id of its operation, if it is one's. The body is that of its media type: fields, or
    text. `filled` has the variables that its answer fills, and where they stand in it, as `ids[0]`."""

    operation: str | None
    name: str
    description: str | None
    method: str
    url: str
    query: Sequence[Parameter]
    auth: Auth
    media_type: str | None
    body: Mapping[str, Any] | str | None
    filled: Mapping[str, str]


class Folder(NamedTuple):
    name: str
    requests: Sequence[Request]


class Api(NamedTuple):
    """A description, and how its callers say who they are: by `scheme` and the variable `token`."""

    name: str
    title: str
    base_path: str
    scheme: str
    token: str


APIS = (
    Api("pinterest", "Pinterest REST API v5", "/v5", "Bearer", "pinterest_token"),
    Api("pitchtarget", "PitchTarget Audience API", "", "OAuth", "pitchtarget_token"),
    Api("control", "Control API", "", "Bearer", "admin_token"),
)
