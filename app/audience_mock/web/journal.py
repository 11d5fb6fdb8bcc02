"""What the journal keeps of a request and its answer, and how that is shown: with its secrets masked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from pydantic_core import from_json
from starlette.responses import Response

from audience_mock.core.controls.journal import Entry
from audience_mock.web import body as bodies
from audience_mock.web.request import FormSummary, MockRequest
from audience_mock.web.response import Header, body_of

KEPT_BODY_BYTES = 1 << 16
"""How much of a body, of a request or an answer, is kept. Chosen: all of it, but for long lists."""


_BETWEEN = b"\0"
"""Stands between names and values of headers, and in none of them."""


class RecordedRequest(NamedTuple):
    """References to what a request and its answer were made of.

    `headers` are names and values in one piece; `body` is None where it was not held, and `body_bytes` where
    it was not read; `status` is None where the client went away.
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


def record(
    request: MockRequest,
    operation: str | None,
    response: Response | None,
    suggestions: Sequence[str] = (),
) -> None:
    """Write a request and the response that it gets, if it gets one, into the journal of its world.

    Runs for each request, so it keeps references, few of them, and the reader makes more of them. Each object
    that is kept costs twice: memory that is new to the processor's cache, and its release.
    """
    scope, world, context = request.scope, request.world, request.context
    rules, provider = world.rules, context.provider
    if not rules.journal_entries or provider is None or not provider.journalled:
        return
    headers = _BETWEEN.join(chain.from_iterable(scope["headers"]))
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"]
    body: bytes | FormSummary | None = request.raw_body
    if isinstance(body, bytes):
        body_bytes: int | None = len(body)
        body = body[:KEPT_BODY_BYTES]
        held = len(body)
    else:
        body, body_bytes = request.form_summary, request.streamed_bytes
        held = 0 if body is None else body.held_bytes()
    status, head, sent = None, b"", b""
    if response is not None:
        status = response.status_code
        head = _BETWEEN.join(chain.from_iterable(response.raw_headers))
        # A HEAD is answered as if it were a GET, and its answer goes without the body.
        sent = b"" if context.is_head else body_of(response)
    kept = sent[:KEPT_BODY_BYTES]
    world.journal.add(
        (
            provider.name,
            operation,
            request.sent_method,
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
        ),
        held + len(path) + len(query) + len(headers) + len(head) + len(kept),
        world.clock.now_ms(),
        rules.journal_entries,
        rules.journal_bytes,
    )


def shown(entry: Entry) -> dict[str, Any]:
    """An entry as JSON."""
    noted = RecordedRequest._make(entry.record)
    # The longest first: one may be a part of another.
    request = request_shown(noted)
    echoed = sorted(set(_secrets(noted, request)), key=lambda secret: (-len(secret), secret))
    told: dict[str, Any] = {
        "number": entry.number,
        "at": time(entry.at_ms),
        "api": noted.api,
        "operation": noted.operation,
        "fault": noted.fault,
        "request": request,
        "answer": {
            "status": noted.status,
            "headers": _headers(_headers_in(noted.answer_head), masked=True),
            **_without(
                echoed,
                _body(
                    noted.answer_body,
                    noted.answer_bytes,
                    _media_type(_headers_in(noted.answer_head)),
                    _ANSWERED,
                    masked=True,
                ),
            ),
        },
    }
    if noted.suggestions:
        told["suggestions"] = list(noted.suggestions)
    return told


def request_shown(noted: RecordedRequest, *, masked: bool = True) -> dict[str, Any]:
    """A request as JSON. Unmasked it is for comparing only: a test knows which token it wants to see."""
    query = dict(parse_qsl(noted.query.decode("latin-1"), keep_blank_values=True))
    return {
        "method": noted.method,
        "path": path_as_sent(noted, masked=masked),
        "path_params": noted.path_params or {},
        "query": _masked(query, _SENT) if masked else query,
        "headers": _headers(_headers_in(noted.headers), masked=masked),
        **_request_body(noted, masked=masked),
    }


def _headers_in(joined: bytes) -> list[Header]:
    """The headers that were kept in one piece."""
    if not joined:
        return []
    parts = joined.split(_BETWEEN)
    return [*zip(parts[::2], parts[1::2], strict=True)]


def time(at_ms: int) -> str:
    """ISO 8601, in UTC, with milliseconds."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def path_as_sent(noted: RecordedRequest, *, masked: bool = True) -> str:
    """Path and query, a world's prefix included."""
    path, query = noted.path.decode("latin-1"), noted.query.decode("latin-1")
    if masked and query:
        query = "&".join(_masked_parameter(each) for each in query.split("&"))
    return f"{path}?{query}" if query else path


# Secrets, by the names that OAuth and the two APIs have for them.

_ANSWERED = frozenset({"accesstoken", "refreshtoken", "idtoken", "token", "oauthtoken", "clientsecret"})
_SENT = _ANSWERED | {"code", "codeverifier", "clientassertion", "password", "secret", "apikey"}
"""Without what is between their words: `access_token`, `accessToken`. In an answer, `code` is an error's."""

_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)

