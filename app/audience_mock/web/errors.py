"""Facts about a request as such. Each provider's own errors module gives them a status and words."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel


class RequestError(Exception):
    """A request that cannot be served as it came."""


class NotAuthenticatedError(RequestError):
    """`Authorization` is missing or not of the form that the API asks for."""


class MissingScopesError(RequestError):
    """Who calls is known and may not do this for want of `scopes`."""

    def __init__(self, scopes: Iterable[str]) -> None:
        super().__init__()
        self.scopes = list(scopes)


class NotPermittedError(RequestError):
    """Who calls is known and may not do this there: it is another's."""


class RateLimitError(RequestError):
    """Who calls has called too often."""


class InjectedError(RequestError):
    """A test wants this status here; `resets_in_s` is when a limit that is said to be reached is none any
    more, if it is known."""

    def __init__(self, status: int, resets_in_s: int | None = None) -> None:
        super().__init__(f"planned: {status}")
        self.status = status
        self.resets_in_s = resets_in_s


class NoRouteError(RequestError):
    """No operation took the request; `suggestions` are those that may have been meant, as `GET
    /v5/ad_accounts`."""

    def __init__(self, suggestions: Sequence[str] = ()) -> None:
        super().__init__()
        self.suggestions = suggestions

    @property
    def hint(self) -> str:
        """For the end of a line of the log, which is what a developer sees first."""
        return f" (did you mean: {', '.join(self.suggestions)})" if self.suggestions else ""


class RouteNotFoundError(NoRouteError):
    """No operation has this path."""


class MethodNotAllowedError(NoRouteError):
    """The path has operations, but not with this method; `allowed` are those it has, sorted."""

    def __init__(self, allowed: Iterable[str], suggestions: Sequence[str] = ()) -> None:
        super().__init__(suggestions)
        self.allowed = sorted(allowed)


class BodyTooLargeError(RequestError):
    """The body, or the field of it called `field`, has more than `limit_bytes`."""

    def __init__(self, limit_bytes: int, field: str | None = None) -> None:
        super().__init__(f"{field or 'body'} is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes
        self.field = field


class UnsupportedContentTypeError(RequestError):
    """The operation reads `served`, and the body says that it is something else."""

    def __init__(self, given: str, *served: str) -> None:
        super().__init__(f"{given or 'no content type'} is not served, only {' and '.join(served)}")
        self.given = given
        self.served = served


class MalformedBodyError(RequestError):
    """The body does not have the syntax that its content type promises; the text says where."""


class InvalidInputError(RequestError):
    """Values that the operation's models reject: pydantic's error details, in the order of the model, and the
    model if one was read."""

    def __init__(
        self,
        place: Literal["path", "query", "body"],
        details: list[dict[str, Any]],
        model: type[BaseModel] | None = None,
    ) -> None:
        super().__init__(place)
        self.place = place
        self.details = details
        self.model = model


def phrase(status: int) -> str:
    """What HTTP calls a status, or its number if it has no name."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)
