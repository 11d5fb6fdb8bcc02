"""Rate limits: what each call counts against, and the headers that say so.

The form of the headers and the standard limits are recorded, also that `x-ratelimit-limit` is no integer,
which broke clients. Pinterest counts by user and app, this server by token (chosen: it stands for both).
"""

from typing import Any

from audience_mock.core.controls.rate_limits import Limit
from audience_mock.providers.pinterest.settings import RateLimitMode
from audience_mock.providers.pinterest.sources import DOCUMENTATION, OURS, PRODUCTION
from audience_mock.web.errors import InjectedError, RateLimitError
from audience_mock.web.request import MockRequest
from audience_mock.web.response import Header

_SECOND_MS, _MINUTE_MS, _DAY_MS = 1_000, 60_000, 86_400_000
_OVERALL, _READS, _WRITES = (
    "safety_net_app_id_user_id",
    "ads_read_app_id_user_id",
    "ads_write_app_id_user_id",
)
_STANDARD = (
    Limit(_OVERALL, 100, _SECOND_MS),
    Limit(_READS, 1_000, _MINUTE_MS),
    Limit(_WRITES, 400, _MINUTE_MS),
)
_TRIAL = (
    # Documented as 1,000, 1,000 and 300 a day; that they have the names of the standard ones is chosen.
    Limit(_OVERALL, 1_000, _DAY_MS),
    Limit(_READS, 1_000, _DAY_MS),
    Limit(_WRITES, 300, _DAY_MS),
)
HEADER_EVIDENCE = {
    "x-ratelimit-limit": PRODUCTION.says('the tightest limit, then each as `100;w=1;name="…"`'),
    "x-ratelimit-limit of a trial": DOCUMENTATION.says("1,000 over all, 1,000 reads and 300 writes a day"),
    "x-ratelimit-remaining": PRODUCTION.says("calls left to the tightest limit"),
    "x-ratelimit-reset": PRODUCTION.says("whole seconds until the tightest limit begins again"),
    "x-ratelimit-*": OURS.says("counted by token, which stands for user and app"),
}


def _by_scope(overall: Limit, reads: Limit, writes: Limit) -> dict[str | None, Any]:
    """By the scope that an operation needs: its limits, and for each the `x-ratelimit-limit` that is sent
    while that one is the tightest.

    Reads that are a POST (sizing) count as reads, as `x-ratelimit-category` has it. What needs no scope
    counts overall only (chosen: Pinterest's figures for tokens were never published).
    """
    table: dict[str | None, Any] = {}
    for scope, limits in (
        (None, (overall,)),
        *((f"{family}:read", (overall, reads)) for family in ("ads", "biz_access")),
        *((f"{family}:write", (overall, writes)) for family in ("ads", "biz_access")),
    ):
        policy = ", ".join(f'{one.calls};w={one.window_ms // 1000};name="{one.name}"' for one in limits)
        table[scope] = (limits, [f"{one.calls}, {policy}".encode() for one in limits])
    return table


_LIMITS = {"count": _by_scope(*_STANDARD), "standard": _by_scope(*_STANDARD), "trial": _by_scope(*_TRIAL)}


def count_call(request: MockRequest, caller: str, scope: str | None, now_ms: int) -> None:
    """Count a call and add the headers to its response. Raises RateLimitError, where limits are enforced."""
    mode: RateLimitMode = request.options.rate_limits
    if mode == "off":
        return
    limits, limit_headers = _LIMITS[mode][scope]
    tightest, left, resets_in_ms, within = request.world.limits.count(caller, limits, now_ms)
    request.response_headers = _headers(limit_headers[tightest], left, -(-resets_in_ms // 1000))
    if not within and mode != "count":
        raise RateLimitError


def add_headers_to_injected(request: MockRequest, error: InjectedError) -> None:
    """Add the headers that an injected error would have. It does not count as a call (chosen); an injected
    429 has no calls left."""
    mode: RateLimitMode = request.options.rate_limits
    if mode == "off" or error.status == 401:
        return
    limits, limit_headers = _LIMITS[mode][None]
    window_s = limits[0].window_ms // 1000
    left, resets_in_s = (
        (0, error.resets_in_s or window_s) if error.status == 429 else (limits[0].calls, window_s)
    )
    request.response_headers = _headers(limit_headers[0], left, resets_in_s)


def _headers(limit: bytes, left: int, resets_in_s: int) -> tuple[Header, ...]:
    return (
        (b"x-ratelimit-limit", limit),
        (b"x-ratelimit-remaining", b"%d" % left),
        (b"x-ratelimit-reset", b"%d" % resets_in_s),
    )
