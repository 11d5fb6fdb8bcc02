"""/__admin/tokens and /__admin/limits: the known tokens, and the windows of the rate limits."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import empty_response, json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core import agenda, tokens
from audience_mock.core.store.rows import TokenRow
from audience_mock.core.store.transaction import Transaction
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import unix_seconds

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["tokens and limits"])


class TokenQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=100, ge=1, le=1000, description="Number of tokens to show at most.")


class TokenState(ApiModel):
    """A token, or a code that was exchanged for one. Only digests are stored."""

    digest: str = Field(description="Hex SHA-256 of its text.")
    kind: str = Field(description="`access`, `refresh`, `app` or `code`.")
    family: int = Field(description="Number of the grant that it came from.")
    app: str | None = Field(description="Null if it was issued to any.")
    scopes: list[str] | None = Field(description="Null for all.")
    ad_accounts: list[str] | None = Field(description="Null for all.")
    expires_at: float | None = Field(description="Unix seconds; null if never.")
    expired: bool
    revoked: bool


class TokenList(ApiModel):
    tokens: list[TokenState] = Field(description="The newest grants first.")
    total: int
    apps: list[str] = Field(description="Ids of the apps that a seed names; if none, any may request tokens.")


class LimitWindow(ApiModel):
    caller: str = Field(description="Beginning of the caller's token.")
    digest: str = Field(description="First digits of the SHA-256 of the token.")
    limit: str = Field(description="Name of the limit.")
    calls: int = Field(description="Number of calls in a window.")
    left: int = Field(description="Number of calls that are left in this one.")
    ends_at: float = Field(description="Unix seconds of the world's clock.")
    in_s: float = Field(description="Seconds until then; 0 if it has ended.")


class LimitList(ApiModel):
    limits: list[LimitWindow] = Field(description="The windows that count now, the fewest calls left first.")


_TOKEN = {
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "kind": "access",
    "family": 1,
    "app": "1443",
    "scopes": ["ads:read"],
    "ad_accounts": None,
    "expires_at": 1797940800.0,
    "expired": False,
    "revoked": False,
}
_WINDOW = {
    "caller": "pina_…",
    "digest": "9f86d081",
    "limit": "ads_read",
    "calls": 1000,
    "left": 998,
    "ends_at": 1795348860.0,
    "in_s": 60.0,
}


@router.get(
    "/tokens",
    operation_id="tokens/list",
    summary="List tokens",
    response_model=TokenList,
    responses=success({"tokens": [_TOKEN], "total": 1, "apps": []}),
)
async def list_tokens(request: MockRequest, query: Annotated[TokenQuery, Query()]) -> RawResponse:
    """List the tokens that this world has issued, revoked or got from a seed. With `auth_mode` lenient, other
    tokens are valid too."""
    found, total, apps = await request.world.read(_newest, limit=query.limit)
    now_ms = request.world.clock.now_ms()
    shown = [_as_json(row, now_ms) for row in found]
    return json_response({"tokens": shown, "total": total, "apps": apps})


def _newest(tx: Transaction, *, limit: int) -> tuple[list[TokenRow], int, list[str]]:
    return *tokens.list_newest(tx, limit=limit), tokens.app_ids(tx)


@router.get(
    "/limits",
    operation_id="limits/list",
    summary="List windows of rate limits",
    response_model=LimitList,
    responses=success({"limits": [_WINDOW]}),
)
async def list_limits(request: MockRequest) -> RawResponse:
    """List the open windows of the rate limits, with the calls that are left."""
    now_ms = request.world.clock.now_ms()
    windows = sorted(
        (window for window in request.world.limits.windows() if window.ends_at_ms > now_ms),
        key=lambda window: (window.left, window.ends_at_ms),
    )
    shown = [
        {
            "caller": agenda.masked(window.caller),
            "digest": agenda.short_digest(window.caller),
            "limit": window.limit,
            "calls": window.calls,
            "left": max(0, window.left),
            "ends_at": unix_seconds(window.ends_at_ms),
            "in_s": unix_seconds(window.ends_at_ms - now_ms),
        }
        for window in windows
    ]
    return json_response({"limits": shown})


@router.delete("/limits", operation_id="limits/restart", summary="Restart the rate limits", status_code=204)
async def restart_limits(request: MockRequest) -> RawResponse:
    """End all windows: the next call of each caller starts a new one."""
    request.world.reset_limits()
    return empty_response()


def _as_json(row: TokenRow, now_ms: int) -> dict[str, Any]:
    expires_at_ms = row.expires_at_ms
    return {
        "digest": row.digest.hex(),
        "kind": row.kind,
        "family": row.family,
        "app": row.app,
        "scopes": None if row.scopes is None else row.scopes.split(),
        "ad_accounts": None if row.ad_accounts is None else row.ad_accounts.split(),
        "expires_at": None if expires_at_ms is None else unix_seconds(expires_at_ms),
        "expired": expires_at_ms is not None and now_ms >= expires_at_ms,
        "revoked": bool(row.revoked),
    }
