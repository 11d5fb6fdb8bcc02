"""Authentication and authorization: tokens with their scopes and ad accounts, apps with their secrets.

Two modes. Strict: a token has to be known (issued by `oauth/token`, or in a seed) or self-describing.
Lenient: any well-formed token may do everything, but one that is known or self-describing is checked against
its scopes and ad accounts. A setting turns self-describing tokens off: anybody can write one.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audience_mock.core import tokens
from audience_mock.core.audiences import sharing
from audience_mock.core.store.rows import TokenRow
from audience_mock.providers.pinterest.rate_limits import count_call
from audience_mock.web import client_tokens
from audience_mock.web.errors import MissingScopesError, NotAuthenticatedError, NotPermittedError
from audience_mock.web.openapi import Security
from audience_mock.web.request import MockRequest

WELL_FORMED = r"[A-Za-z0-9._~:+/-]{1,1000}={0,16}"
_BEARER = re.compile(rf"Bearer +({WELL_FORMED})[ \t]*", re.IGNORECASE)
"""RFC 6750, and the colon of a scope. Pinterest's own tokens begin with `pina_` or `pinc_`; the longest
length is chosen."""

_SELF_DESCRIBING = re.compile(r"pin([ac])_mock(_expired|_revoked)?\.([a-z_:+]*)(?:\.([0-9+]+))?")
"""`pina_mock.ads:read+ads:write`, with ad accounts `pina_mock.ads:read.549755885175`; `pinc_` as if issued to
an app by client credentials; `pina_mock_expired.…`, `pina_mock_revoked.…` are what they say. All chosen."""

MAX_CACHED_CALLERS = 1024
"""Callers of a world whose token is not looked up again. Chosen."""
MAX_CACHED_CHARACTERS = 1_100
"""Of the header that such a caller sends: any number of spaces may precede a token. Chosen."""

MAX_APP_ID_CHARACTERS = 200
"""Chosen; Pinterest's are seven digits."""

SCOPES = {
    "ads:read": "See all of your advertising data",
    "ads:write": "Create, change or remove advertising data",
    "biz_access:read": "See business access data",
    "biz_access:write": "Create, change or remove business access data",
}
"""The scopes that the operations here need."""

ALL_SCOPES = frozenset(SCOPES) | {
    *("billing:read", "billing:write", "boards:read", "boards:read_secret", "boards:write"),
    *("boards:write_secret", "catalogs:read", "catalogs:write", "msot:write", "pins:read"),
    *("pins:read_secret", "pins:write", "pins:write_secret", "user_accounts:read", "user_accounts:write"),
}
"""The scopes of Pinterest's description; a token can be asked for with any of them."""

_USER, _APP = "pinterest_oauth2", "client_credentials"


def _requires(scope: str, *schemes: str) -> Security:
    return [{scheme: [scope]} for scheme in schemes]


# What operations need, as Pinterest's description has it: a scope, of a user's token or also of an app's own.
ADS_READ = _requires("ads:read", _USER, _APP)
ADS_READ_AS_USER = _requires("ads:read", _USER)
ADS_WRITE = _requires("ads:write", _USER)
BUSINESS_READ = _requires("biz_access:read", _USER)
BUSINESS_WRITE = _requires("biz_access:write", _USER)
APP_SECRET: Security = [{"basic": []}]

_TOKEN_URL = "http://127.0.0.1:8000/v5/oauth/token"  # noqa: S105
"""The description needs a whole URL: that of a server with the default settings."""

SECURITY_SCHEMES: Mapping[str, Any] = {
    _USER: {
        "type": "oauth2",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "https://www.pinterest.com/oauth/",
                "tokenUrl": _TOKEN_URL,
                "scopes": SCOPES,
            }
        },
    },
    _APP: {
        "type": "oauth2",
        "flows": {"clientCredentials": {"tokenUrl": _TOKEN_URL, "scopes": SCOPES}},
    },
    "basic": {"type": "http", "scheme": "basic", "description": "An app's id and secret."},
}


def is_self_describing(token: str) -> bool:
    """Whether a token or code says itself what it is for: then it is no secret."""
    return _SELF_DESCRIBING.fullmatch(token) is not None


@dataclass(frozen=True, slots=True)
class TokenRequirement:
    """What an operation needs of a token."""

    scope: str | None = None
    accepts_app_tokens: bool = False
    """Whether an app's own token (of client credentials) will do."""

    @classmethod
    def from_security(cls, security: Security | None) -> "TokenRequirement":
        by_scheme = {scheme: scopes for one in security or () for scheme, scopes in one.items()}
        scope = next(iter(by_scheme.get(_USER, ())), None)
        return cls(scope, accepts_app_tokens=_APP in by_scheme)


@dataclass(frozen=True, slots=True)
class Caller:
    """What a token allows. None is any scope (and then any ad account), any ad account, no expiry."""

    token: str
    scopes: frozenset[str] | None = None
    is_app: bool = False
    ad_accounts: frozenset[str] | None = None
    expires_at_ms: int | None = None
    invalid: str | None = None
    """Why it is no token any more, or none for calls."""


