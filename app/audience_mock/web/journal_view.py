"""Entries of the request journal as JSON, with their secrets masked.

Only a comparison sees a request unmasked: a test knows which token it expects.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json

from audience_mock.core.controls.journal import Entry
from audience_mock.web.body import FORM, unsupported_values
from audience_mock.web.journal import RecordedRequest, recorded_request, split_headers
from audience_mock.web.masking import (
    header_secrets,
    mask_echoes,
    mask_header,
    mask_json,
    mask_query,
    mask_text,
    masked_values,
)
from audience_mock.web.redaction import redact_users
from audience_mock.web.request import FormSummary
from audience_mock.web.response import Header
from audience_mock.web.secret_names import REQUEST_SECRETS, RESPONSE_SECRETS, SecretNames
from audience_mock.web.timestamps import iso_8601

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
"""The header of W3C Trace Context; ids of zeros alone are not valid there."""


def entry_as_json(entry: Entry) -> dict[str, Any]:
    recorded = recorded_request(entry)
    unmasked, masked = _request(recorded, masked=False), _request(recorded, masked=True)
    secrets = _secrets_between(unmasked, masked)
    request = _redacted(recorded, masked)
    headers = split_headers(recorded.answer_head)
    body = _body(
        recorded.answer_body, recorded.answer_bytes, _media_type(headers), RESPONSE_SECRETS, masked=True
    )
    shown: dict[str, Any] = {
        "number": entry.number,
        "at": iso_8601(entry.at_ms),
        "api": recorded.api,
        "operation": recorded.operation,
        "fault": recorded.fault,
        "request": request,
        "answer": {
            "status": recorded.status,
            "headers": _headers(headers, masked=True),
            **_redacted(recorded, mask_echoes(body, secrets)),
        },
    }
    trace = _TRACEPARENT.fullmatch(request["headers"].get("traceparent", ""))
    if trace is not None:
        shown["trace_id"] = trace[1]
    if recorded.reason and not recorded.suggestions:
        shown["reason"] = recorded.reason
    if recorded.suggestions:
        shown["suggestions"] = list(recorded.suggestions)
    return shown


def request_as_json(recorded: RecordedRequest, *, masked: bool = True) -> dict[str, Any]:
    shown = _request(recorded, masked=masked)
    return _redacted(recorded, shown) if masked else shown


def _request(recorded: RecordedRequest, *, masked: bool) -> dict[str, Any]:
    query = dict(parse_qsl(recorded.query.decode("latin-1"), keep_blank_values=True))
    return {
        "method": recorded.method,
        "path": sent_path(recorded, masked=masked),
        "path_params": recorded.path_params or {},
        "query": mask_json(query, REQUEST_SECRETS) if masked else query,
        "headers": _headers(split_headers(recorded.headers), masked=masked),
        **_request_body(recorded, masked=masked),
    }


def _redacted(recorded: RecordedRequest, shown: dict[str, Any]) -> dict[str, Any]:
    return {name: redact_users(value) for name, value in shown.items()} if recorded.redact_users else shown


def sent_path(recorded: RecordedRequest, *, masked: bool = True) -> str:
    """Path and query as they were sent, a world's prefix included."""
    path, query = recorded.path.decode("latin-1"), recorded.query.decode("latin-1")
    if masked:
        path, query = mask_text(path), mask_query(query)
    return f"{path}?{query}" if query else path


def secrets_of(recorded: RecordedRequest) -> list[str]:
    """The secrets that a request was sent with, the longest first: a secret may be a part of another."""
    return _secrets_between(_request(recorded, masked=False), _request(recorded, masked=True))


def _secrets_between(unmasked: dict[str, Any], masked: dict[str, Any]) -> list[str]:
    secrets = {
        *(secret for name, value in unmasked["headers"].items() for secret in header_secrets(name, value)),
        *(secret for part in ("query", "body") for secret in masked_values(unmasked[part], masked[part])),
    }
    return sorted(secrets, key=lambda secret: (-len(secret), secret))


def _headers(headers: Sequence[Header], *, masked: bool) -> dict[str, str]:
    """By name in lower case. One that was sent several times has its values joined by commas, as in HTTP."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if masked:
            value = mask_header(name, value)
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown


def _request_body(recorded: RecordedRequest, *, masked: bool) -> dict[str, Any]:
    if isinstance(recorded.body, FormSummary):
        fields, files = recorded.body
        form = {
            "fields": mask_json(fields, REQUEST_SECRETS) if masked else fields,
            "files": {field: {"filename": name, "bytes": size} for field, (name, size) in files.items()},
        }
        return {"body": form, "body_bytes": None}
    if recorded.body is None:
        return {"body": None, "body_bytes": recorded.body_bytes}
    media_type = _media_type(split_headers(recorded.headers))
    return _body(recorded.body, recorded.body_bytes or 0, media_type, REQUEST_SECRETS, masked=masked)


def _body(
    kept: bytes, all_bytes: int, media_type: str, secret_names: SecretNames, *, masked: bool
) -> dict[str, Any]:
    """JSON as JSON, a form as its fields, other text as text; of a body that was truncated, the text that is
    left."""
    sizes: dict[str, Any] = {"body_bytes": all_bytes}
    if len(kept) < all_bytes:
        sizes["body_cut"] = True
    elif not kept:
        return {"body": None, **sizes}
    else:
        for value in _parsed(kept, media_type):
            return {"body": mask_json(value, secret_names) if masked else value, **sizes}
    text = kept.decode(errors="replace")
    return {"body": mask_text(text, secret_names) if masked else text, **sizes}


def _parsed(raw: bytes, media_type: str) -> Iterator[Any]:
    """The value of a body, if it has one that JSON can show."""
    if media_type == FORM:
        yield dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
        return
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return
    if next(unsupported_values(value), None) is None:
        yield value


def _media_type(headers: Sequence[Header]) -> str:
    for name, value in headers:
        if name.lower() == b"content-type":
            return value.decode("latin-1").partition(";")[0].strip().lower()
    return ""
