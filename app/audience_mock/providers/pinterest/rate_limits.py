"""Rate limits: what each call counts against, and the headers that tell.

The form of the headers and the standard limits are recorded; so that `x-ratelimit-limit` is no integer, which
broke clients. Per user and app with Pinterest, per token here (chosen: a token stands for both).
"""

from typing import Any, Literal

from audience_mock.core.controls.rate_limits import Limit
from audience_mock.providers.pinterest.sources import DOCUMENTATION, OURS, PRODUCTION
from audience_mock.web.errors import InjectedError, RateLimitError
from audience_mock.web.request import MockRequest
from audience_mock.web.response import Header

RateLimits = Literal["count", "standard", "trial", "off"]

_SECOND_MS, _MINUTE_MS, _DAY_MS = 1_000, 60_000, 86_400_000
_OVER_ALL, _READS, _WRITES = (
    "safety_net_app_id_user_id",
    "ads_read_app_id_user_id",
    "ads_write_app_id_user_id",
)
_STANDARD = (
    Limit(_OVER_ALL, 100, _SECOND_MS),
    Limit(_READS, 1_000, _MINUTE_MS),
    Limit(_WRITES, 400, _MINUTE_MS),
)
_TRIAL = (
    # Documented as 1,000, 1,000 and 300 a day; that they have the names of the standard ones is chosen.
    Limit(_OVER_ALL, 1_000, _DAY_MS),
    Limit(_READS, 1_000, _DAY_MS),
    Limit(_WRITES, 300, _DAY_MS),
)
EVIDENCE = {
    "x-ratelimit-limit": PRODUCTION.says('the tightest limit, then each as `100;w=1;name="…"`'),
    "x-ratelimit-limit of a trial": DOCUMENTATION.says("1,000 over all, 1,000 reads and 300 writes a day"),
    "x-ratelimit-remaining": PRODUCTION.says("calls left to the tightest limit"),
    "x-ratelimit-reset": PRODUCTION.says("whole seconds until the tightest limit begins again"),
    "x-ratelimit-*": OURS.says("counted by token, which stands for user and app"),
}


def _by_scope(over_all: Limit, reads: Limit, writes: Limit) -> dict[str | None, Any]:
    """The limits of an operation by the scope that it asks for, each with what tells of it where it is the
    tightest. Reads that are a POST (sizing) count as reads, as `x-ratelimit-category` has it; what asks for
    no scope counts over all only (chosen: Pinterest's figures for tokens were never published)."""
    table: dict[str | None, Any] = {}
    for scope, limits in (
        (None, (over_all,)),
        *((f"{of}:read", (over_all, reads)) for of in ("ads", "biz_access")),
        *((f"{of}:write", (over_all, writes)) for of in ("ads", "biz_access")),
    ):
        told = ", ".join(f'{each.calls};w={each.window_ms // 1000};name="{each.name}"' for each in limits)
        table[scope] = (limits, [f"{each.calls}, {told}".encode() for each in limits])
    return table


_LIMITS = {"count": _by_scope(*_STANDARD), "standard": _by_scope(*_STANDARD), "trial": _by_scope(*_TRIAL)}


def count(request: MockRequest, who: str, scope: str | None, now_ms: int) -> None:
    """Count a call and give its answer the headers. Raises RateLimitError, where limits are enforced."""
    mode: RateLimits = request.options.rate_limits
    if mode == "off":
        return
    limits, told = _LIMITS[mode][scope]
    tightest, left, resets_in_ms, within = request.world.limits.count(who, limits, now_ms)
    request.response_headers = _headers(told[tightest], left, -(-resets_in_ms // 1000))
    if not within and mode != "count":
        raise RateLimitError


def tell_planned(request: MockRequest, error: InjectedError) -> None:
    """Give an error that a test planned the headers that it would have. It is no call that counts (chosen);
    a planned 429 says that nothing is left."""
    mode: RateLimits = request.options.rate_limits
    if mode == "off" or error.status == 401:
        return
    limits, told = _LIMITS[mode][None]
    window_s = limits[0].window_ms // 1000
    left, resets_in_s = (
        (0, error.resets_in_s or window_s) if error.status == 429 else (limits[0].calls, window_s)
    )
    request.response_headers = _headers(told[0], left, resets_in_s)


def _headers(limit: bytes, left: int, resets_in_s: int) -> tuple[Header, ...]:
    return (
        (b"x-ratelimit-limit", limit),
        (b"x-ratelimit-remaining", b"%d" % left),
        (b"x-ratelimit-reset", b"%d" % resets_in_s),
    )
