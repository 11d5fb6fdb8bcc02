"""Tokens: requests and responses."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from audience_mock.providers.pinterest.api_versions import is_before_5_28
from audience_mock.providers.pinterest.errors import InvalidRequestError
from audience_mock.providers.pinterest.security import ALL_SCOPES
from audience_mock.providers.pinterest.settings import PinterestOptions
from audience_mock.providers.pinterest.sources import (
    DESCRIPTION,
    DOCUMENTATION,
    NEWEST,
    OURS,
    QUOTED,
    UNPUBLISHED,
)
from audience_mock.providers.pinterest.strictness import is_schema_only
from audience_mock.web.schema import ApiModel

ACCESS_TOKEN_S = 2_592_000
"""30 days (recorded)."""
REFRESH_TOKEN_S = 5_184_000
"""60 days (recorded)."""

GrantType = Literal["authorization_code", "refresh_token", "client_credentials"]


def _split_scopes(value: Any) -> Any:
    """Scopes separated by commas or spaces."""
    if not isinstance(value, str):
        return value
    text = value.strip(", +")
    scopes = tuple(dict.fromkeys(re.split(r"[,+\s]+", text))) if text else ()
    for scope in scopes:
        if scope not in ALL_SCOPES:
            raise InvalidRequestError(f"{scope!r} is not one of {sorted(ALL_SCOPES)}")
    return scopes


class TokenRequest(ApiModel):
    """What each grant needs: `code` and `redirect_uri`; `refresh_token`; `scope`. Keys that are not named
    here, such as `continuous_refresh`, are ignored: every refresh token is a continuous one."""

    grant_type: Annotated[GrantType, DESCRIPTION]
    code: Annotated[str | None, DOCUMENTATION, OURS.says("any word, or `code_mock.` and scopes")] = None
    redirect_uri: Annotated[str | None, DOCUMENTATION, OURS.says("ignored")] = Field(
        default=None, description="Ignored: no page was visited."
    )
    refresh_token: Annotated[str | None, DOCUMENTATION] = None
    scope: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(_split_scopes, json_schema_input_type=str | None),
        DOCUMENTATION,
        QUOTED.says("separated by commas or spaces"),
        UNPUBLISHED.says("a known scope"),
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

    def check_grant(self, settings: PinterestOptions) -> None:
        """Raises InvalidRequestError if a key that the grant needs is missing: the schema of 5.28 requires
        none."""
        if is_schema_only(settings) and not is_before_5_28(settings):
            return
        for key in _KEYS_OF_GRANT[self.grant_type]:
            if getattr(self, key) is None:
                raise InvalidRequestError(f"{key!r} is a required property")


_KEYS_OF_GRANT: dict[GrantType, tuple[str, ...]] = {
    "authorization_code": ("code", "redirect_uri"),
    "refresh_token": ("refresh_token",),
    "client_credentials": ("scope",),
}


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
    response_type: GrantType
    token_type: Annotated[Literal["bearer"], QUOTED.says("bearer")]
    expires_in: Annotated[int, QUOTED.says("2592000 seconds: 30 days")]
    refresh_token_expires_in: Annotated[int, QUOTED.says("5184000 seconds: 60 days")] = 0
    refresh_token_expires_at: int = 0
    scope: Annotated[str, QUOTED.says("separated by spaces")]


ACCESS_TOKEN_EXAMPLE = {
    "access_token": "pina_XK5EPLB5",
    "refresh_token": "pinr_T4WJZQ6A",
    "response_type": "authorization_code",
    "token_type": "bearer",
    "expires_in": ACCESS_TOKEN_S,
    "refresh_token_expires_in": REFRESH_TOKEN_S,
    "scope": "ads:read ads:write",
}
