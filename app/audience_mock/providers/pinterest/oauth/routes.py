"""/oauth/token: tokens for a code, for a refresh token, or for the app itself; and their revocation.

At `/v5/oauth/…` only: `/oauth/…` at the root is PitchTarget's.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import to_json
from starlette.responses import Response

from audience_mock.core import tokens
from audience_mock.core.errors import InvalidGrantError
from audience_mock.core.tokens import Issued, Terms
from audience_mock.providers.pinterest import security as auth
from audience_mock.providers.pinterest.errors import Error, InvalidRequest
from audience_mock.providers.pinterest.openapi_responses import described_error
from audience_mock.providers.pinterest.responses import response
from audience_mock.providers.pinterest.route import AppRoute
from audience_mock.providers.pinterest.sources import DESCRIPTION, DOCUMENTATION, NEWEST, OURS, QUOTED, SILENT
from audience_mock.web import body as bodies
from audience_mock.web.errors import UnsupportedContentTypeError
from audience_mock.web.openapi import link
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel
from audience_mock.web.validation import validated

ACCESS_S = 2_592_000
"""30 days (recorded)."""
REFRESH_S = 5_184_000
"""60 days (recorded)."""

_CODE = re.compile(r"[\w.~:+ /=-]{1,1000}", re.ASCII)
"""A code of the right form. Chosen: any word; Pinterest's are 40 hex digits."""
_SELF_DESCRIBING_CODE = re.compile(r"code_mock\.([a-z_:+, ]*)(?:\.[\w-]*)?", re.ASCII)
"""A code that names the scopes of its tokens: `code_mock.ads:read+ads:write`, with any third part to make it
another code. The plus signs may arrive as the spaces that a form makes of them."""
_SELF_DESCRIBING_REFRESH = re.compile(r"pinr_mock\.([a-z_:+ ]*)")
"""`pinr_mock.ads:read+ads:write`: the official client sends the same at each start, and forgets the next."""

GRANT_NEEDS = {
    "authorization_code": ("code", "redirect_uri"),
    "refresh_token": ("refresh_token",),
    "client_credentials": ("scope",),
}


def _scopes(value: Any) -> Any:
    """Scopes in: separated by commas or spaces."""
    if not isinstance(value, str):
        return value
    scopes = tuple(dict.fromkeys(re.split(r"[,+\s]+", value.strip(", +")))) if value.strip(", +") else ()
    for scope in scopes:
        if scope not in auth.ALL_SCOPES:
            raise InvalidRequest(f"{scope!r} is not one of {sorted(auth.ALL_SCOPES)}")
    return scopes


class TokenRequest(ApiModel):
    """What each grant needs: `code` and `redirect_uri`; `refresh_token`; `scope`. Keys that are not named
    here, such as `continuous_refresh`, are ignored: every refresh token is a continuous one."""

    grant_type: Annotated[Literal["authorization_code", "refresh_token", "client_credentials"], DESCRIPTION]
    code: Annotated[str | None, DOCUMENTATION, OURS.says("any word, or `code_mock.` and scopes")] = None
    redirect_uri: Annotated[str | None, DOCUMENTATION, OURS.says("ignored")] = Field(
        default=None, description="Ignored: no page was visited."
    )
    refresh_token: Annotated[str | None, DOCUMENTATION] = None
    scope: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(_scopes, json_schema_input_type=str | None),
        DOCUMENTATION,
        QUOTED.says("separated by commas or spaces"),
        SILENT.says("a known scope"),
    ] = Field(default=None, description="Scopes, separated by commas or spaces.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "grant_type": "authorization_code",
                    "code": "5d2c1f0e",
                    "redirect_uri": "https://shop.example/back",
                },
                {"grant_type": "refresh_token", "refresh_token": "pinr_anything"},
                {"grant_type": "client_credentials", "scope": "ads:read"},
            ]
        }
    )


