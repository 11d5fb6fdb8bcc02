"""Writes each request and its response into the request journal of its world."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from starlette.responses import Response

from audience_mock.core.controls.journal import Entry
from audience_mock.web.request import FormSummary, MockRequest
from audience_mock.web.response import Header, body_of

KEPT_BODY_BYTES = 1 << 16
"""How much of a body, of a request or a response, is kept. Chosen: all of it, but for long lists."""

REQUEST = "request"
"""The kind of a notice about an entry."""

_SEPARATOR = b"\0"
"""Between the names and values of headers, none of which can contain it."""


class RecordedRequest(NamedTuple):
    """References to the parts of a request and its response.

    `headers` and `answer_head` are joined names and values, for `split_headers`. `body` is None where it was
    not kept, and `body_bytes` where it was not read; `status` is None where the client disconnected.
    """

    api: str
    operation: str | None
    method: str
    path: bytes
    query: bytes
    headers: bytes
    path_params: dict[str, str]
    body: bytes | FormSummary | None
    body_bytes: int | None
    status: int | None
    answer_head: bytes
    answer_body: bytes
    answer_bytes: int
    fault: str | None
    suggestions: Sequence[str]
    reason: str | None
    redact_users: bool
    is_frozen: bool


def record(
    request: MockRequest,
    operation: str | None,
    response: Response | None,
    suggestions: Sequence[str] = (),
) -> None:
    """Write a request and its response, if it gets one, into the journal of its world.

    Runs for each request, so it keeps few references and leaves the formatting to the reader of the entry.
    Each object that is kept costs twice: memory that is new to the processor's cache, and its release.
    """
    scope, world, context = request.scope, request.world, request.context
    rules, provider = world.rules, context.provider
    if not rules.journal_entries or provider is None or not provider.journalled:
        return
    headers = _SEPARATOR.join(chain.from_iterable(scope["headers"]))
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"]
    body: bytes | FormSummary | None = request.raw_body
    if isinstance(body, bytes):
        body_bytes: int | None = len(body)
        body = body[:KEPT_BODY_BYTES]
        held_bytes = len(body)
    else:
        body, body_bytes = request.form_summary, request.streamed_bytes
        held_bytes = 0 if body is None else body.held_bytes()
    status, head, sent = None, b"", b""
    if response is not None:
        status = response.status_code
        head = _SEPARATOR.join(chain.from_iterable(response.raw_headers))
        # A HEAD request is answered as a GET, and the server leaves the body out.
        sent = b"" if context.is_head else body_of(response)
    kept = sent[:KEPT_BODY_BYTES]
    world.journal.add(
        (
            provider.name,
            operation,
            "HEAD" if context.is_head else scope["method"],
            path,
            query,
            headers,
            scope.get("path_params"),
            body,
            body_bytes,
            status,
            head,
            kept,
            len(sent),
            context.fault,
            suggestions,
            context.reason,
            rules.redact_users,
            world.clock.frozen,
        ),
        held_bytes + len(path) + len(query) + len(headers) + len(head) + len(kept),
        world.clock.now_ms(),
        rules.journal_entries,
        rules.journal_bytes,
    )
    if world.recording is not None:
        from audience_mock.web.recording import note  # noqa: PLC0415 - few worlds are recorded

        note(world.recording, world.journal.last_number, request, response)
    if world.subscribers and (newest := world.journal.newest) is not None:
        world.subscribers.notify(REQUEST, newest)


def record_of(request: MockRequest) -> RecordedRequest:
    """A request that is not answered yet."""
    scope, body = request.scope, request.raw_body
    return RecordedRequest(
        api="",
        operation=None,
        method=scope["method"],
        path=b"",
        query=scope["query_string"],
        headers=_SEPARATOR.join(chain.from_iterable(scope["headers"])),
        path_params={},
        body=request.form_summary if body is None else body[:KEPT_BODY_BYTES],
        body_bytes=None if body is None else len(body),
        status=None,
        answer_head=b"",
        answer_body=b"",
        answer_bytes=0,
        fault=None,
        suggestions=(),
        reason=None,
        redact_users=False,
        is_frozen=False,
    )


def recorded_request(entry: Entry) -> RecordedRequest:
    """What `record` wrote."""
    return RecordedRequest._make(entry.record)


def split_headers(joined: bytes) -> list[Header]:
    """The headers of a RecordedRequest."""
    if not joined:
        return []
    parts = joined.split(_SEPARATOR)
    return [*zip(parts[::2], parts[1::2], strict=True)]
