"""The headers of each answer: those of a Rails application of 2014, as published with its documentation."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from audience_mock.providers.pitchtarget.sources import EXCHANGES, RAILS
from audience_mock.web.request import MockRequest
from audience_mock.web.response import Header, HeaderName, RawResponse


def _headers(*headers: tuple[bytes, bytes]) -> tuple[Header, ...]:
    return tuple((HeaderName(name), value) for name, value in headers)


_SECURITY = _headers(
    (b"X-Frame-Options", b"SAMEORIGIN"),
    (b"X-XSS-Protection", b"1; mode=block"),
    (b"X-Content-Type-Options", b"nosniff"),
)
_CHROME_FRAME = _headers((b"X-UA-Compatible", b"chrome=1"))
_CROSS_ORIGIN = _headers(
    (b"Access-Control-Allow-Origin", b"*"),
    (b"Access-Control-Allow-Methods", b"POST, PUT, DELETE, GET, OPTIONS"),
    (b"Access-Control-Request-Method", b"*"),
    (
        b"Access-Control-Allow-Headers",
        b"Origin, X-Requested-With, Content-Type, Accept, Authorization, Content-Disposition",
    ),
)
_ALWAYS = (*_SECURITY, *_CROSS_ORIGIN)
_ALWAYS_WITH_CHROME_FRAME = (*_SECURITY, *_CHROME_FRAME, *_CROSS_ORIGIN)
_JSON = _headers((b"Content-Type", b"application/json; charset=utf-8"))
_REVALIDATE = _headers((b"Cache-Control", b"max-age=0, private, must-revalidate"))
_NO_CACHE = _headers((b"Cache-Control", b"no-cache"))
_ETAG, _CONTENT_LENGTH = HeaderName(b"ETag"), HeaderName(b"Content-Length")
_REQUEST_ID, _RUNTIME = HeaderName(b"X-Request-Id"), HeaderName(b"X-Runtime")
EVIDENCE = {
    "Content-Type": EXCHANGES.says("application/json; charset=utf-8"),
    "ETag": EXCHANGES.says("the MD5 of the body's bytes"),
    "Cache-Control": EXCHANGES.says("max-age=0, private, must-revalidate; no-cache with 204"),
    "X-UA-Compatible": EXCHANGES.says("chrome=1, up to 2014-04-08"),
    "X-Frame-Options, X-XSS-Protection, X-Content-Type-Options": EXCHANGES.says("always the same"),
    "Access-Control-*": EXCHANGES.says("always the same, for any origin"),
    "X-Request-Id": EXCHANGES.says("a UUID"),
    "X-Runtime": EXCHANGES.says("seconds, with six decimals"),
    "If-None-Match": RAILS.says("304 with no body to a GET by who has the ETag already"),
}

# Rails writes these characters of a string so that JSON can stand inside a page; nowhere else in JSON do
# they occur.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})

# Made once: `dumps` makes one each time that it is asked for anything but its defaults.
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def to_json(value: Any) -> bytes:
    """Compact JSON with the escapes of Rails; other characters as UTF-8."""
    return _written(value).translate(_ESCAPES).encode()


def response(
    request: MockRequest,
    status: int,
    value: Any,
    *,
    chrome_frame: bool = False,
    headers: Sequence[Header] = (),
) -> RawResponse:
    """A response with a JSON body, or 304 without one where the client already has it.

    `chrome_frame` adds the header that revisions up to 2014-04-08 sent.
    """
    body = to_json(value)
    etag = b'"%b"' % hashlib.md5(body, usedforsecurity=False).hexdigest().encode()
    head = _ALWAYS_WITH_CHROME_FRAME if chrome_frame else _ALWAYS
    tail = ((_ETAG, etag), *_REVALIDATE, *_of_request(request))
    if status == 200 and request.method == "GET" and _is_known(etag.decode(), request):
        return RawResponse(304, b"", (*head, *tail))
    length = (_CONTENT_LENGTH, b"%d" % len(body))
    return RawResponse(status, body, (*head, *_JSON, *tail, length, *headers))


def empty(request: MockRequest) -> RawResponse:
    """204: nothing to say."""
    return RawResponse(204, b"", (*_ALWAYS, *_NO_CACHE, *_of_request(request)))


def _is_known(etag: str, request: MockRequest) -> bool:
    """Whether `If-None-Match` has the tag; like Rack, a weak one is as good as a strong one."""
    given = request.header(b"if-none-match") or ""
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return given.strip() == "*" or etag in tags


def _of_request(request: MockRequest) -> tuple[Header, ...]:
    request_id = UUID(int=request.world.random.getrandbits(128), version=4)
    return (_REQUEST_ID, str(request_id).encode()), (_RUNTIME, b"%.6f" % request.took_s)
