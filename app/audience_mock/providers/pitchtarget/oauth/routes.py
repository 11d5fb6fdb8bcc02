"""/oauth/authorize: a token for a user's name and password, as OAuth 2.0 draft 10 has it."""

import string
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict

from audience_mock.providers.pitchtarget.custom_audiences.schemas import Text
from audience_mock.providers.pitchtarget.errors import INPUT_ERRORS
from audience_mock.providers.pitchtarget.responses import response
from audience_mock.providers.pitchtarget.route import PitchTargetRoute
from audience_mock.providers.pitchtarget.sources import DOCUMENTATION, EXCHANGES, OURS
from audience_mock.web.openapi import operation as known_by
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

TOKEN_LENGTH = 31
"""Published tokens are 30 or 31 lower-case letters and digits."""


class _OpenRoute(PitchTargetRoute):
    """Who asks for a token has none yet."""

    def authorize(self, request: MockRequest) -> None:
        pass


router = APIRouter(route_class=_OpenRoute, tags=["oauth"])


class Authorize(ApiModel):
    """Any name and password will do."""

    username: Annotated[Text, DOCUMENTATION]
    password: Annotated[Text, DOCUMENTATION]
    grant_type: Annotated[Literal["password"], DOCUMENTATION]
    client_id: Annotated[Text, DOCUMENTATION]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"username": "ann", "password": "secret", "grant_type": "password", "client_id": "shop"}
            ]
        }
    )


class AccessToken(ApiModel):
    access_token: Annotated[str, EXCHANGES.says("30 or 31 lower-case letters and digits")]


EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "oauth/authorize": {"200": {"access_token": "cpo7v1e0zbzdic90pc6txbj1cypb8yl"}}
}


@router.post(
    "/oauth/authorize",
    operation_id="oauth/authorize",
    summary="Get a token",
    response_model=AccessToken,
    responses=INPUT_ERRORS,
    openapi_extra={"security": []} | known_by(DOCUMENTATION, OURS.says("any name and password will do")),
)
async def authorize(request: MockRequest, body: Authorize) -> RawResponse:
    token = "".join(request.world.random.choices(string.ascii_lowercase + string.digits, k=TOKEN_LENGTH))
    return response(request, 200, {"access_token": token})
