"""Responses with the headers and the JSON of a Rails application of 2014, as its documentation shows them."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from audience_mock.providers.pitchtarget.sources import ANSWERS, AT_ALL_DATES, RAILS
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
_TOKEN = _headers((b"Cache-Control", b"no-store"), (b"Content-Type", b"application/json"))
_REVALIDATE = _headers((b"Cache-Control", b"max-age=0, private, must-revalidate"))
_NO_CACHE = _headers((b"Cache-Control", b"no-cache"))
_ALLOW_HEADERS = HeaderName(b"Access-Control-Allow-Headers")
_OWN_HEADERS = "".join(f", {name}" for name in OWN_HEADERS).encode()
_ETAG, _CONTENT_LENGTH = HeaderName(b"ETag"), HeaderName(b"Content-Length")
_REQUEST_ID, _RUNTIME = HeaderName(b"X-Request-Id"), HeaderName(b"X-Runtime")
HEADER_EVIDENCE = {
    "Content-Type": AT_ALL_DATES.says("application/json; charset=utf-8, unless it is 204"),
    "ETag": AT_ALL_DATES.says("the MD5 of the body's bytes, unless it is 204"),
    "Cache-Control": AT_ALL_DATES.says("max-age=0, private, must-revalidate; no-cache with 204"),
    "X-UA-Compatible": AT_ALL_DATES.says("chrome=1 in revisions up to 2014-04-08, none after"),
    "X-Frame-Options, X-XSS-Protection, X-Content-Type-Options": AT_ALL_DATES.says("always the same"),
    "Access-Control-*": AT_ALL_DATES.says("always the same, for any origin"),
    "X-Request-Id": AT_ALL_DATES.says("a UUID"),
    "X-Runtime": AT_ALL_DATES.says("seconds, with six decimals"),
    "If-None-Match": RAILS.says("304 with no body to a GET by who has the ETag already"),
}
TOKEN_HEADER_EVIDENCE = {
    "Content-Type": ANSWERS.says("application/json, without a charset"),
    "Cache-Control": ANSWERS.says("no-store, before Content-Type"),
    "X-UA-Compatible": ANSWERS.says("chrome=1 in revisions up to 2014-04-08, none after"),
}
"""Of the response that has a token, in the place of those of others."""

# Rails writes these characters so that JSON can stand inside a page. They occur in strings only.
_ESCAPES = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))
_ESCAPES_UNTIL_APRIL_8 = ((b"<", b"\\u003C"), (b">", b"\\u003E"), (b"&", b"\\u0026"))


class _Style(NamedTuple):
    """What differs between revisions in all of their responses."""

    always: Sequence[Header]
    escapes: Sequence[tuple[bytes, bytes]]


_UNTIL_APRIL_8 = _Style(_ALWAYS_WITH_CHROME_FRAME, _ESCAPES_UNTIL_APRIL_8)
_FROM_APRIL_15 = _Style(_ALWAYS, _ESCAPES)


def _style(revision: str) -> _Style:
    return _UNTIL_APRIL_8 if revision < "2014-04-15" else _FROM_APRIL_15


def rails_json(value: Any, escapes: Sequence[tuple[bytes, bytes]] = _ESCAPES) -> bytes:
    """Compact JSON with the escapes of Rails; other characters as UTF-8."""
    written = to_json(value)
    for character, escape in escapes:
        written = written.replace(character, escape)
    return written


def json_response(request: MockRequest, value: Any, status: int = 200) -> RawResponse:
    """A response with a JSON body as from 2014-04-15 on, or 304 without one where the client already has
    it."""
    return _conditional(request, value, status, _FROM_APRIL_15)


def april_response(request: MockRequest, value: Any, status: int = 200) -> RawResponse:
    """As `json_response`, in a shape of 2014-04."""
    return _conditional(request, value, status, _style(request.options.april_revision))


def error_response(
    request: MockRequest, value: Any, status: int, headers: Sequence[Header] = ()
) -> RawResponse:
    """As `json_response`, as in the revision that is set: no error was documented, and so for no path."""
    return _conditional(request, value, status, _style(request.options.revision), headers)


def token_response(request: MockRequest, value: Any) -> RawResponse:
    """The response to a request for a token, as in the revision that is set."""
    style = _style(request.options.revision)
    body = rails_json(value, style.escapes)
    length = (_CONTENT_LENGTH, b"%d" % len(body))
    headers = (*style.always, *_TOKEN, (_ETAG, _etag(body)), *_of_request(request), length)
    return RawResponse(200, body, headers)


def _conditional(
    request: MockRequest, value: Any, status: int, style: _Style, headers: Sequence[Header] = ()
) -> RawResponse:
    body = rails_json(value, style.escapes)
    etag = _etag(body)
    about = ((_ETAG, etag), *_REVALIDATE, *_of_request(request))
    if status == 200 and request.method == "GET" and _is_known(etag.decode(), request):
        return RawResponse(304, b"", (*style.always, *about))
    length = (_CONTENT_LENGTH, b"%d" % len(body))
    return RawResponse(status, body, (*style.always, *_JSON, *about, length, *headers))


def _etag(body: bytes) -> bytes:
    return b'"%b"' % hashlib.md5(body, usedforsecurity=False).hexdigest().encode()


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