class RevokeRequest(ApiModel):
    token: Annotated[str, NEWEST]
    token_type_hint: Annotated[Literal["access_token", "refresh_token"] | None, NEWEST] = Field(
        default=None, description="Ignored: the token is found without it."
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "pina_anything"}]})


class AccessToken(ApiModel):
    """Each grant has its keys, in an order of its own; these are all of them."""

    access_token: str
    refresh_token: str = ""
    response_type: Literal["authorization_code", "refresh_token", "client_credentials"]
    token_type: Annotated[Literal["bearer"], QUOTED.says("bearer")]
    expires_in: Annotated[int, QUOTED.says("2592000 seconds: 30 days")]
    refresh_token_expires_in: Annotated[int, QUOTED.says("5184000 seconds: 60 days")] = 0
    refresh_token_expires_at: int = 0
    scope: Annotated[str, QUOTED.says("separated by spaces")]


BODIES: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "oauth/token": {bodies.FORM: TokenRequest},
    "token/revoke": {bodies.FORM: RevokeRequest},
}
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "oauth/token": {
        "200": {
            "access_token": "pina_XK5EPLB5",
            "refresh_token": "pinr_T4WJZQ6A",
            "response_type": "authorization_code",
            "token_type": "bearer",
            "expires_in": ACCESS_S,
            "refresh_token_expires_in": REFRESH_S,
            "scope": "ads:read ads:write",
        }
    }
}
_REFRESH = {"grant_type": "refresh_token", "refresh_token": "$response.body#/refresh_token"}
LINKS: Mapping[str, Any] = {
    "oauth/token": {
        "Refresh": link("oauth/token", _REFRESH),
        "Revoke": link("token/revoke", {"token": "$response.body#/access_token"}),
    }
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: described_error("A value that does not fit", 1, "Invalid request: 'token' is a required property"),
    401: described_error("No app's id and secret", 2, "Authentication failed.", status="failure"),
    413: {"model": Error, "description": "A body over 1 MiB"},
    415: {"model": Error, "description": "A body that is no form"},
    429: described_error(
        "Too many calls, where limits are enforced", 8, "You have exceeded your rate limit. Try again later."
    ),
}
_TOKEN_ERRORS = _ERRORS | {
    400: described_error("A value that does not fit", 1, "Invalid request: 'code' is a required property"),
    401: described_error(
        "A code or refresh token that gives none", 283, "The authorization grant is invalid"
    ),
}
_REVOKED: dict[int | str, dict[str, Any]] = {200: {"description": "Revoked, or never valid"}}
_BY_APPS = {"security": [{"basic": []}], "servers": [{"url": "/v5"}]}
Asked = TypeVar("Asked", bound=BaseModel)

router = APIRouter(route_class=AppRoute, tags=["oauth"])


@router.post(
    "/oauth/token",
    operation_id="oauth/token",
    summary="Get a token",
    response_model=AccessToken,
    responses=_TOKEN_ERRORS,
    openapi_extra=_BY_APPS | known_by(QUOTED, QUOTED.says("keys in each grant's order")),
)
async def token(request: MockRequest) -> RawResponse:
    asked = await _read(request, TokenRequest)
    for name in GRANT_NEEDS[asked.grant_type]:
        if getattr(asked, name) is None:
            raise InvalidRequest(f"{name!r} is a required property")
    match asked.grant_type:
        case "authorization_code":
            code = asked.code or ""
            issued = await request.world.transact(
                tokens.redeem_code,
                code=code,
                app=request.caller,
                scopes=_scopes_of(request, code),
                terms=_terms(request),
            )
        case "refresh_token":
            issued = await request.world.transact(
                tokens.redeem_refresh,
                refresh=asked.refresh_token or "",
                app=request.caller,
                scopes=asked.scope,
                terms=_terms(request),
                claimed_scopes=_scopes_of_refresh(asked.refresh_token or ""),
            )
        case _:
            issued = await request.world.transact(
                tokens.issue_to_app,
                app=request.caller,
                scopes=asked.scope or (),
                terms=_terms(request, "pinc_"),
            )
    return response(request, 200, to_json(to_answer(asked.grant_type, issued)))


