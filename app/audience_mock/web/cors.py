"""Preflights of CORS, as the Fetch standard has them; which origins may call, each API decides."""

from collections.abc import Collection

from audience_mock.web.request import MockRequest
from audience_mock.web.response import Header, RawResponse

OWN_HEADERS = ("X-Audience-Mock-World", "X-Audience-Mock-Fault", "Prefer")
"""Request headers that this server reads and no emulated API knows."""

MAX_AGE_S = 600
"""Seconds that a browser may keep the answer to a preflight. Chosen: Starlette's default."""


def is_preflight(request: MockRequest) -> bool:
    """Whether a browser asks if a page may send another request."""
    return (
        request.method == "OPTIONS"
        and request.header(b"origin") is not None
        and request.header(b"access-control-request-method") is not None
    )


def preflight_response(request: MockRequest, methods: Collection[str]) -> RawResponse:
    """Grants all that is asked for, but the origin, which is the caller's to add."""
    asked = request.header(b"access-control-request-headers")
    return RawResponse(
        204,
        b"",
        [
            (b"access-control-allow-methods", ", ".join(sorted(methods)).encode()),
            *([(b"access-control-allow-headers", asked.encode("latin-1"))] if asked else ()),
            *private_network(request),
            (b"access-control-max-age", b"%d" % MAX_AGE_S),
            (b"cache-control", b"no-store"),
        ],
    )


def private_network(request: MockRequest) -> tuple[Header, ...]:
    """The permission for pages of public sites to call into a private network, where the browser asks for it
    (Private Network Access, a draft of the WICG)."""
    if request.header(b"access-control-request-private-network") == "true":
        return ((b"access-control-allow-private-network", b"true"),)
    return ()
