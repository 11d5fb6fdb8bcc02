"""The headers of each answer, as recorded from production in July 2026."""

from audience_mock.providers.pinterest.sources import PRODUCTION
from audience_mock.web.request import MockRequest
from audience_mock.web.response import Headers, RawResponse, lines

API_RELEASE = b"5e9bd2a"
"""`pinterest-version`: seven hex digits that name a build at Pinterest; this one is made up."""

_EMPTY = (
    lines(
        [
            (b"pinterest-version", API_RELEASE),
            (b"cache-control", b"no-cache, no-store, must-revalidate"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"vary", b"Accept-Encoding"),
        ]
    )
    + b"content-length: %d\r\nx-pinterest-rid: %016d\r\nx-pinterest-rid-128bit: %032x\r\n"
    b"x-envoy-upstream-service-time: %d\r\n%b"
)
_JSON = lines([(b"content-type", b"application/json")]) + _EMPTY
"""An empty body is no JSON."""

EVIDENCE = {
    "content-type": PRODUCTION.says("application/json, without a charset"),
    "pinterest-version": PRODUCTION.says("7 hex digits"),
    "cache-control": PRODUCTION.says("no-cache, no-store, must-revalidate"),
    "x-content-type-options": PRODUCTION.says("nosniff"),
    "x-frame-options": PRODUCTION.says("DENY"),
    "vary": PRODUCTION.says("Accept-Encoding"),
    "x-pinterest-rid": PRODUCTION.says("16 digits"),
    "x-pinterest-rid-128bit": PRODUCTION.says("32 hex digits"),
    "x-envoy-upstream-service-time": PRODUCTION.says("whole milliseconds"),
}


def response(request: MockRequest, status: int, body: bytes, more: Headers | None = None) -> RawResponse:
    """An answer with Pinterest's headers, those of the rate limits too if the call was counted; the request
    ids come from the world's own chance."""
    chance = request.world.random.getrandbits
    head = (_JSON if body else _EMPTY) % (
        len(body),
        chance(53) % 10**16,
        chance(128),
        request.took_s * 1000,
        request.more_head,
    )
    return RawResponse(status, body, head + lines(more) if more else head)
