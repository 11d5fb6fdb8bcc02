"""Responses with Pinterest's headers, as recorded from production in July 2026."""

import re
from collections.abc import Sequence

from audience_mock.providers.pinterest.sources import PRODUCTION
from audience_mock.web.request import MockRequest
from audience_mock.web.response import Header, RawResponse

API_RELEASE = b"5e9bd2a"
"""`pinterest-version`: seven hex digits that name a build at Pinterest; this one is made up."""

_ALWAYS: tuple[Header, ...] = (
    (b"pinterest-version", API_RELEASE),
    (b"cache-control", b"no-cache, no-store, must-revalidate"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"access-control-allow-credentials", b"true"),
    (b"p3p", b'CP="This is not a P3P policy."'),
    (b"pinterest-generated-by", b"audience-mock"),
    (b"vary", b"Accept-Encoding"),
)
_JSON: tuple[Header, ...] = ((b"content-type", b"application/json"), *_ALWAYS)

HEADER_EVIDENCE = {
    "content-type": PRODUCTION.says("application/json, without a charset"),
    "pinterest-version": PRODUCTION.says("7 hex digits"),
    "cache-control": PRODUCTION.says("no-cache, no-store, must-revalidate"),
    "x-content-type-options": PRODUCTION.says("nosniff"),
    "x-frame-options": PRODUCTION.says("DENY"),
    "access-control-allow-credentials": PRODUCTION.says("true"),
    "date": PRODUCTION.says("on every response; here by the world's clock"),
    "p3p, pinterest-generated-by": PRODUCTION.says("on every response; the values are invented"),
    "vary": PRODUCTION.says("Accept-Encoding"),
    "x-pinterest-rid": PRODUCTION.says("16 digits"),
    "x-pinterest-rid-128bit": PRODUCTION.says("32 hex digits"),
    "x-envoy-upstream-service-time": PRODUCTION.says("whole milliseconds"),
}

_PREFER_CODE = re.compile(r"(?:^|[,;\s])code=(\d{3})(?:$|[,;\s])")


def json_response(
    request: MockRequest, body: bytes, status: int = 200, headers: Sequence[Header] = ()
) -> RawResponse:
    """A response with a body that is JSON already. Request ids come from the world's random numbers."""
    random_bits = request.world.random.getrandbits
    return RawResponse(
        status,
        body,
        [
            *(_JSON if body else _ALWAYS),
            (b"content-length", b"%d" % len(body)),
            request.context.date,
            (b"x-pinterest-rid", b"%016d" % (random_bits(53) % 10**16)),
            (b"x-pinterest-rid-128bit", b"%032x" % random_bits(128)),
            (b"x-envoy-upstream-service-time", b"%d" % (request.took_s * 1000)),
            *request.response_headers,
            *headers,
        ],
    )


def empty_response(request: MockRequest) -> RawResponse:
    """200 without a body, and so without a content type."""
    return json_response(request, b"")


def status_of_create(request: MockRequest) -> int:
    """201 or 200: `Prefer: code=200` (or 201) for one request, else the setting."""
    if (prefer := request.header(b"prefer")) is not None:
        for code in _PREFER_CODE.findall(prefer):
            if code in ("200", "201"):
                return int(code)
    return int(request.options.create_status)
