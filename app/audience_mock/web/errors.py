"""Errors of a request as such. Each provider's errors module gives them a status and a message."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel


class RequestError(Exception):
    """A request that cannot be served as it was sent."""


class NotAuthenticatedError(RequestError):
    """The caller is not known by what it sent: `reason` says why, for the log and the journal. Responses do
    not say it."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "")
        self.reason = reason


class MissingScopesError(RequestError):
    """The caller is known, but lacks `scopes`."""

    def __init__(self, scopes: Iterable[str]) -> None:
        super().__init__()
        self.scopes = list(scopes)


class NotPermittedError(RequestError):
    """The caller is known, but what the request is about belongs to another; `reason` says how, for the log
    and the journal."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "")
        self.reason = reason


class RateLimitError(RequestError):
    """The caller has sent too many requests."""


class InjectedError(RequestError):
    """A fault, or a magic identity, forces this status; `resets_in_s` are the seconds until the limit that it
    imitates resets, if known, `reason` is for the log and the journal, and `code` says which of the API's
    errors of this status is meant, if not the usual one."""

    def __init__(
        self,
        status: int,
        resets_in_s: int | None = None,
        reason: str | None = None,
        code: int | None = None,
    ) -> None:
        super().__init__(f"injected status {status}")
        self.status = status
        self.resets_in_s = resets_in_s
        self.reason = reason
        self.code = code


class NotEvidencedError(RequestError):
    """The response would follow from `rule`, whose evidence is below the `level` that was asked for; `allow`
    is the level that lets it pass."""

    def __init__(self, rule: str, grade: str, source: str, level: str, *, allow: str) -> None:
        self.reason = f"{rule} ({grade}: {source})"
        super().__init__(
            f"Not known to be so by {level} evidence: {self.reason}."
            f" To allow it, send X-Audience-Mock-Evidence: {allow}, or lower strict_evidence"
        )
        self.rule = rule
        self.grade = grade
        self.source = source
        self.level = level


class NoRouteError(RequestError):
    """No operation has this method and path; `suggestions` are similar ones, as `GET /v5/ad_accounts`."""

    def __init__(self, suggestions: Sequence[str] = ()) -> None:
        super().__init__()
        self.suggestions = suggestions

    @property
    def reason(self) -> str | None:
        """For the log, which is what a developer sees first."""
        return f"did you mean: {', '.join(self.suggestions)}" if self.suggestions else None


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
    """The operation reads content types `served`, and the body has another."""

    def __init__(self, given: str, *served: str) -> None:
        super().__init__(f"{given or 'no content type'} is not served, only {' and '.join(served)}")
        self.given = given
        self.served = served


class UnsupportedEncodingError(RequestError):
    """The body has a content encoding, such as gzip; none of the emulated APIs documents any."""

    def __init__(self, given: str) -> None:
        super().__init__(f"content encoding {given} is not served: send the body as it is")
        self.given = given


class MalformedBodyError(RequestError):
    """The body does not have the syntax of its content type; the text says where."""


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
    """The standard phrase of a status, or its number if it has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)
