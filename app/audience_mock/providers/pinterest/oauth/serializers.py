"""Issued tokens, with the recorded keys in each grant's order."""

from pydantic_core import to_json

from audience_mock.core.tokens import Issued
from audience_mock.providers.pinterest.oauth.schemas import ACCESS_TOKEN_S, REFRESH_TOKEN_S, GrantType


def issued_token(grant_type: GrantType, issued: Issued) -> bytes:
    access = {"access_token": issued.access}
    refresh = {"refresh_token": issued.refresh}
    about = {"response_type": grant_type, "token_type": "bearer", "expires_in": ACCESS_TOKEN_S}
    scope = {"scope": " ".join(issued.scopes)}
    refresh_expiry = {"refresh_token_expires_in": REFRESH_TOKEN_S}
    match grant_type:
        case "authorization_code":
            return to_json(access | refresh | about | refresh_expiry | scope)
        case "refresh_token":
            refresh_expiry["refresh_token_expires_at"] = issued.refresh_expires_at_ms // 1000
            return to_json(access | about | scope | refresh | refresh_expiry)
        case "client_credentials":
            return to_json(access | about | scope)