_IN_TEXT = re.compile(
    r"((?:access_?token|refresh_?token|id_?token|oauth_?token|token|client_?secret|secret|code|code_?verifier"
    r'|client_?assertion|password|api_?key)(?:"\s*:\s*"|=))((?:\\.|[^"\\&\s])*)',
    re.IGNORECASE,
)
"""In what is not parsed: broken and cut JSON, another page's address."""


def _hidden(secret: str) -> str:
    """Its first characters, which tell its kind: those of a prefix (`pina_`), or four of a long one."""
    prefix, underscore, _ = secret[:6].partition("_")
    if underscore and len(secret) > 6:
        return f"{prefix}_…"
    return f"{secret[:4]}…" if len(secret) >= 16 else "…"


def _is_secret(name: str, secrets: frozenset[str]) -> bool:
    return name.replace("_", "").replace("-", "").lower() in secrets


def _masked(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: _hidden(str(each))
            if _is_secret(name, secrets) and isinstance(each, str | int | float) and each != ""
            else _masked(each, secrets)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_masked(each, secrets) for each in value]
    return value


ECHO_CHARACTERS = 6
"""A secret of fewer is not looked for in what an answer repeats. Chosen: a word of an error has as many."""


def _secrets(noted: RecordedRequest, hidden: Mapping[str, Any]) -> Iterator[str]:
    """The secrets that a request was sent with: an error may repeat them."""
    open_ = request_shown(noted, masked=False)
    for name, value in open_["headers"].items():
        if value != hidden["headers"][name]:
            yield value.partition(" ")[2].strip() or value
    for part in ("query", "body"):
        yield from _hidden_values(open_[part], hidden[part])


def _hidden_values(value: Any, hidden: Any) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(hidden, dict):
        for name, each in value.items():
            yield from _hidden_values(each, hidden[name])
    elif isinstance(value, list) and isinstance(hidden, list):
        for each, other in zip(value, hidden, strict=True):
            yield from _hidden_values(each, other)
    elif value != hidden:
        yield str(value)


def _without(secrets: Sequence[str], value: Any) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            if len(secret) >= ECHO_CHARACTERS and secret in value:
                value = value.replace(secret, _hidden(secret))
        return value
    if isinstance(value, dict):
        return {name: _without(secrets, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(secrets, each) for each in value]
    return value


_SECRET_WORDS = ("token", "secret", "code", "assertion", "password", "key")
"""One of them is in each name of `_IN_TEXT`; few texts have one, and to look for all names is dear."""


def _masked_text(text: str) -> str:
    lower = text.lower()
    if not any(word in lower for word in _SECRET_WORDS):
        return text
    return _IN_TEXT.sub(lambda found: found[1] + _hidden(found[2]), text)


def _masked_parameter(parameter: str) -> str:
    name, _, value = parameter.partition("=")
    return f"{name}={_hidden(unquote_plus(value))}" if _is_secret(unquote_plus(name), _SENT) else parameter


def _headers(headers: Sequence[Header], *, masked: bool) -> dict[str, str]:
    """By name in lower case; one that came several times has its values joined by commas, as HTTP has it."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if masked and _SECRET_HEADER.search(name):
            scheme, space, secret = value.partition(" ")
            value = f"{scheme} {_hidden(secret.strip())}" if space else _hidden(value)
        elif masked:
            value = _masked_text(value)
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown


# Bodies


def _request_body(noted: RecordedRequest, *, masked: bool) -> dict[str, Any]:
    if isinstance(noted.body, FormSummary):
        fields, files = noted.body
        seen = {
            "fields": _masked(fields, _SENT) if masked else fields,
            "files": {field: {"filename": name, "bytes": size} for field, (name, size) in files.items()},
        }
        return {"body": seen, "body_bytes": None}
    if noted.body is None:
        return {"body": None, "body_bytes": noted.body_bytes}
    return _body(
        noted.body, noted.body_bytes or 0, _media_type(_headers_in(noted.headers)), _SENT, masked=masked
    )


def _body(
    raw: bytes, whole_bytes: int, media_type: str, secrets: frozenset[str], *, masked: bool
) -> dict[str, Any]:
    """JSON as JSON, a form as its fields, other text as text; of a body that was cut, the text that it begins
    with."""
    sizes: dict[str, Any] = {"body_bytes": whole_bytes}
    if len(raw) < whole_bytes:
        sizes["body_cut"] = True
    elif not raw:
        return {"body": None, **sizes}
    else:
        for value in _read(raw, media_type):
            return {"body": _masked(value, secrets) if masked else value, **sizes}
    text = raw.decode(errors="replace")
    return {"body": _masked_text(text) if masked else text, **sizes}


def _read(raw: bytes, media_type: str) -> Iterator[Any]:
    """The value that a body stands for, if it is one that JSON can show."""
    if media_type == bodies.FORM:
        yield dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
        return
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return
    if next(bodies.unsupported_values(value), None) is None:
        yield value


def _media_type(headers: Sequence[Header]) -> str:
    for name, value in headers:
        if name.lower() == b"content-type":
            return value.decode("latin-1").partition(";")[0].strip().lower()
    return ""
