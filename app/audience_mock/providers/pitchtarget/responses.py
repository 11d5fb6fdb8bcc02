"""Responses with the headers and the JSON of a Rails application of 2014, as its documentation shows them."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from audience_mock.providers.pitchtarget.sources import EXCHANGES, RAILS
from audience_mock.web.cors import OWN_HEADERS, private_network
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
_ALLOW_HEADERS = HeaderName(b"Access-Control-Allow-Headers")
_OWN_HEADERS = "".join(f", {name}" for name in OWN_HEADERS).encode()
_ETAG, _CONTENT_LENGTH = HeaderName(b"ETag"), HeaderName(b"Content-Length")
_REQUEST_ID, _RUNTIME = HeaderName(b"X-Request-Id"), HeaderName(b"X-Runtime")
HEADER_EVIDENCE = {
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

# Rails writes these characters so that JSON can stand inside a page. They occur in strings only.
_ESCAPES = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


def rails_json(value: Any) -> bytes:
    """Compact JSON with the escapes of Rails; other characters as UTF-8."""
    written = to_json(value)
    for character, escape in _ESCAPES:
        written = written.replace(character, escape)
    return written


def json_response(
    request: MockRequest, value: Any, status: int = 200, headers: Sequence[Header] = ()
) -> RawResponse:
    """A response with a JSON body, or 304 without one where the client already has it."""
    return _conditional(request, value, status, _ALWAYS, headers)


def april_response(request: MockRequest, value: Any, status: int = 200) -> RawResponse:
    """As `json_response`, in a shape of 2014-04: with the header that revisions up to 2014-04-08 sent."""
    always = _ALWAYS_WITH_CHROME_FRAME if request.options.sends_chrome_frame else _ALWAYS
    return _conditional(request, value, status, always)


def _conditional(
    request: MockRequest, value: Any, status: int, always: Sequence[Header], headers: Sequence[Header] = ()
) -> RawResponse:
    body = rails_json(value)
    etag = b'"%b"' % hashlib.md5(body, usedforsecurity=False).hexdigest().encode()
    about = ((_ETAG, etag), *_REVALIDATE, *_of_request(request))
    if status == 200 and request.method == "GET" and _is_known(etag.decode(), request):
        return RawResponse(304, b"", (*always, *about))
    length = (_CONTENT_LENGTH, b"%d" % len(body))
    return RawResponse(status, body, (*always, *_JSON, *about, length, *headers))


def empty_response(request: MockRequest) -> RawResponse:
    """204, without a body."""
    return RawResponse(204, b"", (*_ALWAYS, *_NO_CACHE, *_of_request(request)))


def preflight_response(request: MockRequest) -> RawResponse:
    """As `empty_response`: every response allows any origin. A page may send the headers that this server
    reads, too."""
    response = empty_response(request)
    headers = [
        (name, value + _OWN_HEADERS if name == _ALLOW_HEADERS else value)
        for name, value in response.raw_headers
    ]
    return RawResponse(204, b"", [*headers, *private_network(request)])


def _is_known(etag: str, request: MockRequest) -> bool:
    """Whether `If-None-Match` has the tag; like Rack, a weak one is as good as a strong one."""
    given = request.header(b"if-none-match") or ""
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return given.strip() == "*" or etag in tags


def _of_request(request: MockRequest) -> tuple[Header, ...]:
    request_id = UUID(int=request.world.random.getrandbits(128), version=4)
    return (_REQUEST_ID, str(request_id).encode()), (_RUNTIME, b"%.6f" % request.took_s)