@router.post(
    "/oauth/token/revoke",
    # Chosen, after the names of 5.28's client: its description was never published on its own.
    operation_id="token/revoke",
    summary="Revoke a token",
    responses=_REVOKED | _ERRORS,
    response_class=Response,
    response_model=None,
    openapi_extra=_BY_APPS
    | known_by(NEWEST, OURS.says("200 with no body, also for a token that was never valid")),
)
async def revoke(request: MockRequest) -> RawResponse:
    asked = await _read(request, RevokeRequest)
    # A token that was never given out is honoured in lenient mode, and one that describes itself in both:
    # revoked, it has to stay so.
    described = auth.described(asked.token) or _SELF_DESCRIBING_REFRESH.fullmatch(asked.token)
    honoured = request.options.auth_mode == "lenient" or described is not None
    known_from_now_on = honoured and re.fullmatch(auth.WELL_FORMED, asked.token) is not None
    await request.world.transact(
        tokens.revoke, text=asked.token, kind=tokens.ACCESS if known_from_now_on else None
    )
    return response(request, 200, b"")


def to_answer(grant_type: str, issued: Issued) -> dict[str, Any]:
    """Recorded keys, in each grant's order."""
    about = {"response_type": grant_type, "token_type": "bearer", "expires_in": ACCESS_S}
    scope = " ".join(issued.scopes)
    refresh = {"refresh_token": issued.refresh}
    match grant_type:
        case "authorization_code":
            ends = {"refresh_token_expires_in": REFRESH_S, "scope": scope}
            return {"access_token": issued.access, **refresh, **about, **ends}
        case "refresh_token":
            ends_at_s = issued.refresh_expires_at_ms // 1000
            ends = {"refresh_token_expires_in": REFRESH_S, "refresh_token_expires_at": ends_at_s}
            return {"access_token": issued.access, **about, "scope": scope, **refresh, **ends}
        case _:
            return {"access_token": issued.access, **about, "scope": scope}


def _terms(request: MockRequest, access_prefix: str = "pina_") -> Terms:
    return Terms(
        access_prefix=access_prefix,
        refresh_prefix="pinr_",
        access_s=ACCESS_S,
        refresh_s=REFRESH_S,
        salt=request.world.random.getrandbits(128),
    )


def _scopes_of(request: MockRequest, code: str) -> tuple[str, ...]:
    """What a code stands for; one that does not say it, every scope of the operations here (chosen).

    Raises InvalidGrantError: in strict mode, for a code that does not describe itself.
    """
    if found := _SELF_DESCRIBING_CODE.fullmatch(code):
        return _named(found[1])
    if request.options.auth_mode == "strict" or not _CODE.fullmatch(code):
        raise InvalidGrantError
    return tuple(auth.SCOPES)


def _scopes_of_refresh(token: str) -> tuple[str, ...] | None:
    """What a refresh token says of itself. Raises InvalidGrantError."""
    found = _SELF_DESCRIBING_REFRESH.fullmatch(token)
    return _named(found[1]) if found else None


def _named(scopes: str) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(re.findall(r"[a-z_:]+", scopes)))
    if set(named) <= auth.ALL_SCOPES:
        return named
    raise InvalidGrantError


async def _read(request: MockRequest, model: type[Asked]) -> Asked:
    """The form. Raises UnsupportedContentTypeError, MalformedBodyError, BodyTooLargeError and
    InvalidInputError."""
    given = bodies.media_type(request)
    if given not in ("", bodies.FORM):
        raise UnsupportedContentTypeError(given, bodies.FORM)
    return validated(model, await bodies.read_parameters(request))
