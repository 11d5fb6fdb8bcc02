"""Who may call, and what: tokens, their scopes and their ad accounts.

Two modes. Strict: a token has to be known (given by `oauth/token`, or by a seed) or to describe itself.
Lenient: any token of the right form may do everything, but one that is known or describes itself is held to
what it says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from audience_mock.core import tokens
from audience_mock.core.store.rows import TokenRow
from audience_mock.providers.pinterest import rate_limits as limits
from audience_mock.web.errors import MissingScopesError, NotAuthenticatedError, NotPermittedError
from audience_mock.web.request import MockRequest

AuthMode = Literal["lenient", "strict"]

WELL_FORMED = r"[A-Za-z0-9._~:+/-]{1,1000}=*"
_BEARER = re.compile(f"Bearer +({WELL_FORMED})", re.IGNORECASE)
"""RFC 6750, and the colon of a scope. Pinterest's own tokens begin with `pina_` or `pinc_`; the most
characters are chosen."""

_SELF_DESCRIBING = re.compile(r"pin([ac])_mock(_expired|_revoked)?\.([a-z_:+]*)(?:\.([0-9+]+))?")
"""`pina_mock.ads:read+ads:write`, with ad accounts `pina_mock.ads:read.549755885175`; `pinc_` as if given to
an app by client credentials; `pina_mock_expired.…`, `pina_mock_revoked.…` are what they say. All chosen."""

MAX_REMEMBERED = 1024
"""Callers that are let in without a look at the store. Chosen."""

SCOPES = {
    "ads:read": "See all of your advertising data",
    "ads:write": "Create, change or remove advertising data",
    "biz_access:read": "See business access data",
    "biz_access:write": "Create, change or remove business access data",
}
"""The scopes that the operations here ask for."""

ALL_SCOPES = frozenset(SCOPES) | {
    *("billing:read", "billing:write", "boards:read", "boards:read_secret", "boards:write"),
    *("boards:write_secret", "catalogs:read", "catalogs:write", "msot:write", "pins:read"),
    *("pins:read_secret", "pins:write", "pins:write_secret", "user_accounts:read", "user_accounts:write"),
}
"""The scopes of Pinterest's description; a token can be asked for with any of them."""


@dataclass(frozen=True, slots=True)
class SecurityRequirement:
    """What an operation asks of a token: a scope, and whether an app's own token (of client credentials)
    will do."""

    scope: str
    of_app: bool

    @property
    def security(self) -> list[dict[str, list[str]]]:
        """As the description has it."""
        schemes = ["pinterest_oauth2", *(["client_credentials"] if self.of_app else [])]
        return [{scheme: [self.scope]} for scheme in schemes]


_READ, _READ_AS_PERSON = SecurityRequirement("ads:read", True), SecurityRequirement("ads:read", False)
_WRITE = SecurityRequirement("ads:write", False)
_BUSINESS_READ, _BUSINESS_WRITE = (
    SecurityRequirement("biz_access:read", False),
    SecurityRequirement("biz_access:write", False),
)

DEMANDS: Mapping[str, SecurityRequirement] = {
    # The client of 5.28 has these two; 5.23's cut leaves them out.
    "ad_accounts/list": _READ,
    "ad_accounts/get": _READ,
    "audiences/list": _READ,
    "audiences/get": _READ,
    "audiences/create": _WRITE,
    "audiences/create_custom": _WRITE,
    "audiences/update": _WRITE,
    "ad_accounts_audiences_shared_accounts/list": _READ,
    "update_ad_account_to_ad_account_shared_audience": _WRITE,
    "update_ad_account_to_business_shared_audience": _WRITE,
    "shared_audiences_for_business/list": _BUSINESS_READ,
    "business_account_audiences_shared_accounts/list": _BUSINESS_READ,
    "update_business_to_ad_account_shared_audience": _BUSINESS_WRITE,
    "update_business_to_business_shared_audience": _BUSINESS_WRITE,
    "customer_lists/list": _READ_AS_PERSON,
    "customer_lists/get": _READ,
    "customer_lists/create": _WRITE,
    "customer_lists/update": _WRITE,
    "customer_list_uploads/get": _READ_AS_PERSON,
    "customer_list_uploads/create": _WRITE,
    "customer_list_uploads/run": _WRITE,
    "audience_insights/get": _READ,
    "audience_insights_scope_and_type/get": _READ,
    "ad_groups/audience_sizing": _READ,
}
"""By operation, as Pinterest's descriptions have it (`security`)."""

