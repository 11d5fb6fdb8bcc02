"""Which requests are meant: the journal is searched and verified by the same criteria."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from audience_mock.control.errors import invalid_input
from audience_mock.core.apis import ApiName
from audience_mock.core.controls.journal import Entry
from audience_mock.core.controls.json_match import MISSING, Difference, differences
from audience_mock.core.suggestions import MAX_SUGGESTIONS, closest, did_you_mean
from audience_mock.web.journal import RecordedRequest, recorded_request
from audience_mock.web.journal_view import request_as_json, sent_path
from audience_mock.web.request import MockRequest
from audience_mock.web.schema import ApiModel


class RequestSubset(ApiModel):
    """A JSON subset of a request, as faults and the journal match it: each key that is given has to be there,
    and there may be more; a list has to be as long."""

    model_config = ConfigDict(extra="forbid")

    def wanted(self) -> dict[str, Any]:
        """What was given, for `json_match`, names of headers in lower case. A `body` of null is no body;
        anything else that is null was not given."""
        wanted = {
            name: value
            for name in type(self).model_fields
            if name in self.model_fields_set
            and ((value := getattr(self, name)) is not None or name == "body")
        }
        if "headers" in wanted:
            wanted["headers"] = {name.lower(): value for name, value in wanted["headers"].items()}
        return wanted


class RequestMatch(RequestSubset):
    """A part of a request. Objects may have more keys than these; lists have the same length."""

    path_params: dict[str, Any] | None = Field(default=None, description="Such as `ad_account_id`.")
    query: dict[str, Any] | None = Field(default=None, description="Values by name.")
    headers: dict[str, Any] | None = Field(
        default=None, description="By name, in any case. Tokens are compared with what was sent."
    )
    body: Any = Field(
        default=None,
        description="JSON, a form's fields, or `fields` and `files` of a multipart form; null is no body.",
    )


def _status_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Criteria(ApiModel):
    """A request has to meet all that are given."""

    model_config = ConfigDict(extra="forbid")

    api: ApiName | None = Field(default=None, description="The API that was called.")
    operation: str | None = Field(
        default=None,
        description="Operation id, such as `audiences/create`; `none` for requests that matched no route.",
    )
    method: str | None = Field(default=None, pattern="^[A-Za-z]+$", description="HTTP method, in any case.")
    path: str | None = Field(
        default=None,
        description="Path as sent; `*` is any characters. With a `?` in it, the query is compared too.",
    )
    status: Annotated[
        str | None, BeforeValidator(_status_as_text, json_schema_input_type=int | str | None)
    ] = Field(
        default=None,
        pattern="^([1-5]([0-9]{2}|xx)|none)$",
        description="Status of the response: 404, `4xx`, or `none` if the client left before it.",
    )
    fault: str | None = Field(default=None, description="Id of the planned fault that fired.")


class RequestPattern(Criteria):
    match: RequestMatch | None = Field(default=None, description="A part of the request.")

    def matches(self, entry: Entry) -> bool:
        return next(self.differences(entry), None) is None

    def differences(self, entry: Entry) -> Iterator[Difference]:
        """Where a request does not match, as `match.body.name`. What was found may be a secret."""
        recorded = recorded_request(entry)
        operation = recorded.operation or "none"
        if self.api not in (None, recorded.api):
            yield Difference("api", self.api, recorded.api)
        if self.operation not in (None, operation):
            yield Difference("operation", self.operation, operation)
        if self.method is not None and self.method.upper() != recorded.method:
            yield Difference("method", self.method.upper(), recorded.method)
        if self.path is not None and not self._has_path(recorded):
            yield Difference("path", self.path, sent_path(recorded))
        status = "none" if recorded.status is None else str(recorded.status)
        if self.status is not None and not re.fullmatch(self.status.replace("x", "."), status):
            yield Difference("status", _status_as_json(self.status), _status_as_json(status))
        if self.fault not in (None, recorded.fault):
            yield Difference("fault", self.fault, recorded.fault)
        if self.match is not None:
            yield from differences(request_as_json(recorded, masked=False), self.match.wanted(), "match")

    def _has_path(self, recorded: RecordedRequest) -> bool:
        """The pattern may leave out `/worlds/{name}` in front."""
        wanted = self.path or ""
        sent = sent_path(recorded, masked=False)
        if "?" not in wanted:
            sent = sent.partition("?")[0]
        return _matches_glob(sent, wanted) or _matches_glob(_WORLD.sub("", sent, count=1), wanted)


_WORLD = re.compile("^/worlds/[^/]+")


def _matches_glob(text: str, pattern: str) -> bool:
    """Whether a text matches a pattern in which `*` is any characters. Each piece between two of them is
    searched for once; a regular expression would try every way to divide the text among them."""
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


def _status_as_json(status: str) -> int | str:
    return int(status) if status.isdigit() else status


def check_operation(request: MockRequest, wanted: Criteria, where: Sequence[str] = ()) -> None:
    """Raises InvalidInputError for an operation that no API has: it would never be found, and a check that it
    was never called would always pass."""
    known = request.context.served.operations
    if wanted.operation not in (None, "none", *known):
        raise invalid_input((*where, "operation"), unknown_operation(str(wanted.operation), known))


def unknown_operation(operation: str, known: Sequence[str]) -> str:
    """The error for an operation id that no API has; it suggests ids with a like spelling or last part."""
    last = operation.rpartition("/")[2]
    same_last = [id for id in known if last and id.rpartition("/")[2] == last]
    candidates = dict.fromkeys([*closest(operation, known), *same_last])
    hint = did_you_mean(list(candidates)[:MAX_SUGGESTIONS])
    return f"unknown operation {operation[:100]!r}{hint or ': /openapi/*.json list the operation ids'}"


def difference_as_json(difference: Difference, entry: Entry) -> dict[str, Any]:
    """A difference with what was found masked; without `found` if nothing is there."""
    shown = {"path": difference.path, "wanted": difference.wanted}
    if difference.found is MISSING:
        return shown
    found = difference.found
    if difference.path.startswith("match"):
        found = _part_at(request_as_json(recorded_request(entry)), difference.path.split(".")[1:])
    return {**shown, "found": found}


def _part_at(value: Any, path: Sequence[str]) -> Any:
    """The part of a masked request at a path. Keys may contain dots, so the longest key that fits is taken.
    Where masking has replaced the part by a text, that something was there."""
    if not path:
        return value
    for length in range(len(path), 0, -1):
        key = ".".join(path[:length])
        if isinstance(value, dict) and key in value:
            return _part_at(value[key], path[length:])
        if isinstance(value, list) and length == 1 and key.isdigit() and int(key) < len(value):
            return _part_at(value[int(key)], path[1:])
    return "…"
