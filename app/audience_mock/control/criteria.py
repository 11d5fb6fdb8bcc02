"""Which requests are meant: what the journal is searched by and what is verified, in the same words."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from audience_mock.core.controls.journal import Entry
from audience_mock.core.controls.json_match import MISSING, Difference, differences
from audience_mock.core.suggestions import MAX_SUGGESTIONS, closest, did_you_mean
from audience_mock.web.errors import InvalidInputError
from audience_mock.web.journal import RecordedRequest, path_as_sent, request_shown
from audience_mock.web.request import MockRequest
from audience_mock.web.schema import ApiModel


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_WORLD = re.compile("^/worlds/[^/]+")


def _is_like(text: str, pattern: str) -> bool:
    """Whether a text is what a pattern says, in which `*` is any characters. Each piece between two of them
    is looked for once: a regular expression would try every way to part the text among them."""
    first, *pieces = pattern.split("*")
    if not pieces:
        return text == pattern
    *pieces, last = pieces
    at, end = len(first), len(text) - len(last)
    if not (at <= end and text.startswith(first) and text.endswith(last)):
        return False
    for piece in pieces:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


class Match(ApiModel):
    """A part of a request. Objects may have more keys than these; lists have the same length."""

    model_config = ConfigDict(extra="forbid")

    path_params: dict[str, Any] | None = Field(default=None, description="Such as `ad_account_id`.")
    query: dict[str, Any] | None = Field(default=None, description="Values by name.")
    headers: dict[str, Any] | None = Field(
        default=None, description="By name, in any case. Tokens are compared with what was sent."
    )
    body: Any = Field(
        default=None,
        description="JSON, a form's fields, or `fields` and `files` of a multipart form; null is no body.",
    )

    def wanted(self) -> dict[str, Any]:
        """What was given, as `shown` has requests."""
        given = (name for name in type(self).model_fields if name in self.model_fields_set)
        wanted = {name: getattr(self, name) for name in given}
        if self.headers is not None:
            wanted["headers"] = {name.lower(): value for name, value in self.headers.items()}
        return {name: value for name, value in wanted.items() if value is not None or name == "body"}


class Criteria(ApiModel):
    """All that is given has to be so."""

    model_config = ConfigDict(extra="forbid")

    api: str | None = Field(
        default=None, pattern="^(pinterest|pitchtarget)$", description="`pinterest` or `pitchtarget`."
    )
    operation: str | None = Field(
        default=None,
        description="Operation id, such as `audiences/create`; `none` for requests that matched no route.",
    )
    method: str | None = Field(default=None, pattern="^[A-Za-z]+$", description="HTTP method, in any case.")
    path: str | None = Field(
        default=None,
        description="Path as sent; `*` is any characters. With a `?` in it, the query is compared too.",
    )
    status: Annotated[str | None, BeforeValidator(_text, json_schema_input_type=int | str | None)] = Field(
        default=None,
        pattern="^([1-5]([0-9]{2}|xx)|none)$",
        description="Status of the response: 404, `4xx`, or `none` if the client left before it.",
    )
    fault: str | None = Field(default=None, description="Id of the planned fault that fired.")


class RequestPattern(Criteria):
    match: Match | None = Field(default=None, description="A part of the request.")

    def means(self, entry: Entry) -> bool:
        return next(self.differences(entry), None) is None

    def differences(self, entry: Entry) -> Iterator[Difference]:
        """Where a request is not what is wanted, as `match.body.name`; what was found may be secret."""
        noted = RecordedRequest._make(entry.record)
        operation = noted.operation or "none"
        if self.api not in (None, noted.api):
            yield Difference("api", self.api, noted.api)
        if self.operation not in (None, operation):
            yield Difference("operation", self.operation, operation)
        if self.method is not None and self.method.upper() != noted.method:
            yield Difference("method", self.method.upper(), noted.method)
        if self.path is not None and not self._has_path(noted):
            yield Difference("path", self.path, path_as_sent(noted))
        status = "none" if noted.status is None else str(noted.status)
        if self.status is not None and not re.fullmatch(self.status.replace("x", "."), status):
            yield Difference("status", _number(self.status), _number(status))
        if self.fault not in (None, noted.fault):
            yield Difference("fault", self.fault, noted.fault)
        if self.match is not None:
            request = request_shown(noted, masked=False)
            yield from differences(request, self.match.wanted(), "match")

    def _has_path(self, noted: RecordedRequest) -> bool:
        """`/worlds/{name}` in front of it may be left out."""
        wanted = self.path or ""
        sent = path_as_sent(noted, masked=False)
        if "?" not in wanted:
            sent = sent.partition("?")[0]
        return _is_like(sent, wanted) or _is_like(_WORLD.sub("", sent, count=1), wanted)


def check_operation(call: MockRequest, wanted: Criteria, where: Sequence[str] = ()) -> None:
    """A name that no operation has would never be found, and a check that there is none would always pass.

    Raises InvalidInputError.
    """
    known = call.context.served.operations
    if wanted.operation not in (None, "none", *known):
        problem = {"type": "unknown_operation", "loc": (*where, "operation")}
        raise InvalidInputError("body", [{**problem, "msg": unknown_operation(str(wanted.operation), known)}])


def unknown_operation(operation: str, known: Sequence[str]) -> str:
    """The error for an operation id that no API has; it suggests ids with a like spelling or last part."""
    last = operation.rpartition("/")[2]
    same_last = [id for id in known if last and id.rpartition("/")[2] == last]
    candidates = dict.fromkeys([*closest(operation, known), *same_last])
    hint = did_you_mean(list(candidates)[:MAX_SUGGESTIONS])
    return f"unknown operation {operation[:100]!r}{hint or ': /openapi/*.json list the operation ids'}"


def told(difference: Difference, entry: Entry) -> dict[str, Any]:
    """A difference as JSON, with what was found masked; without `found` where nothing is there."""
    found = difference.found
    if difference.path.startswith("match"):
        found = _at(request_shown(RecordedRequest._make(entry.record)), difference.path.split(".")[1:], found)
    shown_difference = {"path": difference.path, "wanted": difference.wanted, "found": found}
    if difference.found is MISSING:
        del shown_difference["found"]
    return shown_difference


def weight(difference: Difference) -> int:
    """How much a difference stands for: a body that is not there for all that is wanted of it."""
    return _values(difference.wanted)


def moment(text: str, field: str) -> int | datetime:
    """A number of the journal, or a time in ISO 8601 (UTC if it does not say). Raises InvalidInputError."""
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        problem = {"type": "moment", "loc": (field,), "input": text}
        says = "give the number of a request, or a time as 2026-07-01T12:00:00Z"
        raise InvalidInputError("query", [{**problem, "msg": says}]) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _values(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_values, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_values, value))
    return 1


def _at(value: Any, path: list[str], otherwise: Any) -> Any:
    """The part of a value at a path. Keys may have dots in them, so the longest that fits is taken."""
    if not path:
        return value
    for length in range(len(path), 0, -1):
        key = ".".join(path[:length])
        if isinstance(value, dict) and key in value:
            return _at(value[key], path[length:], otherwise)
        if isinstance(value, list) and length == 1 and key.isdigit() and int(key) < len(value):
            return _at(value[int(key)], path[1:], otherwise)
    return None if otherwise is MISSING else "…"


def _number(status: str) -> int | str | None:
    return int(status) if status.isdigit() else status
