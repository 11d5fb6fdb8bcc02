"""A request of the journal as a rule sees it: its parts, parsed when a rule asks for them."""

from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json

from audience_mock.core.controls.journal import Entry
from audience_mock.web.body import FORM
from audience_mock.web.journal import RecordedRequest, recorded_request, split_headers
from audience_mock.web.request import FormSummary


class Call:
    """One request, and its response."""

    def __init__(self, entry: Entry) -> None:
        self.number = entry.number
        self.at_ms = entry.at_ms
        self.recorded: RecordedRequest = recorded_request(entry)
        self.api = self.recorded.api
        self.operation = self.recorded.operation
        self.method = self.recorded.method
        self.status = self.recorded.status

    def __str__(self) -> str:
        return f"request {self.number} ({self.operation or self.method})"

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_unanswered(self) -> bool:
        """Whether the client may not know what became of the request: no response, an error of the server but
        501, or a fault that may have kept a response from arriving."""
        if self.status is None or self.status >= 500:
            return self.status != HTTPStatus.NOT_IMPLEMENTED
        return self.is_success and self.recorded.fault is not None

    @cached_property
    def headers(self) -> dict[str, str]:
        """Those of the request by name, in lower case."""
        return _as_text(self.recorded.headers)

    @cached_property
    def answer_headers(self) -> dict[str, str]:
        return _as_text(self.recorded.answer_head)

    @property
    def caller(self) -> str:
        """What it authenticated with. Never shown."""
        return self.headers.get("authorization", "")

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.recorded.query.decode("latin-1"), keep_blank_values=True))

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for requests that seem to be the same. A request that met a fault may have a body that was
        never read, so that its length has to do."""
        recorded = self.recorded
        length = self.headers.get("content-length")
        return self.api, self.caller, self.method, recorded.path, recorded.query, length

    def may_repeat(self, other: "Call") -> bool:
        """Whether this may be the same request once more: the bodies do not tell otherwise."""
        bodies = self.recorded.body, other.recorded.body
        return self.identity == other.identity and (None in bodies or bodies[0] == bodies[1])

    @cached_property
    def body(self) -> Any:
        """JSON as JSON, a form as its fields; None if there is none, or the journal has it only in part."""
        body, size = self.recorded.body, self.recorded.body_bytes
        if isinstance(body, FormSummary):
            return body.fields
        if not body or len(body) < (size or 0):
            return None
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
            return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        return _parsed(body)

    @cached_property
    def answer(self) -> Any:
        """The JSON of the response; None if there is none, or if the journal has it only in part."""
        kept = self.recorded.answer_body
        return _parsed(kept) if kept and len(kept) == self.recorded.answer_bytes else None

    def forget(self) -> None:
        """Let go of what was parsed: a journal has ten thousand requests, and a page a hundred objects."""
        for name in ("headers", "answer_headers", "query", "body", "answer"):
            self.__dict__.pop(name, None)


def elapsed_s(first: Call, second: Call) -> float | None:
    """Seconds between the responses of two requests, by the world's clock; None if that does not tell, as it
    stood still or was set back."""
    between_ms = second.at_ms - first.at_ms
    if between_ms < 0 or (between_ms == 0 and first.recorded.is_frozen):
        return None
    return between_ms / 1000


def _parsed(raw: bytes) -> Any:
    try:
        return from_json(raw)
    except ValueError:
        return None


def _as_text(joined: bytes) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in split_headers(joined)}
