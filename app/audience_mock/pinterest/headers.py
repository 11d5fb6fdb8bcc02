"""The headers of each answer, as recorded from production in July 2026."""

from audience_mock.pinterest.sources import PRODUCTION
from audience_mock.transport.answers import Answer, Headers
from audience_mock.transport.calls import Call

API_RELEASE = b"5e9bd2a"
"""`pinterest-version`: seven hex digits that name a build at Pinterest; this one is made up."""

_FIXED: Headers = [
    (b"content-type", b"application/json"),
    (b"pinterest-version", API_RELEASE),
    (b"cache-control", b"no-cache, no-store, must-revalidate"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"vary", b"Accept-Encoding"),
]

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


def answer(call: Call, status: int, body: bytes, more: Headers | None = None) -> Answer:
    """An answer with Pinterest's headers, those of the rate limits too if the call was counted; the request
    ids come from the world's own chance."""
    chance = call.world.random.getrandbits
    headers = [
        *(_FIXED if body else _FIXED[1:]),  # an empty body is no JSON
        (b"content-length", b"%d" % len(body)),
        (b"x-pinterest-rid", b"%016d" % (chance(53) % 10**16)),
        (b"x-pinterest-rid-128bit", b"%032x" % chance(128)),
        (b"x-envoy-upstream-service-time", b"%d" % (call.took_s * 1000)),
        *call.more_headers,
    ]
    return Answer(status, body, headers + more if more else headers)
