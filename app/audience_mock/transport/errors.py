"""Facts about a request as such. Each dialect's own errors module gives them a status and words."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Literal


class Refusal(Exception):
    """A request that cannot be served as it came."""


class NotAuthenticated(Refusal):
    """`Authorization` is missing or not of the form that the API asks for."""


class MissingScopes(Refusal):
    """Who calls is known and may not do this for want of `scopes`."""

    def __init__(self, scopes: Iterable[str]) -> None:
        super().__init__()
        self.scopes = list(scopes)


class NotPermitted(Refusal):
    """Who calls is known and may not do this there: it is another's."""


class LimitReached(Refusal):
    """Who calls has called too often."""


class PlannedError(Refusal):
    """A test wants this status here; `resets_in_s` is when a limit that is said to be reached is none any
    more, if it is known."""

    def __init__(self, status: int, resets_in_s: int | None = None) -> None:
        super().__init__(f"planned: {status}")
        self.status = status
        self.resets_in_s = resets_in_s


class NoRoute(Refusal):
    """No operation took the request; `near` are those that were near, as `GET /v5/ad_accounts`."""

    def __init__(self, near: Sequence[str] = ()) -> None:
        super().__init__()
        self.near = near

    @property
    def hint(self) -> str:
        """For the end of a line of the log, which is what a developer sees first."""
        return f" (near: {', '.join(self.near)})" if self.near else ""


class NoSuchRoute(NoRoute):
    """No operation has this path."""


class MethodNotAllowed(NoRoute):
    """The path has operations, but not with this method; `allowed` are those it has, sorted."""

    def __init__(self, allowed: Iterable[str], near: Sequence[str] = ()) -> None:
        super().__init__(near)
        self.allowed = sorted(allowed)


class BodyTooLarge(Refusal):
    """The body, or the field of it called `field`, has more than `limit_bytes`."""

    def __init__(self, limit_bytes: int, field: str | None = None) -> None:
        super().__init__(f"{field or 'body'} is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes
        self.field = field


class UnsupportedContentType(Refusal):
    """The operation reads `served`, and the body says that it is something else."""

    def __init__(self, given: str, *served: str) -> None:
        super().__init__(f"{given or 'no content type'} is not served, only {' and '.join(served)}")
        self.given = given
        self.served = served


class Malformed(Refusal):
    """The body does not have the syntax that its content type promises; the text says where."""


class InvalidInput(Refusal):
    """Values that the operation's models refuse: pydantic's error details, in the order of the model."""

    def __init__(self, place: Literal["path", "query", "body"], details: list[dict[str, Any]]) -> None:
        super().__init__(place)
        self.place = place
        self.details = details


def phrase(status: int) -> str:
    """What HTTP calls a status, or its number if it has no name."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)