def authorize_token(request: MockRequest, requirement: TokenRequirement) -> None:
    """Check the caller's token against what the operation needs, and count the call.

    Raises NotAuthenticatedError, RateLimitError, MissingScopesError, NotPermittedError; the first before
    anything is counted, since its response has no rate-limit headers.
    """
    world = request.world
    authorization = request.header(b"authorization") or ""
    caller: Caller = world.callers.get(authorization) or _find_caller(request, authorization)
    now_ms = world.clock.now_ms()
    if caller.invalid is not None:
        raise NotAuthenticatedError(caller.invalid)
    if caller.expires_at_ms is not None and now_ms >= caller.expires_at_ms:
        raise NotAuthenticatedError("expired token")
    request.caller = caller
    count_call(request, caller.token, requirement.scope, now_ms)
    if caller.scopes is not None:
        _check_permissions(request, caller, caller.scopes, requirement)


def authorize_app(request: MockRequest) -> None:
    """Check an app's id and secret (HTTP Basic), and count the call; `request.caller` is the id. Raises
    NotAuthenticatedError, RateLimitError."""
    id, secret = _parse_basic(request.header(b"authorization") or "")
    options = request.options
    # With client tokens of the tenant's, anybody's app would issue itself one.
    of_tenant = client_tokens.of_tenant(request) is not None
    if (options.auth_mode == "strict" or of_tenant) and not request.world.read_now(
        tokens.is_app, id=id, secret=secret, must_be_known=of_tenant or not options.self_describing_tokens
    ):
        raise NotAuthenticatedError("unknown app, or not its secret")
    request.caller = id
    count_call(request, f"app {id}", None, request.world.clock.now_ms())


def parse_bearer(authorization: str) -> str | None:
    """The token in the header, if it has one."""
    found = _BEARER.fullmatch(authorization)
    return found[1] if found else None


def parse_self_describing(token: str) -> Caller | None:
    """What a self-describing token says of itself."""
    found = _SELF_DESCRIBING.fullmatch(token)
    if found is None:
        return None
    kind, ended, scopes, accounts = found.groups()
    return Caller(
        token,
        scopes=frozenset(filter(None, scopes.split("+"))),
        is_app=kind == "c",
        ad_accounts=frozenset(filter(None, accounts.split("+"))) if accounts else None,
        invalid=f"{ended[1:]} token" if ended else None,
    )


def _check_permissions(
    request: MockRequest, caller: Caller, scopes: frozenset[str], requirement: TokenRequirement
) -> None:
    """Raises MissingScopesError, NotPermittedError."""
    scope = requirement.scope
    # Chosen: to an app's own token, an operation for users responds as if the scope were missing.
    if scope and (scope not in scopes or caller.is_app > requirement.accepts_app_tokens):
        raise MissingScopesError([scope])
    if caller.ad_accounts is not None:
        account = request.path_params.get("ad_account_id", "")
        if account and account not in caller.ad_accounts:
            raise NotPermittedError("the token is for other ad accounts")
        business = request.path_params.get("business_id", "")
        if business and not request.world.read_now(
            sharing.owns_any, business=business, accounts=caller.ad_accounts
        ):
            # Chosen: a token for ad accounts acts for the business that has one of them, and for no other.
            raise NotPermittedError("the token is for ad accounts of which this business has none")


def _find_caller(request: MockRequest, authorization: str) -> Caller:
    """Raises NotAuthenticatedError."""
    token = parse_bearer(authorization)
    if token is None:
        raise NotAuthenticatedError("malformed token: not Bearer <token>" if authorization else "no token")
    row = request.world.read_now(tokens.find, text=token)
    caller = None
    if row is not None:
        caller = _known_caller(token, row)
    elif (listed := client_tokens.of_tenant(request)) is not None:
        if not client_tokens.has(listed, token):
            raise NotAuthenticatedError("not one of the tenant's client tokens")
        caller = parse_self_describing(token) or Caller(token)
    elif request.options.self_describing_tokens:
        caller = parse_self_describing(token)
    if caller is None:
        if request.options.auth_mode == "strict":
            raise NotAuthenticatedError("unknown token")
        caller = Caller(token)
    if len(authorization) > MAX_CACHED_CHARACTERS:
        return caller
    callers = request.world.callers
    if len(callers) >= MAX_CACHED_CALLERS:
        callers.clear()
    callers[authorization] = caller
    return caller


def _known_caller(token: str, row: TokenRow) -> Caller:
    return Caller(
        token,
        scopes=frozenset((row.scopes or "").split()),
        is_app=row.kind == tokens.APP,
        ad_accounts=None if row.ad_accounts is None else frozenset(row.ad_accounts.split()),
        expires_at_ms=row.expires_at_ms,
        invalid=_why_invalid(row),
    )


def _why_invalid(row: TokenRow) -> str | None:
    if row.kind not in (tokens.ACCESS, tokens.APP):
        return f"a {row.kind}{' token' if row.kind == tokens.REFRESH else ''} authenticates no call"
    return "revoked token" if row.revoked else None


def _parse_basic(authorization: str) -> tuple[str, str]:
    """Id and secret, neither empty. Raises NotAuthenticatedError."""
    if not authorization:
        raise NotAuthenticatedError("no app id and secret")
    malformed = NotAuthenticatedError("malformed app id and secret: not Basic <base64 of id:secret>")
    scheme, _, encoded = authorization.partition(" ")
    try:
        id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise malformed from None
    if scheme.lower() != "basic" or not secret or not id.isprintable():
        raise malformed
    if not 0 < len(id) <= MAX_APP_ID_CHARACTERS:
        raise malformed
    return id, secret
