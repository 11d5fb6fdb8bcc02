"""/oauth/token: tokens for a code, for a refresh token, or for the app itself; and their revocation.

At `/v5/oauth/…` only: `/oauth/…` at the root is PitchTarget's.
"""

import re
import secrets
from typing import TypeVar

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from audience_mock.core import tokens
from audience_mock.core.tokens import Issued, Terms
from audience_mock.providers.pinterest.errors import Error
from audience_mock.providers.pinterest.oauth import serializers
from audience_mock.providers.pinterest.oauth.schemas import (
    ACCESS_TOKEN_EXAMPLE,
    ACCESS_TOKEN_S,
    REFRESH_TOKEN_S,
    AccessToken,
    RevokeRequest,
    TokenRequest,
)
from audience_mock.providers.pinterest.oauth.scopes import (
    is_self_describing_refresh_token,
    scopes_of_code,
    scopes_of_refresh_token,
)
from audience_mock.providers.pinterest.openapi_responses import Responses, error, success
from audience_mock.providers.pinterest.responses import empty_response, json_response
from audience_mock.providers.pinterest.route import AppRoute
from audience_mock.providers.pinterest.security import APP_SECRET, SCOPES, WELL_FORMED, parse_self_describing
from audience_mock.providers.pinterest.sources import NEWEST, OURS, QUOTED
from audience_mock.web.body import FORM, media_type, read_parameters
from audience_mock.web.errors import UnsupportedContentTypeError
from audience_mock.web.openapi import link, operation, response
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.validation import validated

Model = TypeVar("Model", bound=BaseModel)

router = APIRouter(route_class=AppRoute, tags=["oauth"])
_SERVERS = [{"url": "/v5"}]

_ERRORS: Responses = {
    400: error("An invalid value", 1, "Invalid request: 'token' is a required property"),
    401: error("No app id and secret", 2, "Authentication failed.", status="failure"),
    413: response(description="A body over 1 MiB", model=Error),
    415: response(description="A body that is not a form", model=Error),
    429: error(
        "Too many calls, where limits are enforced", 8, "You have exceeded your rate limit. Try again later."
    ),
}
_TOKEN_ERRORS = _ERRORS | {
    400: error("An invalid value", 1, "Invalid request: 'code' is a required property"),
    401: error("An invalid code or refresh token", 283, "The authorization grant is invalid"),
}


@router.post(
    "/oauth/token",
    operation_id="oauth/token",
    summary="Get a token",
    response_model=AccessToken,
    responses=success(
        ACCESS_TOKEN_EXAMPLE,
        links={
            "Refresh": link(
                "oauth/token",
                {"grant_type": "refresh_token", "refresh_token": "$response.body#/refresh_token"},
            ),
            "Revoke": link("token/revoke", {"token": "$response.body#/access_token"}),
        },
    )
    | _TOKEN_ERRORS,
    openapi_extra=operation(
        QUOTED,
        QUOTED.says("keys in each grant's order"),
        security=APP_SECRET,
        bodies={FORM: TokenRequest},
        servers=_SERVERS,
    ),
)
async def token(request: MockRequest) -> RawResponse:
    form = await _read_form(request, TokenRequest)
    form.check_grant(request.options)
    match form.grant_type:
        case "authorization_code":
            issued = await _redeem_code(request, form.code or "")
        case "refresh_token":
            issued = await _redeem_refresh_token(request, form.refresh_token or "", form.scope)
        case "client_credentials":
            issued = await _issue_to_app(request, form.scope or tuple(SCOPES))
    return json_response(request, serializers.issued_token(form.grant_type, issued))


@router.post(
    "/oauth/token/revoke",
    # Chosen, after the names of 5.28's client: its description was never published on its own.
    operation_id="token/revoke",
    summary="Revoke a token",
    responses={200: response(description="Revoked, or never valid"), **_ERRORS},
    response_class=Response,
    response_model=None,
    openapi_extra=operation(
        NEWEST,
        OURS.says("200 with no body, also for a token that was never valid"),
        security=APP_SECRET,
        bodies={FORM: RevokeRequest},
        servers=_SERVERS,
    ),
)
async def revoke(request: MockRequest) -> RawResponse:
    form = await _read_form(request, RevokeRequest)
    # Tokens that were never issued are valid in lenient mode, self-describing ones in both. Once revoked they
    # have to stay so: then they are stored.
    options = request.options
    valid = options.auth_mode == "lenient" or (
        options.self_describing_tokens
        and (parse_self_describing(form.token) is not None or is_self_describing_refresh_token(form.token))
    )
    store = valid and re.fullmatch(WELL_FORMED, form.token) is not None
    await request.world.transact(tokens.revoke, text=form.token, kind=tokens.ACCESS if store else None)
    return empty_response(request)


async def _redeem_code(request: MockRequest, code: str) -> Issued:
    return await request.world.transact(
        tokens.redeem_code,
        code=code,
        app=request.caller,
        scopes=scopes_of_code(code, request.options),
        terms=_terms(request),
    )


async def _redeem_refresh_token(
    request: MockRequest, refresh_token: str, scopes: tuple[str, ...] | None
) -> Issued:
    return await request.world.transact(
        tokens.redeem_refresh,
        refresh=refresh_token,
        app=request.caller,
        scopes=scopes,
        terms=_terms(request),
        claimed_scopes=scopes_of_refresh_token(refresh_token, request.options, scopes),
    )


async def _issue_to_app(request: MockRequest, scopes: tuple[str, ...]) -> Issued:
    return await request.world.transact(
        tokens.issue_to_app, app=request.caller, scopes=scopes, terms=_terms(request, access_prefix="pinc_")
    )


def _terms(request: MockRequest, access_prefix: str = "pina_") -> Terms:
    """In lenient mode each run issues the same tokens, so anybody can work them out; in strict mode not."""
    is_strict = request.options.auth_mode == "strict"
    return Terms(
        access_prefix=access_prefix,
        refresh_prefix="pinr_",
        access_s=ACCESS_TOKEN_S,
        refresh_s=REFRESH_TOKEN_S,
        salt=secrets.randbits(128) if is_strict else request.world.random.getrandbits(128),
    )


async def _read_form(request: MockRequest, model: type[Model]) -> Model:
    """Raises UnsupportedContentTypeError, MalformedBodyError, BodyTooLargeError, InvalidInputError."""
    content_type = media_type(request)
    if content_type not in ("", FORM):
        raise UnsupportedContentTypeError(content_type, FORM)
    return validated(model, await read_parameters(request))