_TOKEN_URL = "http://127.0.0.1:8000/v5/oauth/token"  # noqa: S105
"""In the description, which asks for a whole URL: where a server listens that was told nothing else."""

SECURITY: Mapping[str, Any] = {
    "pinterest_oauth2": {
        "type": "oauth2",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "https://www.pinterest.com/oauth/",
                "tokenUrl": _TOKEN_URL,
                "scopes": SCOPES,
            }
        },
    },
    "client_credentials": {
        "type": "oauth2",
        "flows": {"clientCredentials": {"tokenUrl": _TOKEN_URL, "scopes": SCOPES}},
    },
    "basic": {"type": "http", "scheme": "basic", "description": "An app's id and secret."},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """What a token allows; None is any scope (and then any ad account), any ad account, no end."""

    token: str
    scopes: frozenset[str] | None = None
    of_app: bool = False
    ad_accounts: frozenset[str] | None = None
    expires_at_ms: int | None = None
    revoked: bool = False


def authorize(request: MockRequest, demand: SecurityRequirement | None) -> None:
    """Let in who has a token that is good for the operation, and count the call.

    Raises NotAuthenticatedError, RateLimitError, MissingScopesError, NotPermittedError; the first before
    anything is counted, since its answer has no rate-limit headers.
    """
    world = request.world
    authorization = request.header(b"authorization") or ""
    caller: Caller = world.callers.get(authorization) or _look_up(request, authorization)
    now_ms = world.clock.now_ms()
    if caller.revoked or (caller.expires_at_ms is not None and now_ms >= caller.expires_at_ms):
        raise NotAuthenticatedError
    request.caller = caller
    limits.count(request, caller.token, None if demand is None else demand.scope, now_ms)
    if caller.scopes is not None:
        _check(request, caller, demand)


def _check(request: MockRequest, caller: Caller, demand: SecurityRequirement | None) -> None:
    """Hold a caller to what their token says. Raises MissingScopesError, NotPermittedError."""
    # Chosen: to an app's own token, an operation for persons answers as if the scope were missing.
    if demand and (demand.scope not in (caller.scopes or ()) or caller.of_app > demand.of_app):
        raise MissingScopesError([demand.scope])
    if caller.ad_accounts is not None:
        account = request.path_params.get("ad_account_id", "")
        if account and account not in caller.ad_accounts:
            raise NotPermittedError


def token_of(authorization: str) -> str | None:
    """The token of a header, if it is one."""
    found = _BEARER.fullmatch(authorization)
    return found[1] if found else None


def _look_up(request: MockRequest, authorization: str) -> Caller:
    """Raises NotAuthenticatedError."""
    token = token_of(authorization)
    if token is None:
        raise NotAuthenticatedError
    row = request.world.read_now(tokens.find, text=token)
    caller = described(token) if row is None else _known(token, row)
    if caller is None:
        if request.options.auth_mode == "strict":
            raise NotAuthenticatedError
        caller = Caller(token)
    callers = request.world.callers
    if len(callers) >= MAX_REMEMBERED:
        callers.clear()
    callers[authorization] = caller
    return caller


def _known(token: str, row: TokenRow) -> Caller:
    return Caller(
        token,
        scopes=frozenset((row.scopes or "").split()),
        of_app=row.kind == tokens.APP,
        ad_accounts=None if row.ad_accounts is None else frozenset(row.ad_accounts.split()),
        expires_at_ms=row.expires_at_ms,
        # A refresh token or a code opens nothing.
        revoked=row.revoked or row.kind not in (tokens.ACCESS, tokens.APP),
    )


def described(token: str) -> Caller | None:
    """What a self-describing token says of itself."""
    found = _SELF_DESCRIBING.fullmatch(token)
    if found is None:
        return None
    kind, ended, scopes, accounts = found.groups()
    return Caller(
        token,
        scopes=frozenset(filter(None, scopes.split("+"))),
        of_app=kind == "c",
        ad_accounts=frozenset(filter(None, accounts.split("+"))) if accounts else None,
        revoked=ended is not None,
    )
